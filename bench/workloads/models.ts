// Classical models: 1, 32 and 1000 rows through every engine that can take them.
import * as ours from '../engines/mle.ts'
import { mlForestSubject } from '../engines/ml-forest.ts'
import { ortEngines, ortSubject } from '../engines/ort.ts'
import { pythonSubject, startPython } from '../engines/python.ts'
import { denseSubject } from '../engines/tfjs.ts'
import { compare, type Subject } from '../measure.ts'
import { batchesOf, benchModel, rowsOf } from '../models.ts'
import { joined, type Column, type Context, type Table, type Workload } from '../results.ts'

const TREES = ['rf500_depth10', 'rf100_full_depth', 'xgb500_depth6', 'gb200_depth5', 'histgb300', 'shallow100']
const DENSE = ['logreg50', 'mlp_784_128_10']
const BATCHES = [1, 32, 1000]

export const trees: Workload = (context) => tablesOf(TREES, context)
export const dense: Workload = (context) => tablesOf(DENSE, context)

async function tablesOf(names: readonly string[], { effort }: Context): Promise<Table[]> {
  const tables: Table[] = []
  const python = startPython()
  const engines = await ortEngines()
  try {
    for (const name of names) {
      const model = await benchModel(name)
      const loaded = await ours.load(model.mle)
      const columns: Column[] = []
      for (const batch of BATCHES) {
        const rows = rowsOf(model, batch)
        const batches = batchesOf(model, batch)
        const subjects: Subject[] = ours.subjects(loaded, batches, batch, model.outputs)
        for (const engine of engines) subjects.push(await ortSubject(engine, model.onnx, batches.map((data) => [{ type: 'float32', data, dims: [batch, model.features] }]), model.onnxOutput))
        if (DENSE.includes(name)) subjects.push(await denseSubject(loaded.graph, rows, batch))
        if (name === 'gb200_depth5') subjects.push(await mlForestSubject(loaded.graph, rows, batch))
        if (python !== undefined && model.joblib !== undefined) {
          const subject = await pythonSubject(python, model.joblib, rows, batch, model.method)
          if (subject !== undefined) subjects.push(subject)
        }
        console.error(`  ${name}, ${batch} rows`)
        columns.push({ name: batch === 1 ? '1 row' : `${batch} rows`, results: await compare(subjects, effort) })
      }
      tables.push(joined(name, `${model.about}; device ${loaded.device.name}`, columns))
      loaded.dispose()
    }
  } finally {
    python?.close()
  }
  return tables
}
