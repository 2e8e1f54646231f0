// Category codes and missing texts.
import { float, text } from '../../../ops/attributes.ts'
import { MISSING_TEXT } from '../../../import/onnx/metadata.ts'
import { tensor } from '../../../tensor/index.ts'
import type { Lower, Lowering } from '../context.ts'

/** LabelEncoder of ai.onnx.ml 4, which takes lists of any dtype and NaN as a key. */
const categoryMap: Lower = ({ node, inputs, constant, add, note, missingTexts }) => {
  const categories = constant(1, 'categories')
  const codes = constant(2, 'codes')
  const table = new Map<string | number, number>()
  for (let i = 0; i < categories.data.length; i++) {
    const key = categories.data[i] as string | number
    // NaN is a missing value here, never a key.
    if (key !== null && key === key && !table.has(key)) table.set(key, Number(codes.data[i]))
  }
  const isText = categories.dtype === 'string'
  const codesUnknown = text(node.attributes, 'unknown', 'error') === 'code'
  if (!codesUnknown) note('mle.CategoryMap refuses categories that it does not know; LabelEncoder makes NaN of them')
  if (text(node.attributes, 'missing', 'unknown') === 'code') {
    if (isText) missingTexts()
    const missing = isText ? MISSING_TEXT : NaN
    if (!table.has(missing)) table.set(missing, float(node.attributes, 'missingCode', NaN))
  }
  const keys = [...table.keys()]
  add('ai.onnx.ml.LabelEncoder', [inputs[0]], {
    keys_tensor: isText ? { dtype: 'string', shape: [keys.length], data: keys.map(String) } : tensor(Float64Array.from(keys, Number)),
    values_tensor: tensor(Float64Array.from(table.values())),
    default_tensor: tensor(Float64Array.of(codesUnknown ? float(node.attributes, 'unknownCode', NaN) : NaN)),
  }, node.outputs[0])
}

/** True where a text is missing: what the file takes as such, or the model's own placeholder. */
function missingOf({ node, inputs, add, value, missingTexts }: Lowering, output?: string): string {
  missingTexts()
  const equals = (word: string, out?: string): string => add('Equal', [inputs[0], value({ dtype: 'string', shape: [], data: [word] })], {}, out)
  const token = node.attributes.has('token') ? text(node.attributes, 'token', '') : MISSING_TEXT
  return token === MISSING_TEXT ? equals(MISSING_TEXT, output) : add('Or', [equals(MISSING_TEXT), equals(token)], {}, output)
}

const fillMissing: Lower = (lowering) => {
  const { node, inputs, add, value } = lowering
  const fill = value({ dtype: 'string', shape: [], data: [text(node.attributes, 'fill', '')] })
  add('Where', [missingOf(lowering), fill, inputs[0]], {}, node.outputs[0])
}

export const categoryLowerings: readonly (readonly [string, Lower])[] = [
  ['mle.CategoryMap', categoryMap],
  ['mle.IsMissing', (lowering) => void missingOf(lowering, lowering.node.outputs[0])],
  ['mle.FillMissing', fillMissing],
]
