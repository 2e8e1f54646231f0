// MatMul of matrices and Add of a vector -> Gemm, whose kernels add the vector after the sum, as Add does: the same bits, one pass less over the result.
import { makeNode, isOp, type Pass } from './edit.ts'

export const fuseBias: Pass = {
  name: 'fuse-bias',
  needs: ['MatMul', 'Add'],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      if (!isOp(node, 'Add')) continue
      for (const side of [0, 1]) {
        const product = look.producerOf(node.inputs[side])
        const bias = look.constantOf(node.inputs[1 - side])
        if (!isOp(product, 'MatMul') || bias === undefined || look.readsOf(node.inputs[side]) !== 1) continue
        const [a, b] = product.inputs.map((name) => look.typeOf(name))
        const columns = b?.shape?.[1]
        const fits = a?.shape?.length === 2 && b?.shape?.length === 2 && (a.dtype === 'float32' || a.dtype === 'float64') && typeof columns === 'number'
        if (!fits || look.constantOf(product.inputs[1]) === undefined || !(bias.shape.length === 1 && bias.shape[0] === columns)) continue
        if (!edits.claim(node, product)) continue
        edits.remove(product)
        edits.replace(node, [{ ...makeNode(look, 'Gemm', [...product.inputs, node.inputs[1 - side]], node), name: product.name }])
        edits.counted()
        break
      }
    }
  },
}
