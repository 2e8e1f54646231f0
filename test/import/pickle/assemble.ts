// Pickles by hand: opcodes and arguments, for streams that Python would not write.
import assert from 'node:assert/strict'
import { MleError } from '../../../src/error.ts'

/** Bytes from parts: numbers are bytes, strings latin-1 text, arrays bytes. */
export function bytesOf(...parts: (number | string | Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : [...part])))
}

/** SHORT_BINUNICODE of ASCII text. */
export function text(value: string): Uint8Array {
  return bytesOf(0x8c, value.length, value)
}

/** A little-endian u32. */
export function u32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]
}

export function u64(value: number): number[] {
  return [...u32(value % 4294967296), ...u32(Math.floor(value / 4294967296))]
}

/** `module.name` called with the arguments that `args` pushes: GLOBAL MARK args TUPLE REDUCE. */
export function call(module: string, name: string, ...args: (number | string | Uint8Array | readonly number[])[]): Uint8Array {
  return bytesOf('c', `${module}\n${name}\n`, '(', ...args, 't', 'R')
}

/** The code of the MleError that `run` throws; any other error fails the test. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof MleError, String(error instanceof Error ? error.stack : error))
    return error.code
  }
  return 'no error'
}
