/**
 * A bare client for the sandbox's own tests: requests as the provider documents them, and answers as they come. It does
 * not use this library's client, so that the two cannot be wrong together.
 */
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Effect, Redacted } from "effect"
import * as Sandbox from "../../src/sandbox/Sandbox.js"

export const baseUrl = "https://api.frisbii.com"

export const handle = "p-1"

export type Json = Readonly<Record<string, unknown>>

export const createBody: Json = { handle, destination: "ca_1", amount: 12_500, currency: "DKK" }

const key = Redacted.value(Sandbox.apiKey)

export interface Call {
  readonly url?: string
  readonly key?: string | undefined
}

export const createRequest = (body: unknown, { url = baseUrl, ...rest }: Call = {}) => {
  const request = HttpClientRequest.post(`${url}/v1/payout`).pipe(HttpClientRequest.bodyUnsafeJson(body))
  return authorize(request, "key" in rest ? rest.key : key)
}

export const lookupRequest = (handle: string, { url = baseUrl, ...rest }: Call = {}) =>
  authorize(HttpClientRequest.get(`${url}/v1/payout/${encodeURIComponent(handle)}`), "key" in rest ? rest.key : key)

const authorize = (request: HttpClientRequest.HttpClientRequest, key: string | undefined) =>
  key === undefined ? request : HttpClientRequest.basicAuth(request, key, "")

/** An answer, read whole. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  readonly json: Json
}

export const execute = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const response = yield* client.execute(request)
    const text = yield* response.text
    const answer: Answer = { status: response.status, headers: response.headers, text, json: parse(text) }
    return answer
  })

export const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null

const parse = (text: string): Json => {
  try {
    const value: unknown = JSON.parse(text)
    return isJson(value) ? value : {}
  } catch {
    return {}
  }
}

/** `POST /v1/payout` of the usual body with changes. */
export const create = (changes: Json = {}, call?: Call) => execute(createRequest({ ...createBody, ...changes }, call))

/** `GET /v1/payout/{handle}`. */
export const lookup = (of = handle, call?: Call) => execute(lookupRequest(of, call))

/** `GET` of any other path, with its query. */
export const get = (path: string, { url = baseUrl, ...rest }: Call = {}) =>
  execute(authorize(HttpClientRequest.get(`${url}${path}`), "key" in rest ? rest.key : key))

/** The handles on a page of a list. */
export const content = ({ json }: Answer): ReadonlyArray<unknown> => {
  const { content } = json
  return Array.isArray(content) ? content.filter(isJson).map(({ handle }) => handle) : []
}

/** Status and error code of a refusal, status and state of a payout. */
export const gist = (answer: Answer): ReadonlyArray<unknown> => [
  answer.status,
  answer.json["code"] ?? answer.json["state"]
]

export const transactions = (answer: Answer): ReadonlyArray<Json> => {
  const list = answer.json["transactions"]
  return Array.isArray(list) ? list.filter(isJson) : []
}
