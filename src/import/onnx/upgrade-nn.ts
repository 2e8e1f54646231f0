// Layers of neural networks in older opsets -> the current definition.
import type { Attribute } from '../../ops/types.ts'
import { tensor } from '../../tensor/index.ts'
import { int64s } from './draft.ts'
import { floatOf, intOf, without, type Upgrade } from './node-edits.ts'
import { onnxError } from './tensors.ts'

/** Before 14 the running statistics went into further outputs; `spatial` 0 (before 9) is normalization by element. */
const batchNormalization: Upgrade = (node, context) => {
  const { draft, opset } = context
  if (opset < 7 && intOf(node, 'is_test', 0) === 0) throw onnxError('ONNX_TRAINING', `BatchNormalization ${node.name ?? ''} is in training mode; export the model for inference`)
  if (opset < 9 && intOf(node, 'spatial', 1) === 0) {
    normalizeElements(node, context)
    return
  }
  const bare = without(node, 'is_test', 'spatial')
  if (opset >= 14) draft.emit(bare)
  // Only a training run filled the outputs after the first.
  else draft.emit({ ...without(bare, 'momentum'), outputs: node.outputs.slice(0, 1) })
}

/** Statistics of each element, which broadcast over the batch. */
const normalizeElements: Upgrade = (node, { draft, dtype }) => {
  const [x, scale, bias, mean, variance] = node.inputs
  const emit = (op: string, inputs: readonly string[], output: string = draft.fresh(op.toLowerCase())): string => {
    draft.emit({ op, domain: 'ai.onnx', inputs, outputs: [output], attributes: new Map() })
    return output
  }
  const epsilon = draft.constant(tensor([floatOf(node, 'epsilon', 1e-5)], [], dtype(x) ?? 'float32'), 'epsilon')
  const normal = emit('Div', [emit('Sub', [x, mean]), emit('Sqrt', [emit('Add', [variance, epsilon])])])
  emit('Add', [emit('Mul', [normal, scale]), bias], node.outputs[0])
}

/** Scale and bias were one for each group until 18, one for each channel since. */
const groupNormalization: Upgrade = (node, { draft, opset }) => {
  if (opset >= 21) {
    draft.emit(node)
    return
  }
  const [x, ...parameters] = node.inputs
  const groups = draft.constant(int64s([intOf(node, 'num_groups', 1)]), 'groups')
  const emit = (op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string => {
    const name = draft.fresh(op.toLowerCase())
    draft.emit({ op, domain: 'ai.onnx', inputs, outputs: [name], attributes: new Map(Object.entries(attributes)) })
    return name
  }
  const channels = emit('Shape', [x], { start: { kind: 'int', value: 1 }, end: { kind: 'int', value: 2 } })
  const shape = emit('Concat', [groups, emit('Div', [channels, groups])], { axis: { kind: 'int', value: 0 } })
  const column = draft.constant(int64s([-1, 1]), 'column')
  const flat = draft.constant(int64s([-1]), 'flat')
  draft.emit({ ...node, inputs: [x, ...parameters.map((name) => emit('Reshape', [emit('Expand', [emit('Reshape', [name, column]), shape]), flat]))] })
}

/**
 * Upsample (7 to 9) and Resize of 10 place pixels by their left edges. The nearest one is that below where an axis grows, that above where it
 * shrinks, as onnxruntime takes them: two steps for scales of both kinds, or for scales that only the input tells.
 */
const upsample: Upgrade = (node, { draft, opset }) => {
  const mode = node.attributes.get('mode')
  const scales = node.attributes.get('scales')
  const [x] = node.inputs
  const factors = (values: ArrayLike<number>): string => draft.constant(tensor(Float32Array.from(values)), 'scales')
  let given = node.inputs[1]
  if (scales?.kind === 'floats') given = factors(scales.value)
  else if (opset < 7) given = factors([1, 1, floatOf(node, 'height_scale', 1), floatOf(node, 'width_scale', 1)])
  const isLinear = mode?.kind === 'string' && mode.value.endsWith('linear')
  const resize = (from: string, by: string, nearest: string, output: string): void =>
    draft.emit({
      ...node, op: 'Resize', inputs: [from, '', by], outputs: [output],
      attributes: new Map<string, Attribute>([
        ['coordinate_transformation_mode', { kind: 'string', value: 'asymmetric' }],
        ['mode', { kind: 'string', value: isLinear ? 'linear' : 'nearest' }],
        ['nearest_mode', { kind: 'string', value: nearest }],
      ]),
    })
  const [output] = node.outputs
  const known = draft.initializers.get(given)
  const list = known?.data instanceof Float32Array ? Array.from(known.data) : undefined
  const grows = node.op === 'Upsample' || list?.every((scale) => scale >= 1) === true
  if (isLinear || grows || list?.every((scale) => scale <= 1) === true) {
    resize(x, given, isLinear || grows ? 'floor' : 'ceil', output)
    return
  }
  const bounded = (op: 'Min' | 'Max'): string => {
    const name = draft.fresh('scales')
    draft.emit({ op, domain: 'ai.onnx', inputs: [given, draft.constant(tensor(Float32Array.of(1), []), 'one')], outputs: [name], attributes: new Map() })
    return name
  }
  const shrunk = draft.fresh('shrunk')
  resize(x, bounded('Min'), 'ceil', shrunk)
  resize(shrunk, bounded('Max'), 'floor', output)
}

/**
 * Corners are aligned by whole sizes in PyTorch and onnxruntime, where ONNX's own tests divide by the size before it is rounded down: files of PyTorch get sizes
 * in place of scales.
 */
const resize: Upgrade = (given, context) => {
  const { draft, opset, producer } = context
  // In 11 and 12 what was not wanted had no elements.
  const inputs = given.inputs.map((name) => (draft.initializers.get(name)?.data.length === 0 ? '' : name))
  while (inputs[inputs.length - 1] === '') inputs.pop()
  const node = { ...given, inputs }
  const transform = node.attributes.get('coordinate_transformation_mode')
  const [x, roi, scales = '', sizes = ''] = node.inputs
  if (opset < 11) upsample(node, context)
  else if (producer !== 'pytorch' || transform?.kind !== 'string' || transform.value !== 'align_corners' || scales === '' || sizes !== '' || node.attributes.has('axes')) draft.emit(node)
  else {
    const emit = (op: string, inputs: readonly string[], to?: string): string => {
      const output = draft.fresh(op.toLowerCase())
      draft.emit({ op, domain: 'ai.onnx', inputs, outputs: [output], attributes: new Map(to === undefined ? [] : [['to', { kind: 'string', value: to }]]) })
      return output
    }
    const whole = emit('Cast', [emit('Floor', [emit('Mul', [emit('Cast', [emit('Shape', [x])], 'float32'), scales])])], 'int64')
    draft.emit({ ...node, inputs: [x, roi, '', whole] })
  }
}

/** Before 16 regions began at whole pixels. */
const roiAlign: Upgrade = (node, { draft, opset }) => {
  draft.emit(opset < 16 ? { ...node, attributes: new Map([...node.attributes, ['coordinate_transformation_mode', { kind: 'string', value: 'output_half_pixel' }]]) } : node)
}

/** Modes had the names of two dimensions before 20. */
const gridSample: Upgrade = (node, { draft }) => {
  const mode = node.attributes.get('mode')
  const names = new Map([['bilinear', 'linear'], ['bicubic', 'cubic']])
  const renamed = mode?.kind === 'string' ? names.get(mode.value) : undefined
  draft.emit(renamed === undefined ? node : { ...node, attributes: new Map([...node.attributes, ['mode', { kind: 'string', value: renamed }]]) })
}

/** The order of a norm was a float in 1. */
const normOrder: Upgrade = (node, { draft, opset }) => {
  draft.emit(opset < 2 ? { ...node, attributes: new Map([...node.attributes, ['p', { kind: 'int', value: floatOf(node, 'p', 2) }]]) } : node)
}

export const nnUpgrades: readonly (readonly [string, Upgrade])[] = [
  ['BatchNormalization', batchNormalization],
  ['GroupNormalization', groupNormalization],
  ['LpPool', normOrder],
  ['GlobalLpPool', normOrder],
  ['RoiAlign', roiAlign],
  ['GridSample', gridSample],
  ['Upsample', upsample],
  ['Resize', resize],
]
