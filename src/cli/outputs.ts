// Results -> .npy and .json files, as the arrays that the training library would return.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MleError } from '../error.ts'
import type { Graph, ValueInfo } from '../graph/graph.ts'
import type { OutputValue } from '../runs.ts'
import { isDType, is64BitInteger, type DType } from '../tensor/dtype.ts'
import { isTensor, tensor, type Tensor } from '../tensor/tensor.ts'
import { UsageError } from './command.ts'
import { jsonText } from './json.ts'

/**
 * The graph outputs behind `--method NAME`: those of the method, or the output of that name.
 *
 * @throws MleError METHOD_UNKNOWN
 */
export function outputsOf(graph: Graph, method: string): readonly ValueInfo[] {
  const { methods = [] } = graph.metadata
  const names = methods.find(({ name }) => name === method)?.outputs ?? [method]
  const infos = names.map((name) => graph.outputs.find((info) => info.name === name))
  if (infos.every((info) => info !== undefined)) return infos
  const known = [...new Set([...methods.map(({ name }) => name), ...graph.outputs.map(({ name }) => name)])]
  throw new MleError('METHOD_UNKNOWN', `the model has no method or output ${JSON.stringify(method)}; it has ${known.join(', ')}`, { actual: method })
}

/** What a run gives when no method is named: predict, else the first method, else every output. */
export function defaultOutputs(graph: Graph): readonly ValueInfo[] {
  const { methods = [] } = graph.metadata
  const method = methods.find(({ name }) => name === 'predict') ?? methods[0]
  return method === undefined ? graph.outputs : outputsOf(graph, method.name)
}

/** What a table for people shows when no method is named: the default, and the probabilities where there are some. */
export function shownOutputs(graph: Graph): readonly ValueInfo[] {
  const outputs = defaultOutputs(graph)
  const probabilities = graph.metadata.methods?.find(({ name }) => name === 'predict_proba')?.outputs ?? []
  return [...outputs, ...graph.outputs.filter((info) => probabilities.includes(info.name) && !outputs.includes(info))]
}

/** A result with the dtype that the training library gives it: labels are plain numbers in the engine. */
export function asInPython(value: OutputValue, { sourceDtype }: ValueInfo): OutputValue {
  if (!isTensor(value) || sourceDtype === undefined || value.dtype === sourceDtype || !isDType(sourceDtype)) return value
  return sourceDtype === 'string' || value.dtype === 'string' ? value : convert(value, sourceDtype)
}

function convert({ shape, data }: Tensor, dtype: DType): Tensor {
  const values = Array.from({ length: data.length }, (_, i) => data[i] ?? NaN)
  return tensor(is64BitInteger(dtype) ? values.map((value) => BigInt(value)) : values.map(Number), shape, dtype)
}

/**
 * Writes results to `path`: one to itself, several to NAME_0.npy, NAME_1.npy, ...; `-` is JSON on standard output.
 *
 * @throws UsageError for another extension
 */
export async function writeOutput(path: string, values: readonly OutputValue[], out: (text: string) => void): Promise<void> {
  if (path === '-') {
    for (const value of values) out(jsonText(value))
    return
  }
  const [, stem, extension] = /^(.*)\.(npy|json)$/is.exec(path) ?? []
  if (extension === undefined) throw new UsageError(`--output takes a .npy or .json file, or - for JSON on standard output; got ${path}`)
  for (const [i, value] of values.entries()) await writeValue(values.length === 1 ? path : `${stem}_${i}.${extension}`, value)
}

/** Writes results as DIR/0.npy, DIR/1.npy, ...; strings, sequences and maps as .json. */
export async function writeOutputs(folder: string, values: readonly OutputValue[]): Promise<void> {
  for (const [i, value] of values.entries()) await writeValue(join(folder, `${i}.${isTensor(value) && value.dtype !== 'string' ? 'npy' : 'json'}`), value)
}

async function writeValue(path: string, value: OutputValue): Promise<void> {
  const asNpy = /\.npy$/i.test(path)
  if (asNpy && !isTensor(value)) throw new MleError('CLI_OUTPUT', `${path}: the result is a sequence or a map, which an .npy file cannot hold; write .json instead`)
  const content = asNpy && isTensor(value) ? (await import('../tensor/npy.ts')).writeNpy(value) : jsonText(value)
  writeFile(path, content)
}

/** Writes a file and the folders above it. */
export function writeFile(path: string, content: string | Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  } catch (error) {
    throw new MleError('CLI_FILE', `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}
