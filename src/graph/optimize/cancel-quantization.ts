// QuantizeLinear of DequantizeLinear by the same scale and zero point gives back the integers: q s / s rounds to q for every q of 16 bits or fewer.
import { isOp, type Look, type Pass } from './edit.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export const cancelQuantization: Pass = {
  name: 'cancel-quantization',
  needs: ['QuantizeLinear', 'DequantizeLinear'],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      const before = look.producerOf(node.inputs[0] ?? '')
      if (!isOp(node, 'QuantizeLinear') || !isOp(before, 'DequantizeLinear') || look.isOutput(node.outputs[0])) continue
      const same = (i: number): boolean => (node.inputs[i] ?? '') === (before.inputs[i] ?? '') || sameTensor(look.constantOf(node.inputs[i] ?? ''), look.constantOf(before.inputs[i] ?? ''))
      const integers = look.typeOf(before.inputs[0])?.dtype
      const fits = integers === look.typeOf(node.outputs[0])?.dtype && (integers === 'int8' || integers === 'uint8' || integers === 'int16' || integers === 'uint16')
      if (!fits || !same(1) || !same(2) || !isOrdinary(look, node.inputs[1]) || String(node.attributes.get('axis')?.value ?? 1) !== String(before.attributes.get('axis')?.value ?? 1)) continue
      if (!edits.claim(node)) continue
      edits.remove(node)
      edits.redirect(node.outputs[0], before.inputs[0])
      edits.counted()
    }
  },
}

function sameTensor(a: Tensor | undefined, b: Tensor | undefined): boolean {
  return a !== undefined && b !== undefined && a.dtype === b.dtype && a.shape.join() === b.shape.join() && Array.from(a.data as ArrayLike<unknown>, String).join() === Array.from(b.data as ArrayLike<unknown>, String).join()
}

/** Scales far from overflow and from the subnormal range, so that products are rounded once. */
function isOrdinary(look: Look, name: string): boolean {
  const scale = look.constantOf(name)
  return scale?.dtype === 'float32' && Array.from(scale.data as ArrayLike<number>).every((one) => Math.abs(one) > 1e-30 && Math.abs(one) < 1e30)
}
