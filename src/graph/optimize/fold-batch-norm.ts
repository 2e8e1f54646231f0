// BatchNormalization after a convolution of constant weights -> scaled weights and a bias (relaxed: other last digits).
import { tensor, type Tensor } from '../../tensor/tensor.ts'
import { isOp, isShort, type Pass } from './edit.ts'

export const foldBatchNorm: Pass = {
  name: 'fold-batch-norm',
  relaxed: true,
  needs: ['BatchNormalization', 'Conv'],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      if (!isOp(node, 'BatchNormalization') || node.outputs.length > 1 || node.attributes.get('training_mode')?.value === 1) continue
      const conv = look.producerOf(node.inputs[0])
      if (!isOp(conv, 'Conv') || look.readsOf(node.inputs[0]) !== 1 || !isShort(look.typeOf(node.outputs[0]))) continue
      const weights = look.constantOf(conv.inputs[1])
      const bias = conv.inputs[2] === undefined || conv.inputs[2] === '' ? undefined : look.constantOf(conv.inputs[2])
      const [scale, shift, mean, variance] = node.inputs.slice(1).map((name) => look.constantOf(name))
      if (weights === undefined || scale === undefined || shift === undefined || mean === undefined || variance === undefined) continue
      if ((conv.inputs[2] ?? '') !== '' && bias === undefined) continue
      if ([weights, scale, shift, mean, variance].some(({ dtype }) => dtype !== 'float32') || !edits.claim(node, conv)) continue
      const epsilon = node.attributes.get('epsilon')
      const factors = Float64Array.from(numbers(scale), (one, c) => one / Math.sqrt(numbers(variance)[c] + (epsilon?.kind === 'float' ? epsilon.value : 1e-5)))
      const perChannel = weights.data.length / factors.length
      const scaled = Float32Array.from(numbers(weights), (one, i) => one * factors[Math.floor(i / perChannel)])
      const moved = Float32Array.from(factors, (factor, c) => ((bias === undefined ? 0 : numbers(bias)[c]) - numbers(mean)[c]) * factor + numbers(shift)[c])
      const inputs = [conv.inputs[0], edits.constant(tensor(scaled, weights.shape), conv.inputs[1]), edits.constant(tensor(moved), node.inputs[2])]
      edits.remove(node)
      edits.replace(conv, [{ ...conv, inputs, outputs: node.outputs }])
      edits.counted()
    }
  },
}

function numbers({ data }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data
  throw new TypeError('expected float32')
}
