// npm run demo: a scikit-learn pipeline, converted, loaded and run, beside what Python predicted.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { csvNumber, readCsv } from '../../src/cli/csv.ts'
import { tableText } from '../../src/cli/table.ts'
import { write } from '../../src/format/index.ts'
import { importModel } from '../../src/import/index.ts'
import { load, type RowObject } from '../../src/index.ts'
import { readNpy } from '../../src/tensor/npy.ts'

const SHOWN_ROWS = 10
const MEASURE_MS = 1000
const BATCH_ROWS = 1000
const TEXT_COLUMNS = ['city', 'grade']

const bytesOf = (name: string): Uint8Array => readFileSync(new URL(name, import.meta.url))
const textOf = (name: string): string => new TextDecoder().decode(bytesOf(name))

const table = readCsv(textOf('input.csv'))
const rows = table.rows.map((cells) => Object.fromEntries(table.columns.map((name, c) => [name, TEXT_COLUMNS.includes(name) ? cells[c] : csvNumber(cells[c])]))) as RowObject[]
const expectedLabels = JSON.parse(textOf('expected_predict.json')) as string[]
const expectedProbabilities = readNpy(bytesOf('expected_predict_proba.npy')).data

const folder = mkdtempSync(join(tmpdir(), 'mle-demo-'))
try {
  const path = join(folder, 'model.mle')
  const joblib = bytesOf('model.joblib')
  const [bytes, convertMs] = await timed(async () => write(await importModel(joblib, { fileName: 'model.joblib' })))
  writeFileSync(path, bytes)
  const [model, loadMs] = await timed(() => load(path))
  const [again, againMs] = await timed(() => load(path))
  again.dispose()
  const [labels, firstMs] = await timed(() => model.predict(rows))
  const probabilities = (await model.predictProba(rows)).data

  const classes = model.metadata.classes?.[0] ?? []
  const cells = (text: (row: number) => string): string[] => Array.from({ length: SHOWN_ROWS }, (_, row) => text(row))
  const probability = (data: ArrayLike<unknown>, row: number): string => Number(data[row * classes.length + 1]).toFixed(15)
  console.log(tableText([
    ...table.columns.map((name, c) => ({ title: name, cells: cells((row) => table.rows[row][c] ?? ''), numeric: !TEXT_COLUMNS.includes(name) })),
    { title: 'Python', cells: cells((row) => expectedLabels[row]), numeric: false },
    { title: 'mle', cells: cells((row) => String(labels.data[row])), numeric: false },
    { title: `Python P(${classes[1]})`, cells: cells((row) => probability(expectedProbabilities, row)), numeric: true },
    { title: `mle P(${classes[1]})`, cells: cells((row) => probability(probabilities, row)), numeric: true },
  ]))

  const sameLabels = expectedLabels.filter((label, row) => label === labels.data[row]).length
  let largest = 0
  for (let i = 0; i < probabilities.length; i++) largest = Math.max(largest, Math.abs(Number(probabilities[i]) - Number(expectedProbabilities[i])))
  const batch = Array.from({ length: BATCH_ROWS }, (_, i) => rows[i % rows.length])
  const rowsPerSecond = await throughput(() => model.predict(batch))
  console.log(`
labels       ${sameLabels} of ${rows.length} as in Python
probability  differs by at most ${largest}
convert      ${convertMs.toFixed(1)} ms: ${joblib.byteLength} bytes of joblib to ${bytes.byteLength} bytes of .mle
load         ${loadMs.toFixed(1)} ms with the engine's own modules, ${againMs.toFixed(1)} ms once they are there
first run    ${firstMs.toFixed(1)} ms for ${rows.length} rows
throughput   ${rowsPerSecond.toLocaleString('en-US')} rows/s, given as objects in batches of ${BATCH_ROWS}, on ${model.device.name}`)
  assert.equal(sameLabels, rows.length, 'labels differ from Python')
  assert.ok(largest <= 1e-9, 'probabilities differ from Python')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now()
  return [await work(), performance.now() - start]
}

async function throughput(work: () => Promise<unknown>): Promise<number> {
  let runs = 0
  const start = performance.now()
  while (performance.now() - start < MEASURE_MS) {
    await work()
    runs++
  }
  return Math.round((runs * BATCH_ROWS * 1000) / (performance.now() - start))
}
