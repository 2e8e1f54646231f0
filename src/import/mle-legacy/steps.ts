// The nodes that the model's output needs, with their parameters. A file of an exporter that was used several times holds the
// earlier models too; only what the output is reached from counts.
import { legacyError } from './error.ts'
import { mapIds } from './ids.ts'
import { operatorName } from './operators.ts'
import { readRecords, type LegacyTensor } from './records.ts'

export interface Step {
  readonly op: string
  readonly inputs: readonly number[]
  readonly output: number
  readonly parameters: readonly LegacyTensor[]
  /** False where the writer did not describe the result: how linear models with transposed weights are known. */
  readonly isDescribed: boolean
}

export interface LegacyModel {
  readonly steps: readonly Step[]
  /** Id and columns of the input, 0 where the file does not say; the only tensor that no step makes. */
  readonly input: number
  readonly width: number
  readonly output: number
  /** True where the file holds models that the output does not need. */
  readonly hasOthers: boolean
}

/** Wider inputs than any real model has: widths are only declared, so that nothing else limits them. */
const MAX_WIDTH = 2 ** 20

/** Reads graph and weights; throws LEGACY_EMPTY, LEGACY_GRAPH, LEGACY_TENSOR, LEGACY_IDS, LEGACY_OPERATOR. */
export function readModel(version: 1 | 2, graph: Uint8Array, weights: Uint8Array): LegacyModel {
  const records = readRecords(graph, weights)
  if (records.nodes.length === 0 || records.outputs.length === 0) throw legacyError('LEGACY_EMPTY', 'its graph has no nodes: the file holds no model, only metadata')
  if (records.outputs.length !== 1) {
    throw legacyError('LEGACY_GRAPH', `has ${records.outputs.length} outputs, expected 1`, { expected: 1, actual: records.outputs.length })
  }
  const tensors = mapIds(records)
  const [output] = records.outputs

  const maker = new Map<number, number>()
  records.nodes.forEach((node, i) => {
    if (node.outputs.length !== 1 || node.inputs.length === 0) {
      throw legacyError('LEGACY_GRAPH', `node ${i} has ${node.inputs.length} inputs and ${node.outputs.length} outputs, expected at least 1 and exactly 1`)
    }
    if (maker.has(node.outputs[0])) throw legacyError('LEGACY_GRAPH', `nodes ${maker.get(node.outputs[0])} and ${i} both make tensor ${node.outputs[0]}`)
    maker.set(node.outputs[0], i)
  })
  const wanted = new Set<number>()
  const pending = [output]
  const sources = new Set<number>()
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const node = maker.get(id)
    if (node === undefined) sources.add(id)
    else if (!wanted.has(node)) {
      wanted.add(node)
      pending.push(...records.nodes[node].inputs)
    }
  }
  if (wanted.size === 0) throw legacyError('LEGACY_GRAPH', `no node makes its output, tensor ${output}`)
  if (sources.size !== 1) throw legacyError('LEGACY_GRAPH', `its output depends on ${sources.size} inputs, expected 1`, { expected: 1, actual: sources.size })
  const [input] = sources
  const known = new Set([input])
  const steps = [...wanted].sort((a, b) => a - b).map((index): Step => {
    const node = records.nodes[index]
    for (const id of node.inputs) if (!known.has(id)) throw legacyError('LEGACY_GRAPH', `node ${index} reads tensor ${id} before a node makes it`)
    known.add(node.outputs[0])
    const parameters = node.parameters.map((id) => {
      const tensor = tensors.get(id)
      if (tensor === undefined || tensor.data.length === 0) throw legacyError('LEGACY_TENSOR', `parameter ${id} of node ${index} has no data`)
      return tensor
    })
    return { op: operatorName(version, node.op), inputs: node.inputs, output: node.outputs[0], parameters, isDescribed: tensors.has(node.outputs[0]) }
  })
  const width = tensors.get(input)?.shape.at(-1) ?? 0
  if (width > MAX_WIDTH) throw legacyError('LEGACY_TENSOR', `its input has ${width} columns, at most ${MAX_WIDTH} are read`, { expected: MAX_WIDTH, actual: width })
  return { steps, input, width, output, hasOthers: wanted.size < records.nodes.length }
}
