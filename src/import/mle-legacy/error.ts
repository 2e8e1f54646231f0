import { MleError, type MleErrorDetail } from '../../error.ts'

/** An error of an old .mle file. */
export function legacyError(code: string, message: string, detail: MleErrorDetail = {}): MleError {
  return new MleError(code, `old .mle file: ${message}`, detail)
}
