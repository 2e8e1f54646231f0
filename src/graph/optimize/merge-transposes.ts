// Transposes that follow one another become one, and one that an elementwise function separates from the next is moved behind it.
import type { Attribute } from '../../ops/types.ts'
import type { Node } from '../graph.ts'
import { intsAttribute, isOp, type Look, type Pass } from './edit.ts'

/** Functions of one element that do not care where it lies. */
const ELEMENTWISE: readonly string[] = [
  'Abs', 'Cast', 'Ceil', 'Elu', 'Erf', 'Exp', 'Floor', 'Gelu', 'HardSigmoid', 'HardSwish', 'LeakyRelu', 'Log', 'Mish', 'Neg', 'Not', 'Reciprocal', 'Relu', 'Round', 'Selu', 'Sigmoid', 'Sign', 'Softplus', 'Sqrt', 'Tanh',
]

export const mergeTransposes: Pass = {
  name: 'merge-transposes',
  needs: ['Transpose'],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      if (!isOp(node, 'Transpose')) continue
      const before = look.producerOf(node.inputs[0])
      if (isOp(before, 'Transpose')) {
        const [inner, outer] = [permutation(look, before), permutation(look, node)]
        if (inner === undefined || outer === undefined || !edits.claim(node, before)) continue
        const composed: Attribute = { kind: 'ints', value: outer.map((axis) => inner[axis]) }
        // The first one stays for its other readers; without them nothing needs it.
        edits.replace(node, [{ ...node, inputs: [before.inputs[0]], attributes: new Map([['perm', composed]]) }])
        edits.counted()
        continue
      }
      // Transpose, function, Transpose: the function first, then both transposes meet.
      if (!isOp(before, ...ELEMENTWISE) || look.readsOf(node.inputs[0]) !== 1) continue
      const first = look.producerOf(before.inputs[0])
      if (!isOp(first, 'Transpose') || look.readsOf(before.inputs[0]) !== 1 || !edits.claim(node, before, first)) continue
      const [x, between] = [first.inputs[0], edits.fresh(before.outputs[0])]
      edits.remove(first)
      edits.replace(before, [{ ...before, inputs: [x], outputs: [between] }, { ...first, inputs: [between], outputs: before.outputs }])
      edits.counted()
    }
  },
}

function permutation(look: Look, node: Node): readonly number[] | undefined {
  const perm = intsAttribute(node, 'perm')
  if (perm !== undefined) return perm
  const rank = look.typeOf(node.inputs[0])?.shape?.length
  return rank === undefined ? undefined : Array.from({ length: rank }, (_, i) => rank - 1 - i)
}
