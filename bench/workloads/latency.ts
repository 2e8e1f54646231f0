// Every single call of many: percentiles of one row's latency, a process per engine and model.
import { writeFileSync } from 'node:fs'
import { PROGRAMS, runProgram } from '../children.ts'
import { benchModel, fixturePath } from '../models.ts'
import type { Table, Workload } from '../results.ts'

const MODELS = ['logreg50', 'rf100_full_depth', 'mlp_784_128_10']
const PERCENTILES = [0.5, 0.99, 0.999]

export const latency: Workload = async ({ quick }) => {
  const calls = quick ? 100_000 : 1_000_000
  const tables: Table[] = []
  for (const name of MODELS) {
    const model = await benchModel(name)
    const mle = fixturePath(`${name}/model.onnx`).replace(/\.onnx$/, '.mle')
    writeFileSync(mle, model.mle)
    const rows: Table['rows'][number][] = []
    for (const { engine, load } of PROGRAMS) {
      // The web runtime is asked for a tenth: its percentiles are settled by then.
      const count = engine === 'onnxruntime-web' ? calls / 10 : calls
      const { result } = runProgram(`${load({ mle, onnx: fixturePath(`${name}/model.onnx`), outputs: model.outputs })}
const rows = Array.from({ length: 64 }, (_, r) => Float32Array.from({ length: ${model.features} }, (_, i) => Math.sin(r * 31 + i)))
const times = new Float64Array(${count})
for (let i = 0; i < 20000; i++) { const r = predict(rows[i & 63], 1); if (r !== undefined) await r }
const isAsync = predict(rows[0], 1) !== undefined
if (isAsync) for (let i = 0; i < times.length; i++) { const start = performance.now(); await predict(rows[i & 63], 1); times[i] = performance.now() - start }
else for (let i = 0; i < times.length; i++) { const start = performance.now(); predict(rows[i & 63], 1); times[i] = performance.now() - start }
times.sort()
console.log(JSON.stringify(Object.fromEntries(${JSON.stringify(PERCENTILES)}.map((p) => [p, 1000 * times[Math.floor(p * times.length)]]).concat([['max', 1000 * times[times.length - 1]]]))))`)
      rows.push({ engine, cells: [...PERCENTILES.map(String), 'max'].map((key) => ({ value: result[key] })) })
      console.error(`  ${name}, ${engine}`)
    }
    tables.push({ title: `${name}: latency of one row`, about: `${calls.toLocaleString('en-US')} calls, each timed (onnxruntime-web a tenth of them); the slowest call is the machine's, not the engine's`, unit: 'us', columns: ['p50', 'p99', 'p99.9', 'slowest'], rows })
  }
  return tables
}
