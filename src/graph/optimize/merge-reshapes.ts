// A reshape of a reshape is the last one: the order of elements is that of the first value.
import { isOp, staticShape, type Pass } from './edit.ts'
import type { Node } from '../graph.ts'

const RESHAPING: readonly string[] = ['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']

export const mergeReshapes: Pass = {
  name: 'merge-reshapes',
  needs: ['Reshape'],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      const before = look.producerOf(node.inputs[0] ?? '')
      if (!isOp(node, 'Reshape') || !isOp(before, ...RESHAPING) || copiesDims(look.constantOf(node.inputs[1])?.data, node)) continue
      if (staticShape(look.typeOf(node.outputs[0])) === undefined && look.constantOf(node.inputs[1]) === undefined) continue
      if (!edits.claim(node, before)) continue
      edits.replace(node, [{ ...node, inputs: [before.inputs[0], node.inputs[1]] }])
      edits.counted()
    }
  },
}

/** A 0 takes a dimension of the input, which is another one further up. */
function copiesDims(target: ArrayLike<unknown> | undefined, node: Node): boolean {
  return target === undefined || (Array.from(target, Number).includes(0) && node.attributes.get('allowzero')?.value !== 1)
}
