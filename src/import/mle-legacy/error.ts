import { MleError } from '../../error.ts'

/** An error of an old .mle file. */
export function legacyError(code: string, message: string, detail: { readonly offset?: number; readonly expected?: string | number; readonly actual?: string | number } = {}): MleError {
  return new MleError(code, `old .mle file: ${message}`, detail)
}
