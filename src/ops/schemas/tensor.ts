// Moving and reshaping tensors without arithmetic.
import { exact, type OpSchema } from '../schema.ts'
import { like } from '../rules.ts'

/** The input itself. @formula y = x */
const identity: OpSchema = {
  name: 'Identity',
  domain: 'ai.onnx',
  version: 25,
  pack: 'classical',
  inputs: [{ name: 'input', type: 'V' }],
  outputs: [{ name: 'output' }],
  attributes: [],
  infer: (context) => (context.inputs[0] !== undefined && 'dtype' in context.inputs[0] ? like(context) : context.inputs[0] === undefined ? [] : [context.inputs[0]]),
  rowWise: () => true,
  alias: true,
  bound: exact,
}

export const tensorSchemas: readonly OpSchema[] = [identity]
