// What a graph asks of a runtime, and tensors as the files of a vector.
import { operatorKeys, subgraphsOf } from '../../src/graph/subgraphs.ts'
import type { Graph, ValueType } from '../../src/graph/graph.ts'
import { write } from '../../src/format/index.ts'
import { writeNpy } from '../../src/tensor/npy.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import type { Area, CaseInput, ExpectedOutput, Tolerance } from '../runner/vectors.ts'
import type { MadeVector } from './files.ts'

/** Operators whose presence is a feature of its own. */
const FEATURES: readonly (readonly [feature: string, pattern: RegExp])[] = [
  ['control-flow', /^(If|Loop|Scan|SequenceMap)$/],
  ['sequences', /Sequence/],
  ['optionals', /^Optional/],
  ['maps', /ZipMap$/],
]

export function operatorsOf(graph: Graph): string[] {
  return [...operatorKeys(graph)].sort()
}

/** dtypes of inputs, outputs and weights, and what FEATURES names. */
export function featuresOf(graph: Graph): string[] {
  const found = new Set<string>()
  const visit = (own: Graph): void => {
    for (const { type } of [...own.inputs, ...own.outputs]) addDTypes(type, found)
    for (const { dtype } of own.initializers.values()) found.add(dtype)
    for (const node of own.nodes) for (const { graph: body } of subgraphsOf(node)) visit(body)
  }
  visit(graph)
  for (const key of operatorKeys(graph)) for (const [feature, pattern] of FEATURES) if (pattern.test(key)) found.add(feature)
  return [...found].sort()
}

function addDTypes(type: ValueType, found: Set<string>): void {
  if ('dtype' in type) found.add(type.dtype)
  else if ('sequence' in type) addDTypes(type.sequence, found)
  else if ('optional' in type) addDTypes(type.optional, found)
  else addDTypes(type.map.value, found)
}

/** A tensor as a file: .npy, or .json for texts. */
export function tensorFile(tensor: Tensor): { readonly extension: 'npy' | 'json'; readonly bytes: Uint8Array } {
  return tensor.dtype === 'string' ? { extension: 'json', bytes: utf8(`${JSON.stringify(nested(tensor))}\n`) } : { extension: 'npy', bytes: writeNpy(tensor) }
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function nested({ shape, data }: Tensor): unknown {
  let at = 0
  const level = (axis: number): unknown => (axis === shape.length ? data[at++] : Array.from({ length: shape[axis] }, () => level(axis + 1)))
  return level(0)
}

/** What an output must be: a tensor, or the JSON text of a sequence. */
export interface Wanted {
  readonly name: string
  readonly value: Tensor | string
  readonly tolerance: Tolerance
  /** Left out: the dtype is not compared. */
  readonly dtype?: string
}

export interface Draft {
  readonly area: Area
  /** Add/float32 */
  readonly name: string
  readonly what: string
  readonly origin: string
  readonly licence?: string
  readonly graph: Graph
  readonly inputs: ReadonlyMap<string, Tensor>
  readonly expected?: readonly Wanted[]
  readonly error?: string
}

/** A vector of a graph, its inputs and its outputs. */
export async function vectorOf({ area, name, what, origin, licence = 'MIT', graph, inputs, expected, error }: Draft): Promise<MadeVector> {
  const files = new Map<string, Uint8Array>([['model.mle', await write(graph)]])
  const ins = [...inputs].map(([input, tensor], i): CaseInput => {
    const { extension, bytes } = tensorFile(tensor)
    const file = `${/^[A-Za-z]\w*$/.test(input) && input !== 'model' && input !== 'case' ? input : `input${i}`}.${extension}`
    files.set(file, bytes)
    return { name: input, file, dtype: tensor.dtype, shape: tensor.shape }
  })
  const outs = expected?.map(({ name: output, value, tolerance, dtype }): ExpectedOutput => {
    const position = graph.outputs.findIndex((info) => info.name === output)
    const { extension, bytes } = typeof value === 'string' ? { extension: 'json', bytes: utf8(`${value}\n`) } : tensorFile(value)
    const file = `expected/${position}.${extension}`
    files.set(file, bytes)
    return { output: position, name: output, file, ...(dtype === undefined ? {} : { dtype }), ...(typeof value === 'string' ? {} : { shape: value.shape }), tolerance }
  })
  const base = { what, origin, licence, features: featuresOf(graph), operators: operatorsOf(graph), inputs: ins }
  return { path: `${area}/${name}`, area, case: outs === undefined ? { ...base, error } : { ...base, expected: outs }, files }
}
