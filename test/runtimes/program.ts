// What every runtime runs: all vectors on one device, a hash of the outputs of each. Bundled into one file; uses no file of a host.
import { hashOutputs } from '../../conformance/runner/output-hash.ts'
import type { InputRecord, InputValue } from '../../src/feed.ts'
import type { DeviceName } from '../../src/graph/device.ts'
import { load } from '../../src/load.ts'
import { viewData, type DType, type NumericArray } from '../../src/tensor/dtype.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

/** An input value as JSON: tensors with their bytes in base64, maps as pairs. */
export type Packed =
  | { readonly dtype: string; readonly shape: readonly number[]; readonly base64: string }
  | { readonly texts: readonly (string | null)[]; readonly shape: readonly number[] }
  | { readonly list: readonly Packed[] }
  | { readonly map: readonly (readonly [string | number, Packed])[] }
  | { readonly plain: unknown }

export interface PackedVector {
  readonly path: string
  /** The .mle file in base64. */
  readonly model: string
  readonly inputs: readonly (readonly [string, Packed])[]
  readonly integrity?: 'sha256'
}

export type Hashes = readonly (readonly [path: string, hash: string])[]

/** Hashes of the outputs of every vector on `device`, or the code of its refusal. */
export async function hashVectors(vectors: readonly PackedVector[], device: DeviceName): Promise<Hashes> {
  const hashes: [string, string][] = []
  for (const { path, model: file, inputs, integrity } of vectors) {
    try {
      const model = await load(fromBase64(file), { device, integrity })
      const record: Record<string, InputValue> = Object.fromEntries(inputs.map(([name, value]) => [name, unpacked(value)]))
      const names = model.graph.outputs.map(({ name }) => name)
      const results = await model.run(record as InputRecord, { outputs: names })
      hashes.push([path, hashOutputs(names.map((name) => results[name]))])
      model.dispose()
    } catch (error) {
      hashes.push([path, error instanceof Error && 'code' in error ? String(error.code) : `failed: ${String(error)}`])
    }
  }
  return hashes
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

function unpacked(value: Packed): InputValue {
  if ('base64' in value) {
    const bytes = fromBase64(value.base64)
    return { dtype: value.dtype as DType, shape: value.shape, data: viewData(value.dtype as DType, bytes.buffer, 0, value.shape.reduce((size, dim) => size * dim, 1)) as NumericArray } as Tensor
  }
  if ('texts' in value) return { dtype: 'string', shape: value.shape, data: value.texts as string[] }
  if ('list' in value) return value.list.map(unpacked) as unknown as InputValue
  if ('map' in value) return new Map(value.map.map(([key, item]) => [key, unpacked(item)])) as unknown as InputValue
  return value.plain as InputValue
}
