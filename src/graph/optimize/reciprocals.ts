// Division by a constant -> multiplication by its reciprocal (relaxed), which kernels do several times faster.
import { tensor } from '../../tensor/tensor.ts'
import { isOp, isShort, makeNode, type Pass } from './edit.ts'

export const reciprocals: Pass = {
  name: 'reciprocals',
  relaxed: true,
  needs: ['Div'],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      if (!isOp(node, 'Div') || !isShort(look.typeOf(node.outputs[0]))) continue
      const divisor = look.constantOf(node.inputs[1])
      if (!(divisor?.data instanceof Float32Array)) continue
      const inverse = divisor.data.map((one) => 1 / one)
      // A reciprocal that overflows or loses bits below the normal range would change more than the last digit.
      if (!inverse.every((one) => Math.abs(one) > 1e-37 && Math.abs(one) < 1e37) || !edits.claim(node)) continue
      edits.replace(node, [makeNode(look, 'Mul', [node.inputs[0], edits.constant(tensor(inverse, divisor.shape), node.inputs[1])], node)])
      edits.counted()
    }
  },
}
