// What `model.memory` says beside what the process holds: one large product, loaded and run on each device in a process of its own.
// node --expose-gc --import tsx bench/micro/memory.ts
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor } from '../../src/index.ts'

const SIZE = 3000
const MB = 1e6

function product(): Graph {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: ['batch', SIZE] })
  b.output('Y', b.add('MatMul', [x, b.constant(tensor(new Float32Array(SIZE * SIZE).fill(0.01), [SIZE, SIZE]))]), { dtype: 'float32', shape: ['batch', SIZE] })
  return b.build()
}

const [device] = process.argv.slice(2)
if (device === undefined) {
  for (const name of ['cpu', 'wasm']) spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), name], { stdio: 'inherit' })
} else {
  const collect = (globalThis as { gc?: () => void }).gc ?? (() => undefined)
  const small = graphBuilder()
  small.output('Y', small.add('MatMul', [small.input('X', { dtype: 'float32', shape: ['batch', 1] }), small.constant(tensor(Float32Array.of(1), [1, 1]))]), { dtype: 'float32', shape: ['batch', 1] })
  const warm = await load(small.build(), { device: device as 'cpu' | 'wasm' })
  await warm.run({ X: [[1]] })
  collect()
  const before = process.memoryUsage().rss
  const model = await load(product(), { device: device as 'cpu' | 'wasm' })
  await model.run({ X: new Float32Array(SIZE) })
  collect()
  const after = process.memoryUsage().rss
  const { weights, activations, io, peak } = model.memory
  const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`
  console.log(`${device}: weights ${mb(weights)}, activations ${mb(activations)}, io ${mb(io)}, peak ${mb(peak)}; the process grew by ${mb(after - before)} (${((after - before) / weights).toFixed(2)} times the weights)`)
}
