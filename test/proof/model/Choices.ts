/**
 * All small worlds, each once. A world asks what happens as it goes along; each answer has a cost, the usual one none;
 * and the worlds of a size are all those whose answers cost no more than that in all.
 */

/** One of the things that can happen next. The first of several is the usual one, and costs nothing. */
export interface Option<A> {
  readonly name: string
  readonly cost: number
  readonly value: A
}

export type Choose = <A>(options: ReadonlyArray<Option<A>>) => A

interface Step {
  readonly costs: ReadonlyArray<number>
  readonly taken: number
}

/** Runs every world up to a size. Each is run from its start, and is told of by the unusual things that happened. */
export function* enumerate<W>(
  size: number,
  run: (choose: Choose) => W
): Generator<{ world: W; oddities: Array<string> }> {
  let plan: ReadonlyArray<number> | undefined = []
  while (plan !== undefined) {
    const steps: Array<Step> = []
    const oddities: Array<string> = []
    const given: ReadonlyArray<number> = plan
    const choose: Choose = (options) => {
      const taken = given[steps.length] ?? 0
      steps.push({ costs: options.map(({ cost }) => cost), taken })
      return pick(options, taken, oddities)
    }
    yield { world: run(choose), oddities }
    plan = following(steps, size)
  }
}

/** Runs one world: that in which these unusual things happen, in this order, and nothing else out of the usual. */
export const replay = <W>(
  oddities: ReadonlyArray<string>,
  run: (choose: Choose) => W
): { world: W; left: ReadonlyArray<string> } => {
  const left = [...oddities]
  const world = run((options) => {
    const index = options.findIndex(({ name }) => name === left[0])
    if (index > 0) left.shift()
    return pick(options, Math.max(0, index), [])
  })
  return { world, left }
}

const pick = <A>(options: ReadonlyArray<Option<A>>, index: number, oddities: Array<string>): A => {
  const option = options[index]
  if (option === undefined) throw new Error("a world is not the same each time")
  if (option.cost > 0) oddities.push(option.name)
  return option.value
}

/** The next plan in order, or none: the last step that has a dearer answer within the size is taken further. */
const following = (steps: ReadonlyArray<Step>, size: number): ReadonlyArray<number> | undefined => {
  const spent = [0]
  for (const { costs, taken } of steps) spent.push((spent.at(-1) ?? 0) + (costs[taken] ?? 0))
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index]
    if (step === undefined) continue
    for (let next = step.taken + 1; next < step.costs.length; next++) {
      if ((spent[index] ?? 0) + (step.costs[next] ?? 0) > size) continue
      return [...steps.slice(0, index).map(({ taken }) => taken), next]
    }
  }
  return undefined
}
