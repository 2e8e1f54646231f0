// Operators of ai.onnx.ml that no operators of tensors stand for.
import { MleError } from '../../error.ts'
import { ints, texts } from '../attributes.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { exact, type OpSchema } from '../schema.ts'
import { op } from './define.ts'

/** Keys of the maps of a ZipMap. */
export function zipMapKeys(attributes: Parameters<typeof ints>[0]): readonly (string | number)[] {
  const names = texts(attributes, 'classlabels_strings') ?? []
  return names.length > 0 ? names : (ints(attributes, 'classlabels_int64s') ?? [])
}

export const mlSchemas: readonly OpSchema[] = [
  /** A map from class to score for each row. @formula Z[r] = {class[c]: X[r, c]} */
  op('ZipMap', 1, 'X:T', {
    domain: 'ai.onnx.ml', outputs: 'Z', typeSets: { T: ['float32'] }, bound: exact, attributes: [{ name: 'classlabels_int64s', kind: 'ints' }, { name: 'classlabels_strings', kind: 'strings' }],
    infer(context) {
      const { dtype, shape } = tensorInput(context, 0)
      const keys = zipMapKeys(context.attributes)
      if (keys.length === 0) throw new MleError('OP_ATTRIBUTE', 'ZipMap has no class labels')
      if (shape !== undefined) unifyDims(inputShape(context, 0, 2)?.[1] ?? null, keys.length, 'classes')
      return [{ sequence: { map: { key: typeof keys[0] === 'string' ? 'string' : 'int64', value: { dtype, shape: [] } } } }]
    },
  }),
]
