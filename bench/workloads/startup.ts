// Cold processes: import the package, load a model from a file, predict one row; in turns, beside an empty `node -e 0`.
import { writeFileSync } from 'node:fs'
import { fixturePath, benchModel } from '../models.ts'
import { median } from '../measure.ts'
import { PROGRAMS, runProgram } from '../children.ts'
import type { Table, Workload } from '../results.ts'

const MODELS = ['logreg50', 'rf100_full_depth']

export const startup: Workload = async ({ quick }) => {
  const rounds = quick ? 5 : 15
  const times = new Map<string, number[][]>()
  const record = (engine: string, column: number, ms: number): void => {
    const columns = times.get(engine) ?? [...MODELS, ''].map((): number[] => [])
    columns[column].push(ms)
    times.set(engine, columns)
  }
  const models = []
  for (const name of MODELS) {
    const model = await benchModel(name)
    const path = fixturePath(`${name}/model.onnx`).replace(/\.onnx$/, '.mle')
    writeFileSync(path, model.mle)
    models.push({ ...model, path })
  }
  const [empty, ...engines] = ['node -e 0', ...PROGRAMS.map(({ engine }) => engine)]
  for (let round = 0; round <= rounds; round++) {
    for (let column = 0; column < models.length; column++) {
      const { path, name, outputs, rows, features } = models[column]
      const { ms } = runProgram('')
      if (round > 0) record(empty, column, ms)
      for (const { engine, load } of PROGRAMS) {
        const code = `${load({ mle: path, onnx: fixturePath(`${name}/model.onnx`), outputs })}\nawait predict(new Float32Array(${JSON.stringify([...rows.subarray(0, features)])}), 1)`
        const child = runProgram(code)
        // The first round fills the caches of the file system.
        if (round > 0) record(engine, column, child.ms)
      }
    }
    console.error(`  round ${round} of ${rounds}`)
  }
  const cellsOf = (engine: string, isOver: boolean): Table['rows'][number]['cells'] => MODELS.map((_, column) => {
    const own = times.get(engine)?.[column] ?? []
    const base = median(times.get(empty)?.[column] ?? [])
    const ms = median(own)
    return { value: 1000 * (isOver ? ms - base : ms), spread: (50 * (Math.max(...own) - Math.min(...own))) / ms }
  })
  return [
    { title: 'Cold process, over an empty one', about: 'import, load from a file, predict one row; what it adds to `node -e 0`', unit: 'us', columns: MODELS, rows: engines.map((engine) => ({ engine, cells: cellsOf(engine, true) })) },
    { title: 'Cold process, in all', unit: 'us', columns: MODELS, rows: [...engines, empty].map((engine) => ({ engine, cells: cellsOf(engine, false) })) },
  ]
}
