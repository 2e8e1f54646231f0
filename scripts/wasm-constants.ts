// Constants of vectors, moved from a module's code into its data. V8 makes a constant anew from a 64-bit number wherever a function is called (three
// instructions, two of them for the one port that shuffles), so that polynomials spend more time on coefficients than on arithmetic; a load is one.
// They lie in the first page of the memory, which is nobody's: each module has a range of its own there, and writes it whenever it is instantiated.
import { numberBytes, readNumber, type Cursor } from '../src/ops/wasm/binary.ts'
import { WASM_OPERATORS } from '../src/ops/wasm/operators.ts'

/** Functions with fewer keep them in registers. */
const MANY = 8
const FIRST_BYTES = 1024
const MODULE_BYTES = 3584

const CODE_SECTION = 10
const DATA_SECTION = 11
const LOOP = 3
const SIMD = 0xfd
const V128_CONST = 12

/** Of a number of type i32 that is not negative. */
function signedBytes(value: number): number[] {
  const bytes: number[] = []
  for (; value > 63; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return [...bytes, value]
}

/** Passes over what follows an opcode; gives the number of a SIMD instruction. */
function skipInstruction(cursor: Cursor): number | undefined {
  const op = cursor.bytes[cursor.at++]
  const skip = (count: number): void => {
    for (let i = 0; i < count; i++) readNumber(cursor)
  }
  if (op === SIMD) {
    const number = readNumber(cursor)
    if (number <= 11 || number === 92 || number === 93) skip(2)
    else if (number === V128_CONST || number === 13) cursor.at += 16
    else if (number >= 21 && number <= 34) cursor.at++
    else if (number >= 84 && number <= 91) {
      skip(2)
      cursor.at++
    }
    return number
  }
  if (op === 0xfc) {
    const number = readNumber(cursor)
    if (number > 7) skip(number === 10 ? 2 : 1)
  } else if (op === 0x0e) skip(readNumber(cursor) + 1)
  else if (op === 0x11 || (op >= 0x28 && op <= 0x3e)) skip(2)
  // Blocks, branches, calls, variables, sizes of memory, integers
  else if ((op >= 0x02 && op <= 0x04) || op === 0x0c || op === 0x0d || op === 0x10 || (op >= 0x20 && op <= 0x24) || (op >= 0x3f && op <= 0x42)) skip(1)
  else if (op === 0x43) cursor.at += 4
  else if (op === 0x44) cursor.at += 8
  return undefined
}

/** Zeros, ones and bytes that are not the same in both halves stay. */
function isMovable(value: Uint8Array): boolean {
  return value.subarray(0, 8).every((byte, i) => byte === value[i + 8]) && !value.every((byte) => byte === value[0] && (byte === 0 || byte === 255))
}

/** A function's code with loads in place of its constants, whose offsets `place` gives; undefined where it has few. */
function moved(bytes: Uint8Array, start: number, end: number, place: (half: Uint8Array) => number): Uint8Array | undefined {
  const cursor: Cursor = { bytes, at: start }
  for (let groups = readNumber(cursor); groups > 0; groups--) {
    readNumber(cursor)
    cursor.at++
  }
  const found: number[] = []
  const different = new Set<string>()
  while (cursor.at < end) {
    const { at } = cursor
    // Of a loop V8 makes them once, before it.
    if (bytes[at] === LOOP) return undefined
    if (skipInstruction(cursor) !== V128_CONST) continue
    const value = bytes.subarray(cursor.at - 16, cursor.at)
    if (!isMovable(value)) continue
    found.push(at)
    different.add(value.join())
  }
  if (different.size < MANY) return undefined
  const parts: number[] = []
  let from = start
  for (const at of found) {
    // (v128.load64_splat offset=... (i32.const 0))
    parts.push(...bytes.subarray(from, at), 0x41, 0, SIMD, 10, 3, ...numberBytes(place(bytes.subarray(at + 2, at + 10))))
    from = at + 18
  }
  return Uint8Array.from([...parts, ...bytes.subarray(from, end)])
}

/**
 * A module whose functions load their constants, where they have many.
 *
 * @throws Error where they do not fit the module's range
 */
export function withConstantsInMemory(name: string, binary: Uint8Array): Uint8Array {
  const base = FIRST_BYTES + [...WASM_OPERATORS.keys()].findIndex((known) => known === name) * MODULE_BYTES
  const offsets = new Map<string, number>()
  const data: number[] = []
  const place = (half: Uint8Array): number => {
    const key = half.join()
    const known = offsets.get(key)
    if (known !== undefined) return known
    const offset = base + data.length
    offsets.set(key, offset)
    data.push(...half)
    return offset
  }
  const sections: number[] = [...binary.subarray(0, 8)]
  const cursor: Cursor = { bytes: binary, at: 8 }
  while (cursor.at < binary.length) {
    const start = cursor.at
    const id = binary[cursor.at++]
    const end = readNumber(cursor) + cursor.at
    if (id === DATA_SECTION) throw new Error(`${name}: static data of its own`)
    if (id !== CODE_SECTION) sections.push(...binary.subarray(start, end))
    else {
      const count = readNumber(cursor)
      const code = numberBytes(count)
      for (let i = 0; i < count; i++) {
        const size = readNumber(cursor)
        const own = binary.subarray(cursor.at, cursor.at + size)
        const body = moved(binary, cursor.at, cursor.at + size, place) ?? own
        code.push(...numberBytes(body.length), ...body)
        cursor.at += size
      }
      sections.push(CODE_SECTION, ...numberBytes(code.length), ...code)
      if (data.length > 0) {
        const segment = [1, 0, 0x41, ...signedBytes(base), 0x0b, ...numberBytes(data.length), ...data]
        sections.push(DATA_SECTION, ...numberBytes(segment.length), ...segment)
      }
    }
    cursor.at = end
  }
  if (data.length > MODULE_BYTES) throw new Error(`${name}: ${data.length} bytes of constants, more than ${MODULE_BYTES}`)
  return Uint8Array.from(sections)
}
