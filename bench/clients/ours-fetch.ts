import { FetchHttpClient } from "@effect/platform"
import { openWith } from "./ours.js"

export const open = openWith(FetchHttpClient.layer)
