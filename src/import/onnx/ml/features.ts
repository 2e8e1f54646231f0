// Operators of ai.onnx.ml that prepare features. Where the specification is silent, as onnxruntime computes them.
import { tensor, type DType, type Tensor } from '../../../tensor/index.ts'
import { int64s } from '../draft.ts'
import { onnxError } from '../tensors.ts'
import { cast, float32s, float64s, strings, type Lowering } from '../lowering.ts'

type Lower = (lowering: Lowering) => void

/** A vector counts as one row. */
const arrayFeatureExtractor: Lower = ({ node, add, constant }) => {
  const [x] = node.inputs
  const flat = add('Reshape', [node.inputs[1], constant(int64s([-1]))])
  add('Expand', [add('Gather', [x, flat], { axis: -1 }), constant(int64s([1, 1]))], {}, node.outputs[0])
}

const binarizer: Lower = ({ node, add, constant, number }) => {
  const [x] = node.inputs
  const threshold = add('CastLike', [constant(float32s([number('threshold', 0)], [])), x])
  add('CastLike', [add('Greater', [x, threshold]), x], {}, node.outputs[0])
}

const featureVectorizer: Lower = (lowering) => {
  const { node, add } = lowering
  add('Concat', node.inputs.map((input) => cast(lowering, input, 'float32')), { axis: 1 }, node.outputs[0])
}

const imputer: Lower = ({ node, add, constant, floats, ints, number }) => {
  const [x] = node.inputs
  const integers = ints('imputed_value_int64s')
  if (integers !== undefined && integers.length > 0) {
    const replaced = constant(int64s([number('replaced_value_int64', 0)], []))
    add('Where', [add('Equal', [x, replaced]), constant(int64s(integers)), x], {}, node.outputs[0])
    return
  }
  const values = floats('imputed_value_floats') ?? []
  if (values.length === 0) throw onnxError('ONNX_ATTRIBUTE', `Imputer ${node.name ?? ''} has no imputed values`)
  const replaced = number('replaced_value_float', 0)
  const like = (value: Tensor): string => add('CastLike', [constant(value), x])
  const missing = Number.isNaN(replaced) ? add('IsNaN', [x]) : add('Equal', [x, like(float32s([replaced], []))])
  add('Where', [missing, like(float32s(values)), x], {}, node.outputs[0])
}

const scaler: Lower = (lowering) => {
  const { node, add, constant, floats } = lowering
  const x = cast(lowering, node.inputs[0], 'float32')
  const moved = add('Sub', [x, constant(float32s(floats('offset') ?? [0]))])
  add('Mul', [moved, constant(float32s(floats('scale') ?? [1]))], {}, node.outputs[0])
}

/** Rows over their largest element (not its absolute value), their 1-norm or their 2-norm; rows of norm 0 stay. */
const normalizer: Lower = (lowering) => {
  const { node, add, constant, text } = lowering
  const x = cast(lowering, node.inputs[0], 'float32')
  const reduction = new Map([['MAX', 'ReduceMax'], ['L1', 'ReduceL1'], ['L2', 'ReduceL2']]).get(text('norm', 'MAX'))
  if (reduction === undefined) throw onnxError('ONNX_ATTRIBUTE', `Normalizer ${node.name ?? ''} has norm ${JSON.stringify(text('norm', ''))}, expected MAX, L1 or L2`)
  const norm = add(reduction, [x, constant(int64s([-1]))], { keepdims: 1 })
  const divisor = add('Where', [add('Equal', [norm, constant(float32s([0], []))]), constant(float32s([1], [])), norm])
  add('Div', [x, divisor], {}, node.outputs[0])
}

/** Categories in two forms that keep them apart exactly: 64-bit integers as text. */
function comparable(lowering: Lowering, x: string, isText: boolean, isInteger: boolean): string {
  if (isText) return x
  return isInteger ? cast(lowering, cast(lowering, x, 'int64'), 'string') : cast(lowering, x, 'float64')
}

/** Values by key; a missing key gives `fallback`. Of equal keys the last one counts, as in a table that is filled in order. */
function mapping(lowering: Lowering, keys: Tensor, values: Tensor, fallback: Tensor, output: string): void {
  const { node, add, constant } = lowering
  const count = keys.data.length
  if (values.data.length !== count) throw onnxError('ONNX_ATTRIBUTE', `${node.op} ${node.name ?? ''} has ${count} keys for ${values.data.length} values`)
  const isText = keys.dtype === 'string'
  const isInteger = keys.dtype.startsWith('int') || keys.dtype.startsWith('uint') || keys.dtype === 'bool'
  const x = comparable(lowering, node.inputs[0], isText, isInteger)
  const last = new Map<string | number, number>()
  let missing = count
  Array.from(keys.data as ArrayLike<unknown>, (key, i) => {
    // A NaN among the keys is found from version 4 on.
    if (typeof key === 'number' && Number.isNaN(key)) missing = lowering.opset >= 4 ? i : count
    else last.set(isText || isInteger ? String(key) : Number(key), i)
  })
  const names = [...last.keys()]
  const table = constant(isText || isInteger ? strings(names.map(String)) : float64s(names.map(Number)))
  const codes = constant(float64s([...last.values()]))
  const found = add('mle.CategoryMap', [x, table, codes], { missing: 'code', missingCode: missing, unknown: 'code', unknownCode: count })
  // Labels are looked up in a dtype that the lookup has, then brought to their own.
  const { dtype } = values
  const held: DType = ['string', 'int32', 'int64', 'float32', 'float64', 'bool'].includes(dtype) ? dtype : dtype.startsWith('float') || dtype.startsWith('bfloat') ? 'float32' : 'int64'
  const all = appended(values, fallback)
  const place = cast(lowering, found, 'int64')
  const direct = held === dtype
  const list = direct ? constant(all) : cast(lowering, constant(all), held)
  const looked = add('mle.LabelLookup', [place, list], {}, direct ? output : undefined)
  if (!direct) cast(lowering, looked, dtype, output)
}

function appended(values: Tensor, fallback: Tensor): Tensor {
  const { dtype } = values
  if (Array.isArray(values.data)) return { dtype, shape: [values.data.length + 1], data: [...values.data, String(fallback.data[0])] }
  return tensor([...Array.from(values.data as ArrayLike<number | bigint>), fallback.data[0] as number | bigint] as number[], [values.data.length + 1], dtype)
}

const labelEncoder: Lower = (lowering) => {
  const { node, floats, int64s: integers, texts, number, text, tensor: tensorOf } = lowering
  // Version 1 had one list: strings to their places, and places to strings.
  const classes = texts('classes_strings')
  if (classes !== undefined) {
    const places = int64s(classes.map((_, i) => i))
    if (lowering.dtype(node.inputs[0]) === 'string') mapping(lowering, strings(classes), places, int64s([number('default_int64', -1)]), node.outputs[0])
    else mapping(lowering, places, strings(classes), strings([text('default_string', '_Unused')]), node.outputs[0])
    return
  }
  const read = (side: 'keys' | 'values'): Tensor | undefined => {
    const [s, f] = [texts(`${side}_strings`), floats(`${side}_floats`)]
    return tensorOf(`${side}_tensor`) ?? (s !== undefined ? strings(s) : (integers(`${side}_int64s`) ?? (f !== undefined ? float32s(f) : undefined)))
  }
  const keys = read('keys')
  const values = read('values')
  if (keys === undefined || values === undefined) throw onnxError('ONNX_ATTRIBUTE', `LabelEncoder ${node.name ?? ''} has no keys or no values`)
  const standard = values.dtype === 'string' ? strings([text('default_string', '_Unused')]) : values.dtype === 'int64' ? int64s([number('default_int64', -1)]) : tensor([number('default_float', -0)], [1], values.dtype)
  mapping(lowering, keys, values, tensorOf('default_tensor') ?? standard, node.outputs[0])
}

const categoryMapper: Lower = (lowering) => {
  const { node, int64s: integers, texts, number, text } = lowering
  const numbers = integers('cats_int64s') ?? int64s([])
  const names = strings(texts('cats_strings') ?? [])
  if (lowering.dtype(node.inputs[0]) === 'string') mapping(lowering, names, numbers, int64s([number('default_int64', -1)]), node.outputs[0])
  else mapping(lowering, numbers, names, strings([text('default_string', '_Unused')]), node.outputs[0])
}

const oneHotEncoder: Lower = (lowering) => {
  const { node, add, constant, int64s: integers, texts, number } = lowering
  const names = texts('cats_strings')
  const isText = names !== undefined && names.length > 0
  const keys = isText ? names : Array.from((integers('cats_int64s')?.data ?? []) as ArrayLike<bigint>, String)
  const x = comparable(lowering, node.inputs[0], isText, true)
  const unknown = number('zeros', 1) === 0 ? 'error' : 'code'
  const codes = add('mle.CategoryMap', [x, constant(strings(keys)), constant(float64s(keys.map((_, i) => i)))], { missing: 'unknown', missingCode: -1, unknown, unknownCode: -1 })
  const columns = constant(float64s(keys.map((_, i) => i)))
  cast(lowering, add('Equal', [add('Unsqueeze', [codes, constant(int64s([-1]))]), columns]), 'float32', node.outputs[0])
}

export const featureLowerings: readonly (readonly [string, Lower])[] = [
  ['ArrayFeatureExtractor', arrayFeatureExtractor],
  ['Binarizer', binarizer],
  ['CategoryMapper', categoryMapper],
  ['FeatureVectorizer', featureVectorizer],
  ['Imputer', imputer],
  ['LabelEncoder', labelEncoder],
  ['Normalizer', normalizer],
  ['OneHotEncoder', oneHotEncoder],
  ['Scaler', scaler],
]
