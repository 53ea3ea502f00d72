/** A dispatcher of undici's kind with nothing behind it, which tells whoever asks what a test wants to be told. */
import { Dispatcher } from "undici"

export class Acting extends Dispatcher {
  constructor(private readonly act: (handler: Dispatcher.DispatchHandler, asked: Dispatcher.DispatchOptions) => void) {
    super()
  }
  override dispatch(asked: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.act(handler, asked)
    return true
  }
}

export const controller: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => {},
  pause: () => {},
  resume: () => {}
}
