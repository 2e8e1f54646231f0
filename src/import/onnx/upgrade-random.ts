// Random operators: those without a seed get one each, so that two of them never draw the same numbers.
import { float } from '../../ops/attributes.ts'
import { withAttributes, type Upgrade } from './node-edits.ts'
import { tensor, type Tensor } from '../../tensor/index.ts'

const RANDOM = ['Bernoulli', 'Multinomial', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Dropout']

const seeded: Upgrade = (node, { draft }) => {
  const given = node.attributes.get('seed')
  const taken = draft.nodes.filter(({ op, attributes }) => RANDOM.includes(op) && float(attributes, 'seed', 0) !== 0).length
  const value = given?.kind === 'float' || given?.kind === 'int' ? given.value : taken + 1
  draft.emit(withAttributes(node, { seed: { kind: 'float', value } }))
}

/** Inference passes values on; only a training run (training_mode, 12 and later) drops any. */
const dropout: Upgrade = (node, context) => {
  const { draft, opset } = context
  const mode = opset >= 12 ? (node.inputs[2] ?? '') : ''
  const known = draft.initializers.get(mode)
  if (mode !== '' && (known === undefined || Number(known.data[0]) !== 0)) {
    seeded(node, context)
    return
  }
  draft.emit({ ...node, op: 'Identity', inputs: [node.inputs[0]], outputs: [node.outputs[0]], attributes: new Map() })
  if (node.outputs[1] !== undefined && node.outputs[1] !== '') {
    // The mask was of the data's dtype until 9.
    const kept: Tensor = opset < 10 ? tensor([1], [1], context.dtype(node.inputs[0]) ?? 'float32') : tensor(Uint8Array.of(1), [1], 'bool')
    const shape = draft.fresh('shape')
    draft.emit({ op: 'Shape', domain: 'ai.onnx', inputs: [node.inputs[0]], outputs: [shape], attributes: new Map() })
    draft.emit({ op: 'ConstantOfShape', domain: 'ai.onnx', inputs: [shape], outputs: [node.outputs[1]], attributes: new Map([['value', { kind: 'tensor', value: kept }]]) })
  }
}

export const randomUpgrades: readonly (readonly [string, Upgrade])[] = [
  ...RANDOM.filter((name) => name !== 'Dropout').map((name): readonly [string, Upgrade] => [name, seeded]),
  ['Dropout', dropout],
]
