// Conditions that data must meet.
import { tensorInput } from '../rules.ts'
import { exact, type OpSchema } from '../schema.ts'
import { ANY } from './define.ts'

/** X as it is, where `condition`, bool of any shape, is true everywhere; else an error with the text of `message`. X of any shape -> Y like X. @formula y = x */
const require: OpSchema = {
  name: 'Require',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: 'T' },
    { name: 'condition', type: ['bool'] },
  ],
  typeSets: { T: ANY },
  outputs: [{ name: 'Y' }],
  attributes: [{ name: 'message', kind: 'string', required: true }],
  infer: (context) => [{ dtype: tensorInput(context, 0).dtype, shape: tensorInput(context, 0).shape }],
  rowWise: (_context, carriesRows) => carriesRows[0] && carriesRows[1],
  bound: exact,
}

export const requireSchemas: readonly OpSchema[] = [require]
