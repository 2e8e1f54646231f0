// Resident memory of a process that has loaded a forest of 151,452 nodes and predicted 1000 rows, over an empty one.
import { writeFileSync } from 'node:fs'
import { PROGRAMS, runProgram } from '../children.ts'
import { median } from '../measure.ts'
import { benchModel, fixturePath } from '../models.ts'
import type { Workload } from '../results.ts'

const MODELS = ['logreg50', 'rf100_full_depth']
const ROUNDS = 3

export const memory: Workload = async () => {
  const report = 'console.log(JSON.stringify({ rss: process.memoryUsage().rss, peak: process.resourceUsage().maxRSS * 1024 }))'
  const sample = (code: string): { readonly rss: number; readonly peak: number } => {
    const results = Array.from({ length: ROUNDS }, () => runProgram(`${code}\n${report}`).result)
    return { rss: median(results.map(({ rss }) => rss)), peak: median(results.map(({ peak }) => peak)) }
  }
  const empty = sample('')
  const rows = PROGRAMS.map(({ engine }) => ({ engine, cells: [] as { value: number }[] }))
  for (const name of MODELS) {
    const model = await benchModel(name)
    const onnx = fixturePath(`${name}/model.onnx`)
    const mle = onnx.replace(/\.onnx$/, '.mle')
    writeFileSync(mle, model.mle)
    for (let i = 0; i < PROGRAMS.length; i++) {
      const { rss, peak } = sample(`${PROGRAMS[i].load({ mle, onnx, outputs: model.outputs })}
for (let i = 0; i < 20; i++) await predict(new Float32Array(${model.features} * 1000), 1000)`)
      rows[i].cells.push({ value: rss - empty.rss }, { value: peak - empty.peak })
    }
  }
  return [{ title: 'Memory of a process, over an empty one', about: 'after 20 predictions of 1000 rows', unit: 'bytes', columns: MODELS.flatMap((name) => [`${name}, resident`, `${name}, peak`]), rows }]
}
