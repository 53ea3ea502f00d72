/** The payout as zod has it, for the two peers that check what they are told. */
import { z } from "zod"

const transaction = z.object({
  id: z.string(),
  state: z.enum(["paid", "processing", "failed"]),
  payout: z.string(),
  amount: z.number().int().nonnegative(),
  created: z.string(),
  card_type: z.string(),
  error: z.string().optional(),
  error_state: z.string().optional()
})

export const payoutSchema = z.object({
  handle: z.string(),
  state: z.enum(["created", "processing", "failed", "paid"]),
  amount: z.number().int().positive(),
  currency: z.string().optional(),
  customer: z.string(),
  created: z.string(),
  paid: z.string().optional(),
  failed: z.string().optional(),
  transactions: z.array(transaction)
})
