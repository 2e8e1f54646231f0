// Asserting the code of an MleError and that its message says something.
import assert from 'node:assert/strict'
import { MleError } from '../../src/error.ts'

export function throwsCode(code: string, call: () => unknown, message?: RegExp): void {
  assert.throws(call, (error) => hasCode(error, code, message))
}

export async function rejectsCode(code: string, call: () => Promise<unknown>, message?: RegExp): Promise<void> {
  await assert.rejects(call, (error) => hasCode(error, code, message))
}

function hasCode(error: unknown, code: string, message: RegExp | undefined): boolean {
  if (!(error instanceof MleError)) throw error
  assert.equal(error.code, code, error.message)
  assert.ok(error.message.length > 20, error.message)
  if (message !== undefined) assert.match(error.message, message)
  return true
}
