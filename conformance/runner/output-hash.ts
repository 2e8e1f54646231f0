// One hash for all outputs of a run: equal between engines if and only if every bit that counts is. Imports nothing of a host.
import type { OutputValue } from '../../src/runs.ts'
import { hex, sha256 } from '../../src/platform/sha256.ts'
import type { DType } from '../../src/tensor/dtype.ts'
import { isTensor, type Tensor } from '../../src/tensor/tensor.ts'

/** The bits that stand for every NaN: which one an operation gives is left to the engine. */
const NAN_BITS: ReadonlyMap<DType, (bytes: Uint8Array) => void> = new Map<DType, (bytes: Uint8Array) => void>([
  ['float64', (bytes) => {
    const words = new Uint32Array(bytes.buffer)
    const values = new Float64Array(bytes.buffer)
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) words.set([0, 0x7ff80000], 2 * i)
  }],
  ['float32', (bytes) => {
    const words = new Uint32Array(bytes.buffer)
    const values = new Float32Array(bytes.buffer)
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) words[i] = 0x7fc00000
  }],
  ['float16', (bytes) => canonicalHalves(bytes, 0x7c00, 0x7e00)],
  ['bfloat16', (bytes) => canonicalHalves(bytes, 0x7f80, 0x7fc0)],
])

function canonicalHalves(bytes: Uint8Array, infinity: number, nan: number): void {
  const halves = new Uint16Array(bytes.buffer)
  for (let i = 0; i < halves.length; i++) if ((halves[i] & 0x7fff) > infinity) halves[i] = nan
}

/** SHA-256 in hex over dtypes, shapes and elements, little endian, every NaN as one. */
export function hashOutputs(outputs: readonly OutputValue[]): string {
  const parts: Uint8Array[] = []
  outputs.forEach((output) => addValue(parts, output))
  return hex(sha256(...parts))
}

function addText(parts: Uint8Array[], text: string): void {
  const bytes = new TextEncoder().encode(text)
  parts.push(new TextEncoder().encode(`${bytes.length}:`), bytes)
}

function addValue(parts: Uint8Array[], value: OutputValue): void {
  if (value === null) addText(parts, 'none')
  else if (isTensor(value)) addTensor(parts, value)
  else if (Array.isArray(value)) {
    addText(parts, `sequence of ${value.length}`)
    for (const item of value as readonly OutputValue[]) addValue(parts, item)
  } else {
    const map = value as ReadonlyMap<string | number, OutputValue>
    addText(parts, `map of ${map.size}`)
    for (const [key, item] of map) {
      addText(parts, `${typeof key} ${key}`)
      addValue(parts, item)
    }
  }
}

function addTensor(parts: Uint8Array[], { dtype, shape, data }: Tensor): void {
  addText(parts, `${dtype} [${shape.join()}]`)
  if (!ArrayBuffer.isView(data)) {
    for (const text of data) addText(parts, text === null ? 'null' : `text ${text}`)
    return
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
  NAN_BITS.get(dtype)?.(bytes)
  parts.push(bytes)
}
