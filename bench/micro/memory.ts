// What `model.memory` says beside what the process holds, on each device and from each source; every line is a process of its own.
// node --expose-gc --import tsx bench/micro/memory.ts
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPack } from '../../test/support/fixtures.ts'
import { write } from '../../src/format/index.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { load, tensor, type LoadOptions, type Tensor } from '../../src/index.ts'
import { isTensorType } from '../../src/ops/types.ts'
import { allocateData } from '../../src/tensor/dtype.ts'
import { bertOnnx } from '../models.ts'

const MB = 1e6
/** What the shapes of inputs leave open. */
const LENGTH = 64

function weights(shape: readonly number[]): Tensor {
  return tensor(new Float32Array(shape.reduce((size, dim) => size * dim, 1)).fill(0.01), shape)
}

function product(size: number): Graph {
  const b = graphBuilder()
  b.output('Y', b.add('MatMul', [b.input('X', { dtype: 'float32', shape: ['batch', size] }), b.constant(weights([size, size]))]), { dtype: 'float32', shape: ['batch', size] })
  return b.build()
}

function convolution(channels: number): Graph {
  const b = graphBuilder()
  const type = { dtype: 'float32', shape: ['batch', channels, 16, 16] } as const
  b.output('Y', b.add('Conv', [b.input('X', type), b.constant(weights([channels, channels, 3, 3]))], { pads: [1, 1, 1, 1] }), type)
  return b.build()
}

function embedding(words: number, size: number): Graph {
  const b = graphBuilder()
  b.output('Y', b.add('Gather', [b.constant(weights([words, size])), b.input('X', { dtype: 'int64', shape: ['length'] })]), { dtype: 'float32', shape: ['length', size] })
  return b.build()
}

interface Case {
  readonly file: string
  readonly device: 'cpu' | 'wasm'
  readonly source: 'path' | 'bytes'
  readonly workers?: number
}

async function measure({ file, device, source, workers }: Case): Promise<void> {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('run with --expose-gc')
  const options: LoadOptions = { device, workers }
  // Code, modules of kernels and a memory are there before anything is measured.
  const warm = await load(product(8), options)
  await warm.run({ X: new Float32Array(8) })
  const bytes = source === 'bytes' ? new Uint8Array(readFileSync(file)) : undefined
  const settle = async (): Promise<number> => {
    for (let i = 0; i < 3; i++) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return process.memoryUsage().rss
  }
  const before = await settle()
  const model = await load(bytes ?? file, options)
  await model.run(Object.fromEntries(model.graph.inputs.map(({ name, type }) => {
    if (!isTensorType(type)) throw new Error('an input is no tensor')
    const shape = type.shape?.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 && (type.shape?.length ?? 0) > 1 ? 1 : LENGTH)) ?? []
    return [name, { dtype: type.dtype, shape, data: allocateData(type.dtype, shape.reduce((size, dim) => size * dim, 1)) }]
  })))
  const grown = (await settle()) - before
  const { memory } = model
  const mb = (value: number): string => (value / MB).toFixed(1).padStart(6)
  const what = `${basename(file, '.mle')}, ${device}, ${workers === undefined ? source : `${workers} workers`}`
  console.log(`${what.padEnd(36)} weights ${mb(memory.weights)} MB, activations ${mb(memory.activations)}, peak ${mb(memory.peak)} (${(memory.peak / memory.weights).toFixed(2)}x); the process grew by ${mb(grown)} MB (${(grown / memory.weights).toFixed(2)}x)`)
  model.dispose()
  warm.dispose()
}

const [given] = process.argv.slice(2)
if (given !== undefined) await measure(JSON.parse(given) as Case)
else {
  const folder = mkdtempSync(join(tmpdir(), 'mle-memory-'))
  const resnet = readPack('networks').get('resnet18_quarter/model.onnx')
  if (resnet === undefined) throw new Error('the fixtures of the tests have no resnet18_quarter')
  const graphs: ReadonlyMap<string, Graph> = new Map([
    ['product', product(3000)], ['convolution', convolution(1000)], ['embedding', embedding(36000, 256)],
    ['resnet18_quarter', await importModel(resnet, { fileName: 'model.onnx' })], ['bert_mini', await importModel(bertOnnx(), { fileName: 'model.onnx' })],
  ])
  try {
    for (const [name, graph] of graphs) {
      const file = join(folder, `${name}.mle`)
      writeFileSync(file, await write(graph))
      const cases: Case[] = [{ file, device: 'cpu', source: 'path' }, { file, device: 'wasm', source: 'path' }, { file, device: 'wasm', source: 'bytes' }, { file, device: 'wasm', source: 'path', workers: 1 }]
      for (const one of cases) spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), JSON.stringify(one)], { stdio: 'inherit' })
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
