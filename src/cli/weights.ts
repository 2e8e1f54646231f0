// mle convert --weights: what fewer bits cost and save.
import type { Graph } from '../graph/graph.ts'
import type { Shrunk } from '../graph/shrink.ts'
import { load } from '../load.ts'
import type { OutputValue } from '../runs.ts'
import { isTensor, type Tensor } from '../tensor/tensor.ts'
import { readInputs } from './inputs.ts'
import { bytesText, tableText, type Column } from './table.ts'

export interface Sizes {
  /** The model as it came: a joblib file, an ONNX file, ... */
  readonly source: number
  /** The .mle file with the weights as they were, and as they are now. */
  readonly before: number
  readonly after: number
}

/** One line on sizes, and one for each tensor that stays. */
export function sizesText({ count, bytesBefore, bytesAfter, notes }: Shrunk, { source, before, after }: Sizes): string {
  const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`
  return [
    `weights: ${count} ${count === 1 ? 'matrix' : 'matrices'}, ${bytesText(bytesBefore)} -> ${bytesText(bytesAfter)}`,
    `size: source ${bytesText(source)}, .mle before ${bytesText(before)}, now ${bytesText(after)} (${percent(after, before)} of before, ${percent(after, source)} of the source)`,
    ...notes.map((note) => `note: ${note}`),
    '',
  ].join('\n')
}

/** A table of what changes in each output on a sample of inputs. */
export async function errorsText(original: Graph, shrunk: Graph, specs: readonly string[]): Promise<string> {
  const inputs = await readInputs(original, specs)
  const [before, after] = [await load(original), await load(shrunk)]
  const [expected, actual] = [await before.run(inputs), await after.run(inputs)]
  const rows = original.outputs.filter(({ name }) => name in expected).map(({ name }) => [name, ...difference(expected[name], actual[name])])
  before.dispose()
  after.dispose()
  const titles = ['output', 'largest error', 'mean error', 'largest value', 'changed']
  return `${tableText(titles.map((title, i): Column => ({ title, cells: rows.map((row) => row[i]), numeric: i > 0 })))}\n`
}

function difference(expected: OutputValue, actual: OutputValue): string[] {
  if (!isTensor(expected) || !isTensor(actual)) return ['', '', '', 'not compared']
  const changed = `${count(expected, actual)} of ${expected.data.length}`
  if (!expected.dtype.startsWith('float') && !expected.dtype.startsWith('bfloat')) return ['', '', '', changed]
  let largest = 0
  let sum = 0
  let magnitude = 0
  for (let i = 0; i < expected.data.length; i++) {
    const error = Math.abs(Number(expected.data[i]) - Number(actual.data[i]))
    largest = Math.max(largest, Number.isNaN(error) ? 0 : error)
    sum += Number.isNaN(error) ? 0 : error
    magnitude = Math.max(magnitude, Math.abs(Number(expected.data[i])) || 0)
  }
  return [...[largest, sum / Math.max(1, expected.data.length), magnitude].map((value) => value.toPrecision(3)), changed]
}

function count(expected: Tensor, actual: Tensor): number {
  let changed = 0
  for (let i = 0; i < expected.data.length; i++) if (!Object.is(expected.data[i], actual.data[i])) changed++
  return changed
}
