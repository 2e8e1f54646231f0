// Numbers of the binary format of WebAssembly: https://webassembly.github.io/spec/core/binary/values.html

/** A place in a module. */
export interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

/** An unsigned LEB128 number. */
export function readNumber(cursor: Cursor): number {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = cursor.bytes[cursor.at++]
    value += (byte & 127) * scale
    if (byte < 128) return value
  }
}

/** A whole number of at least 0 as LEB128. */
export function numberBytes(value: number): number[] {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return [...bytes, value]
}
