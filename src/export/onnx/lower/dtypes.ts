// Operators of ai.onnx that take more dtypes here than there: casts around them, or another operator with the same bits.
import { float } from '../../../ops/attributes.ts'
import { isTensorType } from '../../../ops/types.ts'
import type { DType } from '../../../tensor/index.ts'
import type { Lower } from '../context.ts'

const FLOATS: readonly DType[] = ['float16', 'bfloat16', 'float32', 'float64']
const WORDS: readonly DType[] = ['int32', 'int64', 'uint32', 'uint64']
const SIGNED: readonly DType[] = ['int8', 'int16', 'int32', 'int64']

/** Integers that a wider one holds. */
const WIDER: ReadonlyMap<DType, DType> = /* @__PURE__ */ new Map<DType, DType>([['int16', 'int32'], ['uint16', 'int32']])

/** dtypes that an operator takes in ONNX, by name. */
const TAKEN: readonly (readonly [op: string, dtypes: readonly DType[]])[] = [
  ['ReduceMax', [...FLOATS, ...WORDS, 'int8', 'uint8', 'bool']],
  ['ReduceMin', [...FLOATS, ...WORDS, 'int8', 'uint8', 'bool']],
]

/** Inputs of the first one's dtype are cast to one that holds it, and the result back. */
const throughWider = (taken: readonly DType[]): Lower => ({ node, inputs, type, add, keep, note, refuse, outputType }) => {
  const { dtype } = type(0)
  if (taken.includes(dtype)) {
    keep()
    return
  }
  const wider = WIDER.get(dtype)
  if (wider === undefined || node.outputs.length > 1) refuse(`ONNX has it for ${taken.join(', ')} only, not for ${dtype}`)
  note(`${node.op} of ${dtype} is computed in ${wider}, which ONNX has it for`)
  const cast = inputs.map((name, i) => (name !== '' && type(i).dtype === dtype ? add('Cast', [name], { to: wider as string }) : name))
  const result = outputType(0)
  const isSame = isTensorType(result) && result.dtype === dtype
  const wide = add(node.op, cast, Object.fromEntries(node.attributes), isSame ? undefined : node.outputs[0])
  if (isSame) add('Cast', [wide], { to: dtype }, node.outputs[0])
}

/** Numbers without a sign are what Relu makes of them; their opposites wrap around. */
const relu: Lower = ({ node, inputs, type, add, keep }) => {
  if ([...FLOATS, ...SIGNED].includes(type(0).dtype)) keep()
  else add('Identity', [inputs[0]], {}, node.outputs[0])
}

const neg: Lower = ({ node, inputs, type, add, scalar, keep }) => {
  const { dtype } = type(0)
  if ([...FLOATS, ...SIGNED].includes(dtype)) keep()
  else add('Sub', [scalar(0, dtype), inputs[0]], {}, node.outputs[0])
}

/** Celu is float32 only: max(0, x) + min(0, alpha (e^(x / alpha) - 1)). */
const celu: Lower = ({ node, inputs: [x], type, add, scalar, keep, note }) => {
  const { dtype } = type(0)
  if (dtype === 'float32') {
    keep()
    return
  }
  note(`Celu of ${dtype} is computed from Exp, as ONNX has it for float32 only`)
  const alpha = float(node.attributes, 'alpha', 1)
  const grown = add('Sub', [add('Exp', [add('Div', [x, scalar(alpha, dtype)])]), scalar(1, dtype)])
  add('Add', [add('Max', [x, scalar(0, dtype)]), add('Min', [add('Mul', [grown, scalar(alpha, dtype)]), scalar(0, dtype)])], {}, node.outputs[0])
}

/** Texts and narrow numbers are no value of ConstantOfShape. */
const constantOfShape: Lower = ({ node, inputs, add, value, keep }) => {
  const filler = node.attributes.get('value')
  if (filler?.kind !== 'tensor' || filler.value.dtype !== 'string') keep()
  else add('Expand', [value({ ...filler.value, shape: [] }), inputs[0]], {}, node.outputs[0])
}

export const dtypeLowerings: readonly (readonly [string, Lower])[] = [
  ...TAKEN.map(([op, dtypes]): [string, Lower] => [op, throughWider(dtypes)]),
  ['Relu', relu],
  ['Neg', neg],
  ['Celu', celu],
  ['ConstantOfShape', constantOfShape],
]
