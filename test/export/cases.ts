// Cases of the packed corpus as models with feeds, for what runs a model in another form and compares.
import { posix } from 'node:path'
import type { InputRecord, InputValue } from '../../src/feed.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { inputOf, readPack, type FixtureCase } from '../support/fixtures.ts'

/** The graph of a case; cases of networks share models. */
export async function graphOf(fixture: FixtureCase, files: ReadonlyMap<string, Uint8Array>): Promise<Graph> {
  const { file } = fixture.description
  const bytes = files.get(posix.join(fixture.name, file))
  if (bytes === undefined) throw new Error(`${fixture.name} has no ${file}`)
  return importModel(bytes, { fileName: posix.basename(file) })
}

/** What the case feeds: an array, rows, or values by input name. */
export function feedsOf(fixture: FixtureCase, graph: Graph): InputValue | InputRecord {
  const { inputs } = fixture.description
  const values = inputs.map((input) => inputOf(fixture, input))
  if (graph.metadata.methods === undefined) return Object.fromEntries(inputs.map((input, i): [string, InputValue] => [input.name ?? graph.inputs[i].name, values[i]]))
  if (graph.inputs.some(({ name }) => name === 'cats')) {
    return Object.fromEntries(inputs.map(({ dtype }, i): [string, InputValue] => [dtype === 'strings' ? 'cats' : 'X', dtype === 'strings' ? rowsOfColumns(values[i]) : values[i]]))
  }
  const [rows] = values
  const isArray = typeof rows === 'object' && rows !== null && 'data' in rows && 'dtype' in rows
  return graph.metadata.columns !== undefined && graph.inputs.length > 1 && isArray ? rowsOf(rows as Tensor) : rows
}

export { readPack }

function rowsOf({ shape, data }: Tensor): number[][] {
  return Array.from({ length: shape[0] }, (_, r) => Array.from({ length: shape[1] }, (__, c) => Number(data[r * shape[1] + c])))
}

/** Categories come as one list for each column. */
function rowsOfColumns(columns: InputValue): InputValue {
  const lists = columns as readonly (readonly string[])[]
  return Array.isArray(lists[0]) && lists.length > 0 ? lists : columns
}
