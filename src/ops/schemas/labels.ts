// Class labels by position.
import { inputShape, tensorInput } from '../rules.ts'
import { exact, type OpSchema } from '../schema.ts'

/**
 * The class label at each position. index of any shape, classes [n] -> Y of index's shape and classes' dtype. A bool index
 * picks the first or the second class; positions outside the list are an error.
 *
 * @formula y[i] = classes[index[i]]
 */
const labelLookup: OpSchema = {
  name: 'LabelLookup',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'index', type: ['bool', 'int32', 'int64'] },
    { name: 'classes', type: ['string', 'int32', 'float64', 'float32', 'int64', 'bool'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [],
  infer(context) {
    inputShape(context, 1, 1)
    return [{ dtype: tensorInput(context, 1).dtype, shape: tensorInput(context, 0).shape }]
  },
  rowWise: (_context, carriesRows) => carriesRows[0] && !carriesRows[1],
  bound: exact,
}

export const labelSchemas: readonly OpSchema[] = [labelLookup]
