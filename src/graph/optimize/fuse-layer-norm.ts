// The nine nodes that exporters write for a layer normalization -> LayerNormalization (relaxed: it takes the statistics in another order).
import type { Node } from '../graph.ts'
import { intAttribute, isOp, isShort, makeNode, staticShape, uniform, type Look, type Pass } from './edit.ts'

export const fuseLayerNorm: Pass = {
  name: 'fuse-layer-norm',
  relaxed: true,
  makes: 'LayerNormalization',
  needs: ['ReduceMean', 'Sub', 'Sqrt', 'Div', 'Mul', 'Add'],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      // ((x - mean) / sqrt(variance + epsilon)) scale + bias
      if (!isOp(node, 'Add') || !isShort(look.typeOf(node.outputs[0]))) continue
      const scaled = only(look, node, 'Mul')
      const ratio = scaled && only(look, scaled.node, 'Div')
      if (scaled === undefined || ratio === undefined) continue
      const bias = node.inputs[1 - scaled.side]
      const scale = scaled.node.inputs[1 - ratio.side]
      const root = look.producerOf(ratio.node.inputs[1])
      const centred = look.producerOf(ratio.node.inputs[0])
      const sum = isOp(root, 'Sqrt') ? look.producerOf(root.inputs[0]) : undefined
      if (!isOp(centred, 'Sub') || !isOp(sum, 'Add') || !isOp(root, 'Sqrt')) continue
      const epsilonSide = uniform(look.constantOf(sum.inputs[1])) === undefined ? 0 : 1
      const epsilon = uniform(look.constantOf(sum.inputs[epsilonSide]))
      const variance = look.producerOf(sum.inputs[1 - epsilonSide])
      const square = isMeanOverLast(look, variance) ? look.producerOf(variance.inputs[0]) : undefined
      const mean = look.producerOf(centred.inputs[1])
      if (epsilon === undefined || variance === undefined || !isSquareOf(look, square, centred) || !isMeanOverLast(look, mean) || mean.inputs[0] !== centred.inputs[0]) continue
      const x = centred.inputs[0]
      const length = look.typeOf(x)?.shape?.at(-1)
      const isVector = (name: string): boolean => look.constantOf(name) !== undefined && staticShape(look.typeOf(name))?.join() === String(length)
      // Both halves read the difference; whatever else reads an inner value keeps it.
      const inner = [scaled.node, ratio.node, root, sum, variance, square].filter((one) => one !== undefined)
      if (!isVector(scale) || !isVector(bias) || inner.some((one) => look.readsOf(one.outputs[0]) !== 1) || !edits.claim(node, ...inner)) continue
      for (const one of inner) edits.remove(one)
      edits.replace(node, [makeNode(look, 'LayerNormalization', [x, scale, bias], node, { axis: { kind: 'int', value: -1 }, epsilon: { kind: 'float', value: epsilon } })])
      edits.counted()
    }
  },
}

/** The input of a binary node that another operator makes. */
function only(look: Look, node: Node, op: string): { node: Node; side: number } | undefined {
  for (const side of [0, 1]) {
    const producer = look.producerOf(node.inputs[side])
    if (isOp(producer, op)) return { node: producer, side }
  }
  return undefined
}

function isMeanOverLast(look: Look, node: Node | undefined): node is Node {
  if (!isOp(node, 'ReduceMean') || intAttribute(node, 'keepdims', 1) !== 1) return false
  const axes = look.constantOf(node.inputs[1] ?? '')
  const rank = look.typeOf(node.inputs[0])?.shape?.length
  return axes?.data.length === 1 && rank !== undefined && [rank - 1, -1].includes(Number(axes.data[0]))
}

function isSquareOf(look: Look, node: Node | undefined, centred: Node): boolean {
  const [value] = centred.outputs
  if (isOp(node, 'Mul')) return node.inputs[0] === value && node.inputs[1] === value
  return isOp(node, 'Pow') && node.inputs[0] === value && uniform(look.constantOf(node.inputs[1])) === 2
}
