// Integers and elements as bits.
import { MleError } from '../../error.ts'
import { bytesPerElement } from '../../tensor/dtype.ts'
import { text as textOf } from '../attributes.ts'
import { elementwise, elementwiseRows, like, tensorInput } from '../rules.ts'
import { exact, type OpSchema } from '../schema.ts'
import { castTarget } from './tensor.ts'
import { INTEGERS, NUMBERS, binary, oneOf, op, unary } from './define.ts'

const WORDS = { typeSets: { T: INTEGERS }, bound: exact }

export const bitSchemas: readonly OpSchema[] = [
  /** Bits that both have. @formula C = A & B */
  binary('BitwiseAnd', 18, WORDS),
  /** Bits that either has. @formula C = A | B */
  binary('BitwiseOr', 18, WORDS),
  /** Bits that one of both has. @formula C = A ^ B */
  binary('BitwiseXor', 18, WORDS),
  /** Every bit turned over. @formula Y = ~X */
  unary('BitwiseNot', 18, WORDS),
  /** Bits moved up or down by counts, zeros moving in; counts of the width and more give 0. @formula Z = X << Y or X >> Y */
  binary('BitShift', 11, {
    typeSets: { T: ['uint8', 'uint16', 'uint32', 'uint64'] }, bound: exact, attributes: [{ name: 'direction', kind: 'string', required: true }],
    infer(context) {
      oneOf('direction', textOf(context.attributes, 'direction', ''), ['LEFT', 'RIGHT'])
      return elementwise(context)
    },
  }),
  /** The same bits as elements of another dtype of the same size, whose numpy name `to` gives. */
  op('BitCast', 26, 'input:T', {
    outputs: 'output', typeSets: { T: [...NUMBERS, 'bool'] }, bound: exact, rowWise: elementwiseRows, attributes: [{ name: 'to', kind: 'string', required: true }],
    infer(context) {
      const to = castTarget(context)
      const { dtype } = tensorInput(context, 0)
      if (bytesPerElement(to) !== bytesPerElement(dtype)) throw new MleError('OP_DTYPE', `elements of ${dtype} have ${bytesPerElement(dtype)} bytes, those of ${to} ${bytesPerElement(to)}`, { expected: dtype, actual: to })
      return like(context, 0, to)
    },
  }),
]
