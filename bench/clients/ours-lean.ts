/** Ours over its own transport. */
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import { openWith } from "./ours.js"

export const open = openWith(UndiciTransport.layer)
