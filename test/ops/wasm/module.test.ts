import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compileWasm, generatedDigest, generatedOf, generatedPath, wasmDigest, wasmNames } from '../../../scripts/wasm.ts'
import { loadKernelFamily, wasmKernels, WASM_MODULES } from '../../../src/ops/wasm/kernels.ts'
import { instantiateWasm, wasmBytes, wasmFunction, wasmModule, type WasmModuleName } from '../../../src/ops/wasm/module.ts'
import { isWorthWasm, WASM_OPERATORS, wasmModulesFor } from '../../../src/ops/wasm/operators.ts'
import { hasRelaxedSimd, RELAXED_MODULES, relaxedImageBytes } from '../../../src/ops/wasm/relaxed.ts'
import { sharedMemoryBuild } from '../../../src/ops/wasm/shared-memory.ts'
import { watchedBlocks } from './equal.ts'
import { testHost } from './host.ts'

const names = wasmNames() as WasmModuleName[]

/** Compiled anew each time; all of them would take half a minute. */
const COMPILED: readonly WasmModuleName[] = ['pool', 'weights']

test('compiling the assembly sources again gives the committed modules; those with the digest of their sources have been', async () => {
  assert.ok(names.length > 0)
  for (const name of names) {
    for (const relaxed of RELAXED_MODULES.includes(name) ? [false, true] : [false]) {
      const binary = relaxed ? await relaxedImageBytes(name) : await wasmBytes(name)
      if (!COMPILED.includes(name) && generatedDigest(relaxed ? `${name}-relaxed` : name) === wasmDigest(name, binary, relaxed)) continue
      assert.ok(Buffer.from(binary).equals(await compileWasm(name, { relaxed })), `run npm run build:wasm -- ${name}`)
    }
    // The text around the bytes; compressed bytes may differ between versions of zlib.
    assert.equal(readFileSync(generatedPath(name), 'utf8').split('base64')[0], generatedOf(name, await wasmBytes(name)).split('base64')[0])
  }
})

test('the digest of a module follows its sources, its compiler and its bytes', async () => {
  const binary = await wasmBytes('pool')
  const digests = [wasmDigest('pool', binary, false), wasmDigest('pool', binary, true), wasmDigest('pool', binary.slice(1), false), wasmDigest('resize', binary, false)]
  assert.equal(new Set(digests).size, digests.length)
})

test('every operator has a suite that fails where cpu has computed in place of WebAssembly', () => {
  const folder = new URL('./', import.meta.url)
  const calls = readdirSync(folder).filter((file) => file.endsWith('.test.ts')).flatMap((file) => readFileSync(new URL(file, folder), 'utf8').match(/^everyOperatorComputed\(.*\)$/gm) ?? [])
  // Trees are driven kernel by kernel, with no cpu behind them.
  for (const [name, keys] of WASM_OPERATORS) {
    if (name === 'trees') continue
    const own = calls.filter((call) => call.startsWith(`everyOperatorComputed('${name}'`))
    const isWhole = own.some((call) => !call.includes('], ['))
    for (const key of keys) assert.ok(isWhole || own.some((call) => call.includes(`'${key}'`)), `${name}: no suite proves that ${key} was computed there`)
  }
})

test('modules import a memory, place nothing in it but constants in the page that is nobody\'s, each in a range of its own, and keep no state', async () => {
  const taken = new Uint8Array(65536)
  for (const name of names) {
    const module = await wasmModule(name)
    assert.deepEqual(WebAssembly.Module.imports(module), [{ module: 'env', name: 'memory', kind: 'memory' }])
    assert.deepEqual(WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'global'), [])
    const memory = new WebAssembly.Memory({ initial: 3 })
    new Uint8Array(memory.buffer).fill(0xaa)
    await instantiateWasm(memory, [name])
    const bytes = new Uint8Array(memory.buffer)
    assert.ok(bytes.subarray(65536).every((byte) => byte === 0xaa), `${name} writes beyond the first page`)
    // A null offset hits nothing of anyone's.
    assert.ok(bytes.subarray(0, 1024).every((byte) => byte === 0xaa), name)
    for (const at of range(bytes)) {
      assert.equal(taken[at], 0, `${name} and another module write byte ${at}`)
      taken[at] = 1
    }
    assert.equal(range(bytes).length > 0, sectionIds(await wasmBytes(name)).includes(DATA_SECTION))
    assert.ok(!sectionIds(await wasmBytes(name)).includes(GLOBAL_SECTION))
  }
  assert.ok(taken.some((one) => one === 1), 'constants of some module lie in the memory')
})

/** Places from the first byte that was written to the last. */
function range(bytes: Uint8Array): number[] {
  const first = bytes.findIndex((byte) => byte !== 0xaa)
  return first < 0 ? [] : Array.from({ length: bytes.findLastIndex((byte) => byte !== 0xaa) + 1 - first }, (_, i) => first + i)
}

const GLOBAL_SECTION = 6
const DATA_SECTION = 11

function sectionIds(bytes: Uint8Array): number[] {
  const ids: number[] = []
  for (let at = 8; at < bytes.length; ) {
    ids.push(bytes[at++])
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      size += (byte & 127) * 2 ** shift
      if (byte < 128) break
    }
    at += size
  }
  return ids
}

test('a module is compiled once, and may be given', async () => {
  assert.equal(wasmModule('trees'), wasmModule('trees'))
  const memory = new WebAssembly.Memory({ initial: 1 })
  const exports = await instantiateWasm(memory, ['trees'], new Map([['trees', await wasmModule('trees')]]))
  wasmFunction(exports, 'treeEnsemble32')
  assert.throws(() => wasmFunction(exports, 'nothing'), TypeError)
  await assert.rejects(wasmBytes('nothing' as WasmModuleName), RangeError)
})

test('over a shared memory the modules give the same bits', async () => {
  const memories = [new WebAssembly.Memory({ initial: 8 }), new WebAssembly.Memory({ initial: 8, maximum: 65535, shared: true })]
  const results: number[][] = []
  for (const memory of memories) {
    const gemm = wasmFunction(await instantiateWasm(memory, names), 'gemm32')
    new Float32Array(memory.buffer, 0, 32).set(Array.from({ length: 32 }, (_, i) => Math.fround(Math.sin(i + 1))))
    gemm(4, 4, 4, 0, 16, 4, 0, 64, 16, 4, 128, 0, 0, 1024, 0)
    results.push(Array.from(new Float32Array(memory.buffer, 128, 16)))
  }
  assert.ok(results[0].some((value) => value !== 0))
  assert.deepEqual(results[1], results[0])
  assert.equal(wasmModule('trees', { shared: true }), wasmModule('trees', { shared: true }))
  assert.throws(() => sharedMemoryBuild(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)), TypeError)
})

test('the kernels name every module that they call', async () => {
  assert.deepEqual([...WASM_MODULES].sort(), names)
  const keys = [...WASM_OPERATORS.values()].flat()
  for (const name of WASM_MODULES) await loadKernelFamily(name)
  assert.deepEqual([...wasmKernels(await testHost(WASM_MODULES), WASM_MODULES).keys()].sort(), keys.sort())
})

test('a model gets the kernels of its own modules, whatever other models have fetched', async () => {
  for (const name of WASM_MODULES) await loadKernelFamily(name)
  // Casts that round rows of trees are with the trees.
  assert.deepEqual([...wasmKernels(await testHost(['trees']), ['trees']).keys()].sort(), ['Cast', ...(WASM_OPERATORS.get('trees') ?? [])].sort())
})

test('a kernel that writes to a block that threads share is found', async () => {
  const host = await testHost([])
  const { host: watched, check } = watchedBlocks(host)
  const block = watched.block('panels', 64)
  block.fill((offset) => void (new Uint8Array(host.memory.buffer)[offset + 3] = 7))
  check('Gemm')
  new Uint8Array(host.memory.buffer)[block.offset + 63] = 1
  assert.throws(() => check('Gemm'), /Gemm has written to the block "panels"/)
})

test('a graph of trees fetches no module for the sums beside them', () => {
  assert.deepEqual(wasmModulesFor(new Set(['mle.TreeEnsemble', 'Add', 'Sigmoid'])), ['trees'])
  assert.deepEqual(wasmModulesFor(new Set(['Gemm', 'Relu'])), ['linear', 'elementwise'])
  assert.deepEqual(wasmModulesFor(new Set(['Relu'])), ['elementwise'])
  assert.deepEqual(wasmModulesFor(new Set(['Cast'])), ['logic'])
  assert.deepEqual(wasmModulesFor(new Set(['Shape'])), [])
})

test('relaxed builds fuse where the engine can, and are the strict ones elsewhere', async () => {
  const values = Array.from({ length: 4096 }, (_, i) => Math.fround(Math.sin(i + 1)))
  const results: Float32Array[] = []
  for (const relaxed of [false, true]) {
    const memory = new WebAssembly.Memory({ initial: 8 })
    const gemm = wasmFunction(await instantiateWasm(memory, ['linear'], undefined, { relaxed }), 'gemm32')
    new Float32Array(memory.buffer, 0, 8192).set([...values, ...values])
    gemm(8, 512, 8, 0, 2048, 4, 0, 16384, 32, 4, 32768, 0, 0, 65536, 0)
    results.push(new Float32Array(memory.buffer, 32768, 64).slice())
  }
  const [strict, relaxed] = results
  assert.equal(strict.every((value, i) => Object.is(value, relaxed[i])), !hasRelaxedSimd())
  strict.forEach((value, i) => assert.ok(Math.abs(value - relaxed[i]) <= 512 * 2 ** -24, `${value} and ${relaxed[i]}`))
  assert.equal(await wasmModule('trees', { relaxed: true }), await wasmModule('trees'))
})

test('auto takes WebAssembly for products with weights, for images and for ensembles, not for small or other graphs', () => {
  const worth = (bytes: number, ...keys: string[]): boolean => isWorthWasm(new Set(keys), bytes)
  assert.equal(worth(1e6, 'Gemm', 'Relu'), true)
  assert.equal(worth(1e3, 'Gemm', 'Relu'), false)
  assert.equal(worth(1e3, 'Conv'), true)
  assert.equal(worth(2e4, 'mle.TreeEnsemble'), true)
  assert.equal(worth(5e3, 'mle.TreeEnsemble'), false)
  assert.equal(worth(1e6, 'Add', 'Transpose'), false)
  assert.equal(worth(1e6, 'Cast'), false)
})
