// One trained model of every estimator in test/fixtures, the smallest, with what its training library predicts; and further ones for
// operators that no other vector has.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tableFeeds } from '../../src/feed-table.ts'
import { feedOf, type Fed, type InputValue, type RowObject } from '../../src/feed.ts'
import { write } from '../../src/format/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { allocateView, tensorOfView } from '../../src/ops/kernel.ts'
import { isTensorType } from '../../src/ops/types.ts'
import { readNpy } from '../../src/tensor/npy.ts'
import { isTensor, type Tensor } from '../../src/tensor/tensor.ts'
import { inputOf, readCases, type FixtureCase } from '../../test/support/fixtures.ts'
import type { Tolerance } from '../runner/vectors.ts'
import { operatorsOf, vectorOf, type Wanted } from './describe.ts'
import type { MadeVector } from './files.ts'
import { operatorCases } from './operators.ts'

/** Larger ones would make the suite heavy without testing more. */
const MAX_BYTES = 100_000

/** Cases whose numbers are rounding noise of the training library: see test/import/corpus.test.ts. */
const NOISE: ReadonlySet<string> = new Set(['qda_binary'])

/** Many settings of the same estimators. */
const VARIANTS: readonly string[] = ['sklearn_more.pack']

interface Candidate {
  readonly fixture: FixtureCase
  readonly graph: Graph
  readonly family: string
  readonly bytes: number
  readonly operators: readonly string[]
  readonly isVariant: boolean
}

export async function modelVectors(): Promise<MadeVector[]> {
  const all = await candidates()
  const best = new Map<string, Candidate>()
  for (const one of all) if (!one.isVariant && one.bytes < (best.get(one.family)?.bytes ?? Infinity)) best.set(one.family, one)
  const chosen = [...best.values()]
  const judged = new Set([...operatorCases.map(([key]) => key), ...chosen.flatMap(({ operators }) => operators)])
  for (const one of all.toSorted((a, b) => a.bytes - b.bytes)) {
    if (one.operators.every((key) => judged.has(key))) continue
    chosen.push(one)
    for (const key of one.operators) judged.add(key)
  }
  const vectors: MadeVector[] = []
  for (const { fixture, graph } of chosen) vectors.push(await modelVector(fixture, graph))
  return vectors.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function candidates(): Promise<Candidate[]> {
  const found: Candidate[] = []
  const packs = readdirSync(fileURLToPath(new URL('../../test/fixtures/', import.meta.url))).filter((name) => name.endsWith('.pack')).sort()
  for (const pack of packs) {
    for (const fixture of readCases(pack.replace('.pack', ''))) {
      if (NOISE.has(fixture.name)) continue
      const { framework, estimator, file, inputs } = fixture.description
      // A pipeline is a family for each combination of steps.
      const family = `${framework} ${estimator}${estimator === 'Pipeline' ? ` ${fixture.description.params?.match(/\w+(?=\()/g)?.join(' ') ?? fixture.name}` : ''}`
      const graph = await imported(fixture, file)
      if (graph === undefined || !graph.inputs.every(({ type }) => isTensorType(type))) continue
      const bytes = (await write(graph)).length + fixture.bytes(inputs[0].file).length
      if (bytes <= MAX_BYTES) found.push({ fixture, graph, family, bytes, operators: operatorsOf(graph), isVariant: VARIANTS.includes(pack) })
    }
  }
  return found
}

/** undefined for what no importer takes yet: test/import/refused.json has the list. */
async function imported(fixture: FixtureCase, file: string): Promise<Graph | undefined> {
  try {
    return await importModel(fixture.bytes(file), { fileName: file })
  } catch {
    return undefined
  }
}

interface Source {
  readonly source?: string
  readonly source_license?: string
}

async function modelVector(fixture: FixtureCase, graph: Graph): Promise<MadeVector> {
  const { description } = fixture
  const { framework, framework_version: version, estimator } = description
  const { source, source_license: licence }: Source = JSON.parse(new TextDecoder().decode(fixture.bytes('case.json')))
  const expected = new Map<string, Wanted>()
  for (const one of description.expected) {
    const method = graph.metadata.methods?.find(({ name }) => name === one.method)
    const output = method?.outputs[one.output_index ?? 0]
    if (output === undefined || expected.has(output)) continue
    const bytes = fixture.bytes(one.file)
    const isExact = !one.dtype.startsWith('float')
    const tolerance: Tolerance = isExact ? { kind: 'exact' } : { kind: 'close', rtol: one.rtol ?? description.rtol, atol: one.atol ?? description.atol }
    const value = one.file.endsWith('.npy') ? readNpy(bytes) : jsonTensor(JSON.parse(new TextDecoder().decode(bytes)), one.shape)
    expected.set(output, { name: output, value, tolerance, ...(value.dtype === 'string' ? { dtype: 'string' } : {}) })
  }
  return vectorOf({
    area: 'models', name: `${framework}/${fixture.name}`, what: `${estimator}: ${[...expected.keys()].join(', ')}`,
    origin: source ?? `predicted by ${framework} ${version}`, licence: licence ?? 'MIT', graph, inputs: graphInputs(fixture, graph), expected: [...expected.values()],
  })
}

/** Labels in JSON: texts, or numbers and texts mixed. */
function jsonTensor(value: unknown, shape: readonly number[]): Tensor {
  const flat = [value].flat(Infinity) as (string | number | null)[]
  return flat.every((item) => typeof item === 'number') ? { dtype: 'float64', shape, data: Float64Array.from(flat) } : { dtype: 'string', shape, data: flat.map((item) => (item === null ? null : String(item))) as string[] }
}

/** The case's first input as tensors by graph input, however its rows are written. */
function graphInputs(fixture: FixtureCase, graph: Graph): Map<string, Tensor> {
  const files = fixture.description.inputs
  const rows = inputOf(fixture, files[0])
  const { columns } = graph.metadata
  const { inputs } = graph
  const width = isTensorType(inputs[0].type) ? inputs[0].type.shape?.[1] : undefined
  let feeds: ReadonlyMap<string, Fed>
  // Numbers and categories of one booster are two files; otherwise several files are the same rows in several forms.
  if (inputs.some(({ name }) => name === 'cats')) feeds = new Map(inputs.map((info) => [info.name, feedOf(info, inputOf(fixture, files.find(({ dtype }) => (dtype === 'strings') === (info.name === 'cats')) ?? files[0]))]))
  else if (columns !== undefined && isRows(rows) && (inputs.length > 1 || !Array.isArray(rows[0]) || rows[0].length !== width)) feeds = tableFeeds(inputs, columns, rows)
  else if (columns !== undefined && inputs.length > 1 && isTensor(rows)) feeds = tableFeeds(inputs, columns, rowsOf(rows))
  else feeds = new Map([[inputs[0].name, feedOf(inputs[0], rows)]])
  return new Map(inputs.map(({ name, type }) => {
    const feed = feeds.get(name)
    if (feed === undefined || !('fill' in feed) || !isTensorType(type)) throw new TypeError(`${fixture.name}: input ${name} has no value`)
    const view = allocateView(type.dtype, feed.shape)
    feed.fill(view, 0, feed.shape[0] ?? 1)
    return [name, tensorOfView(view)]
  }))
}

function isRows(value: InputValue): value is readonly RowObject[] {
  return Array.isArray(value) && typeof value[0] === 'object' && value[0] !== null
}

function rowsOf({ shape, data }: Tensor): number[][] {
  return Array.from({ length: shape[0] }, (_, r) => Array.from({ length: shape[1] }, (__, c) => Number(data[r * shape[1] + c])))
}
