// LSTM, GRU and plain recurrent layers: a workgroup for each sequence and direction goes through the steps, with its state in workgroup memory.
import { float, floats, int, text, texts } from '../attributes.ts'
import type { View } from '../kernel.ts'
import { RECURRENT_ACTIVATIONS } from '../schemas/recurrent.ts'
import type { Attributes } from '../types.ts'
import { isFloating, noDType } from './elementwise.ts'
import type { GpuBinding, GpuContext, GpuKernel } from './kernel.ts'
import { need } from './movement.ts'
import { barrier, derived, input, lanesOf, literal, output, perRow, word } from './wgsl.ts'

const THREADS = 64
/** State, cell and gates of a sequence that workgroup memory keeps. */
const MAX_FLOATS = 3840

function activation(name: string, a: number, b: number, x: string): string {
  switch (name) {
    case 'relu':
      return `mle_relu(${x})`
    case 'tanh':
      return `mle_tanh(${x})`
    case 'sigmoid':
      return `mle_sigmoid(${x})`
    case 'softsign':
      return `(${x} / (1.0 + abs(${x})))`
    case 'softplus':
      return `mle_softplus(${x})`
    case 'affine':
      return `(${literal(a)} * ${x} + ${literal(b)})`
    case 'leakyrelu':
      return `select(${x}, ${literal(a)} * ${x}, ${x} < 0.0)`
    case 'thresholdedrelu':
      return `select(0.0, ${x}, ${x} > ${literal(a)})`
    case 'scaledtanh':
      return `(${literal(a)} * mle_tanh(${literal(b)} * ${x}))`
    case 'hardsigmoid':
      return `mle_max(0.0, mle_min(1.0, ${literal(a)} * ${x} + ${literal(b)}))`
    default:
      return `select(${x}, ${literal(a)} * mle_expm1(${x}), ${x} < 0.0)`
  }
}

/** Functions f0, f1, ... of the direction `d`, clipped as the attribute says. */
function activationsText(attributes: Attributes, defaults: readonly string[], directions: number): string {
  const given = texts(attributes, 'activations') ?? []
  const names = (given.length > 0 ? given : Array.from({ length: directions }, () => defaults).flat()).map((name) => name.toLowerCase())
  const alphas = [...(floats(attributes, 'activation_alpha') ?? [])]
  const betas = [...(floats(attributes, 'activation_beta') ?? [])]
  const clip = float(attributes, 'clip', Infinity)
  const argument = clip > 0 && clip < Infinity ? `clamp(x, ${literal(-clip)}, ${literal(clip)})` : 'x'
  const all = names.map((name) => {
    const parameters = RECURRENT_ACTIVATIONS.get(name) ?? {}
    const a = parameters.alpha === undefined ? 0 : (alphas.shift() ?? parameters.alpha)
    const b = parameters.beta === undefined ? 0 : (betas.shift() ?? parameters.beta)
    return activation(name, a, b, 'v')
  })
  return defaults.map((_, i) => {
    const [first, second = first] = [all[i], all[defaults.length + i]]
    return `fn f${i}(d: u32, x: f32) -> f32 { let v = ${argument}; ${first === second ? `return ${first};` : `if (d == 0u) { return ${first}; }\n  return ${second};`} }\n`
  }).join('')
}

interface Cell {
  readonly gates: number
  readonly defaults: readonly string[]
  /** Statements of one step, which have `d`, `b`, `xt` (where the step's input begins); they read before[], write state[] and cell[]. */
  readonly step: (context: GpuContext, hasPeepholes: boolean) => string
}

/** Loops over a thread's elements of the state, and waits for those of the others. */
const EACH = 'for (var e = lane; e < u.n; e += LANESu)'
const WAIT = 'WAIT;'

/** The sum of a gate's row over the input and the state before. */
const gate = (row: string): string => `x_dot(d, ${row}, xt) + r_dot(d, ${row}) + bias_of(d, ${row})`

const lstm: Cell = {
  gates: 4,
  defaults: ['Sigmoid', 'Tanh', 'Tanh'],
  step({ attributes }, hasPeepholes) {
    const peep = (index: number, value: string): string => (hasPeepholes ? ` + p_at((d * 3u + ${index}u) * u.n + e) * ${value}` : '')
    const forget = int(attributes, 'input_forget', 0) !== 0 ? '1.0 - input' : `f0(d, ${gate('2u * u.n + e')}${peep(2, 'old')})`
    return `    ${EACH} {
      let old = cell[e];
      let input = f0(d, ${gate('e')}${peep(0, 'old')});
      let forget = ${forget};
      let fresh = forget * old + input * f1(d, ${gate('3u * u.n + e')});
      cell[e] = fresh;
      state[e] = f0(d, ${gate('u.n + e')}${peep(1, 'fresh')}) * f2(d, fresh);
    }
    ${WAIT}`
  },
}

const gru: Cell = {
  gates: 3,
  defaults: ['Sigmoid', 'Tanh'],
  step({ attributes }) {
    const linear = int(attributes, 'linear_before_reset', 0) !== 0
    const row = '2u * u.n + e'
    // The reset gate scales the state before the product, or the product.
    const value = linear
      ? `x_dot(d, ${row}, xt) + reset[e] * (r_dot(d, ${row}) + half_bias(d, ${row}, 1u)) + half_bias(d, ${row}, 0u)`
      : `x_dot(d, ${row}, xt) + c_dot(d, ${row}) + bias_of(d, ${row})`
    return `    ${EACH} { cell[e] = f0(d, ${gate('e')}); ${linear ? `reset[e] = f0(d, ${gate('u.n + e')});` : `reset[e] = before[e] * f0(d, ${gate('u.n + e')});`} }
    ${WAIT}
    ${EACH} { let z = cell[e]; state[e] = (1.0 - z) * f1(d, ${value}) + z * before[e]; }
    ${WAIT}`
  },
}

const rnn: Cell = {
  gates: 1,
  defaults: ['Tanh'],
  step: () => `    ${EACH} { state[e] = f0(d, ${gate('e')}); }\n    ${WAIT}`,
}

/** [directions, rows, columns] as [directions, columns, rows]. */
function turned({ shape: [directions, rows, columns], data }: View): Float32Array<ArrayBuffer> {
  const from = data as Float32Array
  const to = new Float32Array(from.length)
  for (let d = 0, at = 0; d < directions; d++) for (let c = 0; c < columns; c++) for (let r = 0; r < rows; r++) to[at++] = from[(d * rows + r) * columns + c]
  return to
}

// X [steps, batch, features], W [directions, gates hidden, features], R [directions, gates hidden, hidden] -> Y [steps, directions, batch, hidden], Y_h, Y_c [directions, batch, hidden]
function layer(cell: Cell): GpuKernel {
  return (context) => {
    const { attributes, inputs: [X, , R, B, lengths, initialH, initialC, P], outputs: [Y, finalH, finalC] } = context
    const x = need(X)
    if (!isFloating(x.dtype)) return noDType(context)
    const batchFirst = int(attributes, 'layout', 0) !== 0
    const [first, second, features] = x.shape
    const [steps, batches] = batchFirst ? [second, first] : [first, second]
    const [directions, , n] = need(R).shape
    if (4 * n > MAX_FLOATS) return `a state of ${n} elements exceeds workgroup memory`
    if (batches * directions * n === 0) return []
    const isReverse = text(attributes, 'direction', 'forward') === 'reverse'
    const rows = cell.gates * n
    const yPlace = batchFirst ? '((b * u.steps + t) * u.directions + d) * u.n' : '((t * u.directions + d) * u.batches + b) * u.n'
    const statePlace = batchFirst ? '(b * u.directions + d) * u.n' : '(d * u.batches + b) * u.n'
    // Threads side by side read rows side by side: constants are turned for them.
    const isTurned = context.constants[1]?.dtype === 'float32' && context.constants[2]?.dtype === 'float32' && !context.features.software
    const weights = (index: number, name: string): GpuBinding => (isTurned ? derived(need(context.constants[index]), name, turned) : input(context, index, name))
    const place = (columns: string): string => (isTurned ? `(d * ${columns} + e) * u.gate_rows + row` : `(d * u.gate_rows + row) * ${columns} + e`)
    const reads = [input(context, 0, 'x'), weights(1, 'w'), weights(2, 'r')]
    if (B !== undefined) reads.push(input(context, 3, 'bias'))
    if (lengths !== undefined) reads.push(input(context, 4, 'length'))
    if (initialH !== undefined) reads.push(input(context, 5, 'h'))
    if (initialC !== undefined) reads.push(input(context, 6, 'c'))
    if (P !== undefined) reads.push(input(context, 7, 'p'))
    const writes = [...(Y === undefined ? [] : [output(context, 0, 'y')]), ...(finalH === undefined ? [] : [output(context, 1, 'yh')]), ...(finalC === undefined ? [] : [output(context, 2, 'yc')])]
    const half = B === undefined ? '0.0' : 'bias_at((d * 2u + which) * u.gate_rows + row)'
    const threads = lanesOf(context, THREADS)
    const body = (text_: string): string => text_.replaceAll('LANESu', `${threads}u`).replaceAll(WAIT, barrier(threads))
    return [perRow(batches * directions, threads, {
      reads, writes,
      uniforms: [word('n', n), word('steps', steps), word('batches', batches), word('directions', directions), word('features', features), word('gate_rows', rows)],
      declarations: `var<${threads === 1 ? 'private' : 'workgroup'}> before: array<f32, ${n}>;\nvar<${threads === 1 ? 'private' : 'workgroup'}> state: array<f32, ${n}>;\nvar<${threads === 1 ? 'private' : 'workgroup'}> cell: array<f32, ${n}>;\nvar<${threads === 1 ? 'private' : 'workgroup'}> reset: array<f32, ${n}>;
fn x_dot(d: u32, row: u32, xt: u32) -> f32 { var s = 0.0; for (var e = 0u; e < u.features; e++) { s += x_at(xt + e) * w_at(${place('u.features')}); } return s; }
fn r_dot(d: u32, row: u32) -> f32 { var s = 0.0; for (var e = 0u; e < u.n; e++) { s += before[e] * r_at(${place('u.n')}); } return s; }
fn c_dot(d: u32, row: u32) -> f32 { var s = 0.0; for (var e = 0u; e < u.n; e++) { s += reset[e] * r_at(${place('u.n')}); } return s; }
fn half_bias(d: u32, row: u32, which: u32) -> f32 { return ${half}; }
fn bias_of(d: u32, row: u32) -> f32 { return half_bias(d, row, 0u) + half_bias(d, row, 1u); }
${activationsText(attributes, cell.defaults, directions)}`,
      body: body(`  let d = row / u.batches;
  let b = row % u.batches;
  let count = ${lengths === undefined ? 'u.steps' : 'u32(clamp(length_at(b), 0, i32(u.steps)))'};
  ${EACH} { state[e] = ${initialH === undefined ? '0.0' : `h_at(${statePlace} + e)`}; cell[e] = ${initialC === undefined ? '0.0' : `c_at(${statePlace} + e)`}; }
  ${WAIT}
  for (var i = 0u; i < u.steps; i++) {
    let inside = i < count;
    let t = select(i, count - 1u - i, inside && ${isReverse ? 'true' : 'd == 1u'});
    let xt = ${batchFirst ? '(b * u.steps + t)' : '(t * u.batches + b)'} * u.features;
    ${EACH} { before[e] = state[e]; reset[e] = cell[e]; }
    ${WAIT}
${cell.step(context, P !== undefined)}
    if (!inside) { ${EACH} { state[e] = before[e]; ${cell.gates === 4 ? 'cell[e] = reset[e];' : ''} } }
    ${Y === undefined ? '' : `${EACH} { y_put(${yPlace} + e, select(0.0, state[e], inside)); }`}
    ${WAIT}
  }
  ${EACH} { ${finalH === undefined ? '' : `yh_put(${statePlace} + e, state[e]);`} ${finalC === undefined ? '' : `yc_put(${statePlace} + e, cell[e]);`} }`),
    })]
  }
}

export const recurrentKernels: readonly (readonly [string, GpuKernel])[] = [
  ['LSTM', layer(lstm)],
  ['GRU', layer(gru)],
  ['RNN', layer(rnn)],
]
