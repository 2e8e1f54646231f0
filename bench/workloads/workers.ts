// Large batches on the caller's thread and on as many threads as the machine has cores, at most two.
import { cpus } from 'node:os'
import * as ours from '../engines/mle.ts'
import { compare, type Subject } from '../measure.ts'
import { benchModel, rowsOf } from '../models.ts'
import { joined, type Table, type Workload } from '../results.ts'

const ROWS = 100_000
const MODELS = ['rf500_depth10', 'xgb500_depth6']

export const workers: Workload = async ({ quick, effort }) => {
  const threads = Math.min(2, cpus().length)
  const tables: Table[] = []
  for (const name of MODELS) {
    const model = await benchModel(name)
    const data = Float64Array.from(rowsOf(model, ROWS))
    const feeds = { X: { dtype: 'float64', shape: [ROWS, model.features], data } } as const
    const subjects: Subject[] = []
    for (const [engine, options] of [[`mle-runtime, ${threads} threads`, { workers: threads }], ['one thread', {}]] as const) {
      const loaded = await ours.load(model.mle, options)
      if ('workers' in options && loaded.workers !== threads) throw new Error(`${loaded.workers} threads instead of ${threads}`)
      subjects.push({ engine, run: () => loaded.run(feeds, model.outputs), values: async () => ours.numbers((await loaded.run(feeds, model.outputs))[model.outputs[model.outputs.length - 1]]) })
    }
    console.error(`  ${name}`)
    tables.push(joined(`${name}, 100,000 rows`, `model.run; ${threads} threads of the machine's ${cpus().length} cores`, [{ name: 'time', results: await compare(subjects, { rounds: quick ? 3 : 5, ms: effort.ms }, 0) }]))
  }
  return tables
}
