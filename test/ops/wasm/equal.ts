// The wasm device against cpu, bit for bit: what tests of wasm kernels share.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createWasmDevice } from '../../../src/graph/wasm-device.ts'
import { opKey, type PreferredEntry, type WasmHost } from '../../../src/ops/kernel.ts'
import { isTensorType } from '../../../src/ops/types.ts'
import { wasmKernelsGiven, type WasmKernels } from '../../../src/ops/wasm/index.ts'
import type { WasmModuleName } from '../../../src/ops/wasm/module.ts'
import { WASM_OPERATORS } from '../../../src/ops/wasm/operators.ts'
import type { DType } from '../../../src/tensor/dtype.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { cpu, opGraph, runOn, type OpInput, type Platform } from '../../support/run-op.ts'
import { cases, type Example } from '../cases.ts'

/** Operators and dtypes that WebAssembly, not cpu's kernel behind it, has computed in this process: `Softmax float32`. */
const computed = new Set<string>()
const own = wasmKernelsGiven(undefined)

/** The wasm kernels, which note what they compute themselves, and fail where they write to what threads have in common. */
const noting: WasmKernels = {
  ...own,
  table(host, modules) {
    const watched = watchedBlocks(host)
    return new Map([...own.table(watched.host, modules)].map(([key, entry]) => [key, notes(key, entry, watched.check)]))
  },
}

/** Families that have made blocks in this process: what their kernels make from constants, which other threads may be reading. */
const madeBlocks = new Set<string>()

/** A host whose blocks are kept as they were filled; `check` compares them with what is there now, byte for byte. */
export function watchedBlocks(host: WasmHost): { readonly host: WasmHost; readonly check: (operator: string) => void } {
  const filled = new Map<string, { readonly offset: number; readonly bytes: Uint8Array }>()
  const block: WasmHost['block'] = (key, byteLength, isZeroed) => {
    const made = host.block(key, byteLength, isZeroed)
    return {
      offset: made.offset,
      fill(write) {
        made.fill(write)
        if (!filled.has(key)) filled.set(key, { offset: made.offset, bytes: new Uint8Array(host.memory.buffer, made.offset, byteLength).slice() })
      },
    }
  }
  return {
    // The host's own getters stay as they are.
    host: Object.create(host, { block: { value: block } }) as WasmHost,
    check(operator) {
      if (filled.size > 0) madeBlocks.add(operator)
      for (const [key, { offset, bytes }] of filled) {
        if (Buffer.compare(bytes, new Uint8Array(host.memory.buffer, offset, bytes.length)) !== 0) throw new Error(`${operator} has written to the block ${JSON.stringify(key)}, which threads share`)
      }
    },
  }
}

function notes(key: string, { make, packs }: PreferredEntry, check: (operator: string) => void): PreferredEntry {
  return {
    packs,
    make(context, fallback) {
      let isHandedOn = false
      const kernel = make(context, (inputs, outputs) => {
        isHandedOn = true
        fallback(inputs, outputs)
      })
      const [type] = context.inputTypes
      return kernel && ((inputs, outputs) => {
        isHandedOn = false
        kernel(inputs, outputs)
        check(key)
        if (!isHandedOn && outputs.some((view) => view !== undefined && view.size > 0)) computed.add(`${key} ${isTensorType(type) ? type.dtype : ''}`)
      })
    },
  }
}

export const wasm: Platform = {
  name: 'wasm',
  async run(graph, feeds) {
    return runOn(await createWasmDevice(graph, { kernels: noting }), graph, feeds)
  },
}

/**
 * Registers the last test of a file: a suite that compares cpu with itself, because a kernel declines what is drawn, proves nothing.
 *
 * @param keys those of the family's operators that the file is about
 */
export function everyOperatorComputed(family: WasmModuleName, dtypes: readonly DType[] = ['float32', 'float64'], keys: readonly string[] = WASM_OPERATORS.get(family) ?? []): void {
  test(`wasm: every operator of ${family} was computed there (${dtypes.join(', ')})`, () => {
    assert.deepEqual(keys.flatMap((key) => dtypes.map((dtype) => `${key} ${dtype}`)).filter((name) => !computed.has(name)), [])
  })
}

/** Registers a test, after those that run the operators: what kernels of these operators make from constants was there, and has stayed as it was made. */
export function everyBlockStayed(...keys: readonly string[]): void {
  test(`wasm: ${keys.join(', ')} make blocks that their runs leave alone`, () => {
    assert.deepEqual(keys.filter((key) => !madeBlocks.has(key)), [])
  })
}

const declined = (key: string) => (): never => {
  throw new Error(`${key} was left to cpu`)
}
/** The kernels of wasm without the fallback to cpu's: what they decline fails. Each object has a memory of its own. */
const boundKernels = (): WasmKernels => ({
  ...own,
  table: (host, modules) => new Map([...noting.table(host, modules)].map(([key, { make, packs }]) => [key, { packs, make: (context) => make(context, declined(key)) ?? declined(key)() }])),
})
/** Every so many graphs begin with an empty memory, which grows while kernels are made. */
const FRESH = 8
let bound = boundKernels()
let graphs = 0

/** wasm for tests that prove that a kernel of it computes the operator. */
export const wasmOnly: Platform = {
  name: 'wasm',
  async run(graph, feeds) {
    if (graphs++ % FRESH === 0) bound = boundKernels()
    const keys = new Set(graph.nodes.map(({ domain, op }) => opKey(domain, op)))
    // Test graphs name their outputs by Identity.
    for (const key of keys) if (key !== 'Identity' && bound.modulesFor(new Set([key])).length === 0) declined(key)()
    return runOn(await createWasmDevice(graph, { kernels: bound }), graph, feeds)
  },
}

/** The bytes of a tensor; every NaN is the same. */
export function bitsOf(tensor: Tensor): Uint8Array | readonly string[] {
  const { data, dtype } = tensor
  if (!ArrayBuffer.isView(data)) return data as readonly string[]
  const own = data.slice() as Float64Array
  if (dtype === 'float64' || dtype === 'float32') for (let i = 0; i < own.length; i++) if (own[i] !== own[i]) own[i] = NaN
  return new Uint8Array(own.buffer, own.byteOffset, own.byteLength)
}

/** Runs an example on both and compares every output. */
export async function assertEqual(key: string, { inputs, attributes = {}, outputs = 1 }: Example, on: Platform = wasm): Promise<void> {
  const feeds = new Map(inputs.flatMap((input, i): [string, Tensor][] => (input === undefined || input.constant ? [] : [[`x${i}`, input.tensor]])))
  const [expected, actual] = [await cpu.run(opGraph(key, inputs, attributes, outputs), feeds), await on.run(opGraph(key, inputs, attributes, outputs), feeds)]
  actual.forEach((tensor, i) => {
    assert.deepEqual(tensor.shape, expected[i].shape)
    assert.equal(tensor.dtype, expected[i].dtype)
    const [got, wanted] = [bitsOf(tensor), bitsOf(expected[i])]
    if (Buffer.compare(Buffer.from(got as Uint8Array), Buffer.from(wanted as Uint8Array)) === 0) return
    const at = Array.from(tensor.data as Float64Array).findIndex((value, e) => !Object.is(value, (expected[i].data as Float64Array)[e]))
    assert.fail(`${key} output ${i} element ${at} is ${String(tensor.data[at])}, cpu gives ${String(expected[i].data[at])}\n${describe(inputs)} ${JSON.stringify(attributes)}`)
  })
}

function describe(inputs: readonly (OpInput | undefined)[]): string {
  return inputs.map((input) => (input === undefined ? 'left out' : `${input.constant ? 'constant ' : ''}${input.tensor.dtype} [${input.tensor.shape.join(', ')}]`)).join('; ')
}

/** Registers a test of random examples for each operator. */
export function equalSuite(keys: readonly string[], runs: number = 60, dtypes: (dtype: DType) => boolean = (dtype) => dtype === 'float32' || dtype === 'float64'): void {
  for (const key of keys) {
    const draw = cases.get(key)
    if (draw === undefined) throw new RangeError(`no examples of ${key}`)
    test(`wasm: ${key} has cpu's bits`, async () => {
      await fc.assert(fc.asyncProperty(draw(dtypes), (example) => assertEqual(key, example)), { numRuns: runs })
    })
  }
}

/** A tensor of ordinary values with some special ones among them. */
export function noise(seed: number, dtype: 'float32' | 'float64', shape: readonly number[], special: number = 0.01, scale: number = 3): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1)
  const data = dtype === 'float32' ? new Float32Array(size) : new Float64Array(size)
  const odd = [NaN, Infinity, -Infinity, -0, 0, 2 ** -149, -(2 ** -140), 2 ** -1060, 3e38, -3e38, 1, -1]
  let state = seed >>> 0
  const next = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
  }
  for (let i = 0; i < size; i++) data[i] = next() < special ? odd[Math.floor(next() * odd.length)] : (next() - 0.5) * 2 * scale
  return { dtype, shape, data }
}
