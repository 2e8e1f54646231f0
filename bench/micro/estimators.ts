// Estimators of scikit-learn one by one, beside scikit-learn: sessions and runSync of a model that has run a while, as `load` places it.
// node --import tsx bench/micro/estimators.ts [WORD ...] [--batch 1,32,1000] [--rounds 3] [--ms 60] [--device wasm]
// WORDs are parts of names as estimators.py has them. Every engine's values are compared before it is timed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { DeviceName } from '../../src/graph/device.ts'
import { importModel } from '../../src/import/index.ts'
import { load, tensor, type Model, type Tensor } from '../../src/index.ts'
import { numbers } from '../engines/mle.ts'
import { runPython, startPython } from '../engines/python.ts'
import { compare, type Subject } from '../measure.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { batch: { type: 'string', default: '1,32,1000' }, rounds: { type: 'string', default: '3' }, ms: { type: 'string', default: '60' }, device: { type: 'string', default: 'auto' } },
})
const effort = { rounds: Number(values.rounds), ms: Number(values.ms) }
/** So long a model runs before it is timed: 'auto' moves large batches while they run. */
const WARM_MS = 40

interface Estimator {
  readonly name: string
  readonly method: string
}

async function warm(run: () => unknown): Promise<void> {
  for (const end = performance.now() + WARM_MS; performance.now() < end;) run()
  await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Different rows at each call but for large batches; tables whose columns are inputs of their own are given column by column. */
function subjectsOf(model: Model, rows: readonly (readonly (number | string)[])[], batch: number, outputs: readonly string[]): Subject[] {
  const feeds = Array.from({ length: Math.min(16, Math.floor(rows.length / batch)) }, (_, i) => {
    const some = rows.slice(i * batch, (i + 1) * batch)
    return Object.fromEntries(model.inputs.map(({ name, dtype }, column): [string, Tensor] => [name, tensor(model.inputs.length === 1 ? some : some.map((row) => [row[column]]), undefined, dtype)]))
  })
  const session = model.session({ batch, outputs })
  let call = 0
  const runSession = (): void => {
    const feed = feeds[call++ % feeds.length]
    for (const { name } of model.inputs) {
      const { data } = session.inputs[name]
      const from = feed[name].data
      if (Array.isArray(data)) for (let i = 0; i < from.length; i++) data[i] = from[i] as string
      else (data as Float64Array).set(from as Float64Array)
    }
    session.run()
  }
  return [
    { engine: 'session', run: runSession, values: () => ((call = 0), runSession(), numbers(session.outputs[outputs[0]])) },
    { engine: 'runSync', run: () => model.runSync(feeds[call++ % feeds.length], outputs), values: () => numbers(model.runSync(feeds[0], outputs)[outputs[0]]) },
  ]
}

const folder = mkdtempSync(join(tmpdir(), 'estimators-'))
const python = startPython()
if (python === undefined) throw new Error('no python3 with scikit-learn here')
try {
  const estimators: readonly Estimator[] = JSON.parse(runPython(join(import.meta.dirname, 'estimators.py'), [folder]))
  console.log(`| microseconds: session, runSync, scikit-learn (${python.versions}) | ${values.batch.split(',').map((batch) => `${batch} rows`).join(' | ')} |`)
  for (const [index, { name, method }] of estimators.entries()) {
    if (positionals.length > 0 && !positionals.some((word) => name.toLowerCase().includes(word.toLowerCase()))) continue
    const [path, joblib] = ['json', 'joblib'].map((ending) => join(folder, `${index}.${ending}`))
    const cells: string[] = []
    try {
      const model = await load(await importModel(readFileSync(joblib), { fileName: joblib }), { device: values.device as DeviceName })
      const rows = (JSON.parse(readFileSync(path, 'utf8')) as (number | string | null)[][]).map((row) => row.map((value) => value ?? NaN))
      const outputs = model.metadata.methods?.find((one) => one.name === method)?.outputs ?? []
      for (const batch of values.batch.split(',').map(Number)) {
        const id = `${index}/${batch}`
        await python.ask({ do: 'load', id, joblib, rows: path, count: batch, method })
        const ours = subjectsOf(model, rows, batch, outputs)
        for (const { run } of ours) if (run !== undefined) await warm(run)
        const peer: Subject = { engine: 'scikit-learn', measure: async (ms) => Number(await python.ask({ do: 'measure', id, ms })), values: async () => (await python.ask({ do: 'values', id })) as number[] }
        const results = await compare([...ours, peer], effort, 1e-6)
        const [session, runSync, theirs] = results.map(({ us }) => us)
        cells.push(`${session.toPrecision(3)}, ${runSync.toPrecision(3)}, ${theirs.toPrecision(3)} (${(theirs / Math.max(session, runSync)).toPrecision(2)}x${batch < 32 ? ` ${model.device.name}` : model.batchDevice === 'wasm' ? '' : ` ${model.batchDevice}`})`)
      }
      model.dispose()
    } catch (error) {
      cells.push(String(error).slice(0, 160))
    }
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
} finally {
  python.close()
  rmSync(folder, { recursive: true })
}
