import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { openWith } from "./ours.js"

export const open = openWith(NodeHttpClient.layerUndici)
