// Recurrent layers: LSTM, GRU and plain ones.
import { MleError } from '../../error.ts'
import { int as intOf, text as textOf, texts } from '../attributes.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import type { AttributeSchema, InferContext, OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'
import { int, oneOf, op, text } from './define.ts'

/** Activation functions by lower-case name: how many parameters of activation_alpha and activation_beta each takes, with defaults. */
export const RECURRENT_ACTIVATIONS: ReadonlyMap<string, { readonly alpha?: number; readonly beta?: number }> = /* @__PURE__ */ new Map([
  ['relu', {}], ['tanh', {}], ['sigmoid', {}], ['softsign', {}], ['softplus', {}],
  ['affine', { alpha: 1, beta: 0 }], ['leakyrelu', { alpha: 0.01 }], ['thresholdedrelu', { alpha: 1 }],
  ['scaledtanh', { alpha: 1, beta: 1 }], ['hardsigmoid', { alpha: 0.2, beta: 0.5 }], ['elu', { alpha: 1 }],
])

const inferLayer = (gates: number, functions: number, outputs: number) => (context: InferContext): ValueType[] => {
  const { attributes } = context
  const { dtype } = tensorInput(context, 0)
  const direction = oneOf('direction', textOf(attributes, 'direction', 'forward'), ['forward', 'reverse', 'bidirectional'])
  const directions = direction === 'bidirectional' ? 2 : 1
  const names = texts(attributes, 'activations')
  if (names !== undefined && names.length > 0) {
    if (names.length !== functions * directions) throw new MleError('OP_ATTRIBUTE', `${names.length} activations, expected ${functions * directions}`, { expected: functions * directions, actual: names.length })
    for (const name of names) oneOf('activations', name.toLowerCase(), [...RECURRENT_ACTIVATIONS.keys()])
  }
  const batchFirst = intOf(attributes, 'layout', 0) !== 0
  const x = inputShape(context, 0, 3)
  const w = inputShape(context, 1, 3)
  const r = inputShape(context, 2, 3)
  const hidden = intOf(attributes, 'hidden_size', 0) || (r?.[2] ?? null)
  const scaled = (by: number): Dim => (typeof hidden === 'number' ? by * hidden : null)
  const check = (shape: readonly Dim[] | undefined, expected: readonly Dim[], name: string): void => shape?.forEach((dim, i) => unifyDims(dim, expected[i], `dimension ${i} of ${name}`))
  const [steps, batch] = x === undefined ? [null, null] : batchFirst ? [x[1], x[0]] : [x[0], x[1]]
  check(w, [directions, scaled(gates), x?.[2] ?? null], 'W')
  check(r, [directions, scaled(gates), hidden], 'R')
  if (context.inputs[3] !== undefined) check(inputShape(context, 3, 2), [directions, scaled(2 * gates)], 'B')
  if (context.inputs[4] !== undefined) check(inputShape(context, 4, 1), [batch], 'sequence_lens')
  const state: Dim[] = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  for (const index of [5, 6]) if (context.inputs[index] !== undefined) check(inputShape(context, index, 3), state, index === 5 ? 'initial_h' : 'initial_c')
  if (context.inputs[7] !== undefined) check(inputShape(context, 7, 2), [directions, scaled(3)], 'P')
  const all: Dim[] = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
  return [{ dtype, shape: all }, { dtype, shape: state }, { dtype, shape: state }].slice(0, outputs)
}

const SHARED: readonly AttributeSchema[] = [
  { name: 'activation_alpha', kind: 'floats' }, { name: 'activation_beta', kind: 'floats' }, { name: 'activations', kind: 'strings' },
  { name: 'clip', kind: 'float' }, text('direction', 'forward'), int('hidden_size'), int('layout', 0),
]
/** Errors of earlier steps come back through the state. */
const bound: OpSchema['bound'] = (eps, reference, magnitude) => 4096 * eps * Math.max(1, magnitude, Math.abs(reference))

export const recurrentSchemas: readonly OpSchema[] = [
  /**
   * Long short-term memory over sequences X [steps, batch, features] (batch first where layout is 1), in one direction or both. Gates stand in the order i, o, f, c
   * in W, R and the halves of B; P holds the peepholes of i, o, f. Functions are f, g, h, sigmoid and twice tanh by default; clip bounds what f and g are given.
   * Steps past a sequence's length give 0.
   *
   * @formula i = f(Wi x + Ri h + Pi c + bi); f = f(Wf x + Rf h + Pf c + bf); c' = f c + i g(Wc x + Rc h + bc); o = f(Wo x + Ro h + Po c' + bo); h' = o h(c')
   * @see S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997
   */
  op('LSTM', 22, 'X:T W:T R:T B:T? sequence_lens:int32? initial_h:T? initial_c:T? P:T?', { outputs: 'Y? Y_h? Y_c?', infer: inferLayer(4, 3, 3), bound, attributes: [...SHARED, int('input_forget', 0)] }),
  /**
   * Gated recurrent unit over sequences; layout and directions as LSTM. Gates stand in the order z, r, h; functions are f, g, sigmoid and tanh by default. With
   * linear_before_reset the reset gate scales the product with its bias, else the state before it.
   *
   * @formula z = f(Wz x + Rz h + bz); r = f(Wr x + Rr h + br); n = g(Wh x + Rh (r h) + bh); h' = (1 - z) n + z h
   * @see K. Cho et al., Learning phrase representations using RNN encoder-decoder for statistical machine translation, 2014
   */
  op('GRU', 22, 'X:T W:T R:T B:T? sequence_lens:int32? initial_h:T?', { outputs: 'Y? Y_h?', infer: inferLayer(3, 2, 2), bound, attributes: [...SHARED, int('linear_before_reset', 0)] }),
  /** Plain recurrent layer over sequences; layout and directions as LSTM. The function is tanh by default. @formula h' = f(W x + R h + b) */
  op('RNN', 22, 'X:T W:T R:T B:T? sequence_lens:int32? initial_h:T?', { outputs: 'Y? Y_h?', infer: inferLayer(1, 1, 2), bound, attributes: SHARED }),
]
