// What one reading shares between its parts: limits, budgets, what is still being built.
import { MleError } from '../../error.ts'
import { DEFAULT_PICKLE_LIMITS, limitError, type PickleLimits } from './limits.ts'
import type { GlobalEntry } from './globals.ts'
import type { PickleOptions } from './options.ts'
import type { PyGlobal, PyValue } from './values.ts'

export interface PickleContext {
  readonly options: PickleOptions
  readonly limits: PickleLimits
  /** How each global that occurred may be used. */
  readonly entries: Map<PyGlobal, GlobalEntry>
  /** Arrays and dtypes that were made and still wait for their BUILD. */
  readonly pending: Set<PyValue>
  /** Bytes that may still be copied or expanded. */
  copyBudget: number
  readonly copyTotal: number
  opcodes: number
  nextBuffer: number
}

const COPY_FLOOR_BYTES = 1024 * 1024

export function createContext(streamBytes: number, options: PickleOptions): PickleContext {
  const limits = { ...DEFAULT_PICKLE_LIMITS, ...options.limits }
  const copyTotal = Math.max(COPY_FLOOR_BYTES, streamBytes * limits.copyRatio)
  return { options, limits, entries: new Map(), pending: new Set(), copyBudget: copyTotal, copyTotal, opcodes: 0, nextBuffer: 0 }
}

export function pickleError(code: string, offset: number, message: string): MleError {
  return new MleError(code, `pickle at byte ${offset}: ${message}`, { offset })
}

/** Takes `bytes` from the budget of copies; throws PICKLE_LIMIT when the stream asks for far more than it holds. */
export function chargeCopy(context: PickleContext, bytes: number, offset: number): void {
  context.copyBudget -= bytes
  if (context.copyBudget < 0) throw limitError(context.limits, 'copyRatio', `bytes copied (${context.copyTotal - context.copyBudget}) against the size of the stream`, Math.ceil((context.copyTotal - context.copyBudget) / (context.copyTotal / context.limits.copyRatio)), offset)
}
