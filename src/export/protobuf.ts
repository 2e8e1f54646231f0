// Writes Protocol Buffers wire format: a message is a list of chunks, so that weights are copied once, into the file.
import { MleError } from '../error.ts'

/** Protocol Buffers' own limit of one message. */
const MAX_BYTES = 0x7fffffff

/** A message under construction; fields come out in the order in which they are put in. */
export interface MessageWriter {
  readonly chunks: Uint8Array[]
  length: number
}

const ENCODER = /* @__PURE__ */ new TextEncoder()

export function message(): MessageWriter {
  return { chunks: [], length: 0 }
}

function push(to: MessageWriter, bytes: Uint8Array): void {
  to.chunks.push(bytes)
  to.length += bytes.length
}

/** A varint of a signed 64-bit integer; negative ones take ten bytes. */
function varint(value: number | bigint): number[] {
  const bytes: number[] = []
  if (typeof value === 'number' && value >= 0) {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
    return bytes
  }
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128)
  bytes.push(Number(rest))
  return bytes
}

function head(field: number, wire: number, length?: number): Uint8Array {
  const tag = varint(field * 8 + wire)
  return Uint8Array.from(length === undefined ? tag : [...tag, ...varint(length)])
}

/** An int32, int64, bool or enum field; `value` is a safe integer. */
export function putInteger(to: MessageWriter, field: number, value: number | bigint): void {
  push(to, Uint8Array.from([...varint(field * 8), ...varint(value)]))
}

export function putFloat(to: MessageWriter, field: number, value: number): void {
  push(to, head(field, 5))
  push(to, new Uint8Array(Float32Array.of(value).buffer))
}

export function putBytes(to: MessageWriter, field: number, bytes: Uint8Array): void {
  push(to, head(field, 2, bytes.length))
  push(to, bytes)
}

export function putText(to: MessageWriter, field: number, text: string): void {
  putBytes(to, field, ENCODER.encode(text))
}

export function putMessage(to: MessageWriter, field: number, inner: MessageWriter): void {
  push(to, head(field, 2, inner.length))
  for (const chunk of inner.chunks) to.chunks.push(chunk)
  to.length += inner.length
}

/** A packed list of signed integers. */
export function putIntegers(to: MessageWriter, field: number, values: readonly number[]): void {
  const packed: number[] = []
  for (const value of values) for (const byte of varint(value)) packed.push(byte)
  putBytes(to, field, Uint8Array.from(packed))
}

/** A packed list of floats. */
export function putFloats(to: MessageWriter, field: number, values: readonly number[]): void {
  putBytes(to, field, new Uint8Array(Float32Array.from(values).buffer))
}

/**
 * The bytes of a message.
 *
 * @throws MleError ONNX_EXPORT_SIZE above 2 GiB, which no protobuf reader takes
 */
export function bytesOfMessage({ chunks, length }: MessageWriter): Uint8Array {
  if (length > MAX_BYTES) throw new MleError('ONNX_EXPORT_SIZE', `the ONNX file would have ${length} bytes, protobuf allows ${MAX_BYTES}; narrow the weights or split the model`, { expected: MAX_BYTES, actual: length })
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
