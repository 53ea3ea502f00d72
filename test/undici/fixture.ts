/** What the tests of this transport share. What it has in common with the others is in `provider/transports` and `proof/sockets`. */
import { HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { isNotSent, systemCode } from "../../src/provider/connectionError.js"

/** Until a connection that has answered may be used again. */
export const pause = Effect.sleep("20 millis")

export const post = (url: string) =>
  HttpClientRequest.post(`${url}/v1/payout`, {
    headers: { authorization: "Basic c2VjcmV0LWtleQ==" },
    body: HttpBody.text("secret-body")
  })

export const text = (http: HttpClient.HttpClient, request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(http.execute(request), (response) => response.text)

/** What there is to know of a request that was not answered. */
export const failure = (http: HttpClient.HttpClient, request: HttpClientRequest.HttpClientRequest) =>
  Effect.map(Effect.flip(http.execute(request)), (error) => {
    assert(error._tag === "RequestError")
    return { reason: error.reason, notSent: isNotSent(error.cause), code: systemCode(error.cause) }
  })
