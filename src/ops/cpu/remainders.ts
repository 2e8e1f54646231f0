// Remainders of integers, also of those of 64 bits.
import { viaNumbers, type WideOp } from './wide.ts'

/** Remainder with the sign of the divisor; modulo zero 0. */
export const modWide: WideOp = /* @__PURE__ */ viaNumbers(floorMod, (a, b) => (b === 0n ? 0n : ((a % b) + b) % b))
/** Remainder with the sign of the dividend; modulo zero 0. */
export const remWide: WideOp = /* @__PURE__ */ viaNumbers((a, b) => (b === 0 ? 0 : a % b), (a, b) => (b === 0n ? 0n : a % b))

/** Remainder of floor division of integers; modulo zero 0. */
export function floorMod(a: number, b: number): number {
  if (b === 0) return 0
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}
