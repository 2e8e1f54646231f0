// `npm run check:onnxruntime [pack...]`: exports every model of the test corpus to ONNX, runs the files with onnxruntime-node (of bench/, installed by
// `npm ci --prefix bench --ignore-scripts`) and compares with what the training library gave. Writes the table of docs/export.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { exportOnnx } from '../src/export/index.ts'
import type { Graph } from '../src/graph/graph.ts'
import { MISSING_TEXT } from '../src/import/onnx/metadata.ts'
import { load, MleError, type InputRecord, type InputValue, type Tensor } from '../src/index.ts'
import { feedsOf, graphOf } from '../test/export/cases.ts'
import { compareCase, readCases, readPack, type FixtureCase } from '../test/support/fixtures.ts'

interface OrtTensor {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: Tensor['data']
}
interface OrtSession {
  readonly inputNames: readonly string[]
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>
  release(): Promise<void>
}
interface Ort {
  readonly env: { readonly versions: { readonly node: string } }
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => OrtTensor
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<OrtSession> }
}

const ort = createRequire(new URL('../bench/package.json', import.meta.url))('onnxruntime-node') as Ort

const PACKS = ['sklearn', 'sklearn_extra', 'sklearn_models', 'sklearn_more', 'xgboost', 'lightgbm', 'catboost', 'boosting', 'networks', 'onnx_ml']
const START = '<!-- table of check:onnxruntime -->'
const END = '<!-- end of table -->'

/** The case's rows as tensors by input: a model that returns its inputs converts them. */
async function tensorsOf(graph: Graph, fixture: FixtureCase): Promise<Map<string, Tensor>> {
  const names = graph.inputs.map(({ name }) => name)
  const passing = await load({ ...graph, outputs: graph.inputs, nodes: [], initializers: new Map(), metadata: { ...graph.metadata, methods: [{ name: 'feed', outputs: names }] } }, { device: 'cpu' })
  const feeds = feedsOf(fixture, graph)
  const tensors = graph.metadata.methods === undefined ? Object.values(await passing.run(feeds as InputRecord)) : await passing.call('feed', feeds as InputValue)
  passing.dispose()
  return new Map(names.map((name, i) => [name, tensors[i]]))
}

function toOrt({ dtype, shape, data }: Tensor): OrtTensor {
  return new ort.Tensor(dtype, Array.isArray(data) ? data.map((one) => one ?? MISSING_TEXT) : data, shape)
}

function fromOrt(value: OrtTensor | undefined): Tensor {
  if (value?.data === undefined) throw new Error('gives no tensor')
  return { dtype: value.type as Tensor['dtype'], shape: value.dims, data: value.data }
}

type Outcome = 'same' | 'refused' | 'differs' | 'not taken'

async function check(pack: string, fixture: FixtureCase, files: ReadonlyMap<string, Uint8Array>, complaints: Map<string, string[]>): Promise<Outcome> {
  const complain = (what: string): void => void complaints.set(what, [...(complaints.get(what) ?? []), `${pack}/${fixture.name}`])
  const graph = await graphOf(fixture, files)
  let bytes: Uint8Array
  try {
    ;({ bytes } = await exportOnnx(graph))
  } catch (error) {
    if (error instanceof MleError && error.code === 'ONNX_EXPORT_OPERATOR') return 'refused'
    throw error
  }
  const tensors = await tensorsOf(graph, fixture)
  let session: OrtSession
  let results: Record<string, OrtTensor>
  try {
    session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 })
    results = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, toOrt(tensors.get(name) as Tensor)])))
    await session.release()
  } catch (error) {
    complain(`not taken: ${reason(String(error instanceof Error ? error.message : error))}`)
    return 'not taken'
  }
  try {
    for (const one of fixture.description.expected) {
      const method = graph.metadata.methods?.find(({ name }) => name === one.method)
      const names = method?.outputs ?? [one.name !== undefined && graph.outputs.some(({ name }) => name === one.name) ? one.name : graph.outputs[one.output_index ?? 0].name]
      const name = names[method === undefined ? 0 : (one.output_index ?? 0)]
      // A method that was left out with a note.
      if (!(name in results)) continue
      compareCase(fixture, one, fromOrt(results[name]))
    }
    return 'same'
  } catch (error) {
    complain(`differs: ${String(error instanceof Error ? error.message : error).replace(fixture.name, '').replaceAll(/-?\d[\d.e+-]*/g, 'N').split('\n')[0].slice(0, 60)}`)
    return 'differs'
  }
}

/** What of onnxruntime's message says why. */
function reason(message: string): string {
  const kernel = /Could not find an implementation for (\w+)\((\d+)\)/.exec(message)
  if (kernel !== null) return `no kernel for ${kernel[1]} in float64`
  return message.replaceAll(/\d+/g, 'N').replace(/\n[\s\S]*/, '').slice(0, 110)
}

const wanted = process.argv.slice(2)
const complaints = new Map<string, string[]>()
const rows: string[] = []
for (const pack of wanted.length > 0 ? wanted : PACKS) {
  const files = readPack(pack)
  const counts: Record<Outcome, number> = { same: 0, refused: 0, differs: 0, 'not taken': 0 }
  for (const fixture of readCases(pack)) counts[await check(pack, fixture, files, complaints)]++
  const exported = counts.same + counts.differs + counts['not taken']
  rows.push(`| ${pack} | ${exported + counts.refused} | ${exported} | ${exported - counts['not taken']} | ${counts.same} |`)
  console.log(rows[rows.length - 1])
}
const remarks = [...complaints].sort(([, a], [, b]) => b.length - a.length).map(([what, cases]) => `- ${what.replaceAll('|', '/')}: ${cases.length} (${cases.slice(0, 3).join(', ')}${cases.length > 3 ? ', ...' : ''})`)
console.log(remarks.join('\n'))
if (wanted.length === 0) {
  const page = 'docs/export.md'
  const text = readFileSync(page, 'utf8')
  const [before, rest] = text.split(START)
  const table = [`onnxruntime-node ${ort.env.versions.node}:`, '', '| pack | models | exported | taken | predictions of the training library |', '|---|---|---|---|---|', ...rows, '', 'What it does not take, or computes otherwise:', '', ...remarks]
  writeFileSync(page, `${before}${START}\n${table.join('\n')}\n${END}${rest.split(END)[1]}`)
}
