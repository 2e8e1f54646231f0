// Which opset a graph needs. Graphs hold the newest definition of each operator; most of those say in an older opset what they say in the
// newest, only of fewer dtypes.
import { MleError } from '../../error.ts'
import type { Graph, Node } from '../../graph/graph.ts'
import { nodeLabel } from '../../graph/infer.ts'
import { subgraphsOf } from '../../graph/subgraphs.ts'
import { opKey } from '../../ops/kernel.ts'
import { signatureOf } from '../../ops/signatures.ts'

/** What files are written in unless an operator needs more: read by every runtime of the last two years. */
export const DEFAULT_OPSET = 21
export const MIN_OPSET = 18
export const MAX_OPSET = 28

/** Operators that only move values: bfloat16 among the dtypes since opset 13. */
const MOVES: ReadonlySet<string> = /* @__PURE__ */ new Set(['Identity', 'Cast', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Shape', 'Size', 'If', 'Loop', 'Scan'])

/** ai.onnx operators that a later opset only gave further dtypes: the opset from which they mean what they mean today. */
const SAME_SINCE: ReadonlyMap<string, number> = /* @__PURE__ */ new Map<string, number>([
  ...['Identity', 'Cast', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Shape', 'Size', 'ConstantOfShape', 'If', 'Loop', 'Scan', 'CastLike', 'TopK', 'Range', 'EyeLike', 'SplitToSequence'].map((op): [string, number] => [op, 13]),
  ...['Softplus', 'Round', 'Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh', 'LpNormalization', 'Conv', 'ConvTranspose', 'InstanceNormalization', 'MaxPool'].map((op): [string, number] => [op, 13]),
  ...['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool', 'MaxUnpool', 'MaxRoiPool', 'Elu', 'Selu', 'HardSigmoid', 'HardSwish', 'Softsign', 'ThresholdedRelu', 'LSTM', 'GRU', 'RNN'].map((op): [string, number] => [op, 14]),
  ['RoiAlign', 16], ['Mish', 18], ['LpPool', 18], ['AveragePool', 19], ['Pad', 19], ['DeformConv', 19], ['GridSample', 20], ['IsNaN', 13], ['IsInf', 13], ['ReduceMax', 18], ['ReduceMin', 18], ['Attention', 23],
])

/** IR version by opset, as the releases of ONNX paired them. */
const IR_VERSIONS: readonly (readonly [opset: number, ir: number])[] = [[25, 13], [24, 12], [23, 11], [21, 10], [19, 9], [0, 8]]

export function irVersionOf(opset: number): number {
  return IR_VERSIONS.find(([from]) => opset >= from)?.[1] ?? 8
}

/** Where bfloat16 occurs, every operator is taken in the version that has all dtypes. */
function needOf(node: Node, hasBfloat16: boolean): number {
  if (node.op === 'Attention' && node.inputs.length > 6) return 24
  if (hasBfloat16 && !MOVES.has(node.op)) return signatureOf(opKey(node.domain, node.op)).version
  return SAME_SINCE.get(node.op) ?? signatureOf(opKey(node.domain, node.op)).version
}

/**
 * The ai.onnx opset to write.
 *
 * @throws MleError ONNX_EXPORT_OPSET when an operator is newer than `wanted`
 */
export function opsetOf(graph: Graph, wanted: number | undefined, hasBfloat16: boolean): number {
  let opset = wanted ?? DEFAULT_OPSET
  const visit = (nodes: readonly Node[]): void =>
    nodes.forEach((node, index) => {
      for (const { graph: body } of subgraphsOf(node)) visit(body.nodes)
      if (node.domain !== 'ai.onnx') return
      const need = needOf(node, hasBfloat16)
      if (need <= opset) return
      if (wanted !== undefined) throw new MleError('ONNX_EXPORT_OPSET', `${nodeLabel(node, index)} needs opset ${need}, opset ${wanted} was asked for`, { expected: wanted, actual: need })
      opset = need
    })
  visit(graph.nodes)
  return opset
}
