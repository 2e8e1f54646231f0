// Recurrent layers on the wasm device: the usual activation functions and constant weights; the rest is cpu's.
import { MleError } from '../../error.ts'
import { float, floats as floatsOf, int, text, texts } from '../attributes.ts'
import { numbers } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { eachPiece, nameOf } from './constants.ts'
import { blockOnce, bytesOf, numbersAt, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { PANEL_BYTES } from './panels.ts'

/** The edge of products, then sums of gates, then state, cell state and one more of their size with 16 bytes to spare. */
const EDGE_BYTES = 128
const SUMS_BYTES = 262144
/** Sequences that go together. */
const MAX_ROWS = 16
/** Vectors are read past the end of the last row. */
const SPARE_BYTES = 64

interface Form {
  readonly gates: number
  readonly functions: readonly string[]
}

const FORMS: ReadonlyMap<string, Form> = /* @__PURE__ */ new Map([
  ['LSTM', { gates: 4, functions: ['sigmoid', 'tanh', 'tanh'] }],
  ['GRU', { gates: 3, functions: ['sigmoid', 'tanh'] }],
  ['RNN', { gates: 1, functions: ['tanh'] }],
])

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [...FORMS].map(([key, form]): [string, PreferredEntry] => [key, { packs: [1, 2, 3], make: (context, fallback) => makeLayer(host, context, fallback, form) }])
}

/** What one direction is computed from: byte offsets of panels and biases. */
interface Direction {
  readonly w: number
  readonly r: number
  readonly bias: number
  /** GRU: the third gate apart. */
  readonly rh: number
  readonly biasH: number
  readonly biasR: number
}

/** Functions as assembly/recurrent.ts numbers them. */
const KINDS: readonly string[] = ['sigmoid', 'tanh', 'relu', 'hardsigmoid']

/** Functions of one direction, four bits each, and the parameters of a hard sigmoid. */
interface Gates {
  readonly kinds: number
  readonly alpha: number
  readonly beta: number
}

/** undefined where a direction has a function of another kind, or hard sigmoids of two kinds. */
function gatesOf({ attributes }: KernelContext, usual: readonly string[], directions: number): readonly Gates[] | undefined {
  const given = (texts(attributes, 'activations') ?? []).map((name) => name.toLowerCase())
  const names = given.length > 0 ? given : Array.from({ length: directions }, () => usual).flat()
  const [alphas, betas] = [[...(floatsOf(attributes, 'activation_alpha') ?? [])], [...(floatsOf(attributes, 'activation_beta') ?? [])]]
  const all: Gates[] = []
  for (let d = 0; d < directions; d++) {
    let kinds = 0
    const hard: [number, number][] = []
    for (let i = 0; i < usual.length; i++) {
      const kind = KINDS.indexOf(names[d * usual.length + i])
      if (kind < 0) return undefined
      if (kind === 3) hard.push([alphas.shift() ?? 0.2, betas.shift() ?? 0.5])
      kinds |= kind << (4 * i)
    }
    if (hard.some(([alpha, beta]) => alpha !== hard[0][0] || beta !== hard[0][1])) return undefined
    all.push({ kinds, alpha: hard[0]?.[0] ?? 0, beta: hard[0]?.[1] ?? 0 })
  }
  return all
}

// X [steps, batch, features], W [directions, gates hidden, features], R [directions, gates hidden, hidden] -> Y [steps, directions, batch, hidden], Y_h, Y_c [directions, batch, hidden]
function makeLayer(host: WasmHost, context: KernelContext, fallback: Kernel, { gates, functions }: Form): Kernel | undefined {
  const { attributes, op, inputTypes } = context
  const bytes = bytesOf(context)
  const [, W, R, B] = context.constants
  if (bytes === undefined || W === undefined || R === undefined || (inputTypes[3] !== undefined && B === undefined) || inputTypes[7] !== undefined) return undefined
  if (!inputTypes.every((type, i) => type === undefined || i === 4 || (isTensorType(type) && type.dtype === W.dtype)) || W.size === 0 || R.size === 0) return undefined
  const [directions, , n] = R.shape
  const clip = float(attributes, 'clip', Infinity)
  const gateFunctions = gatesOf(context, functions, directions)
  if (gateFunctions === undefined || (clip > 0 && clip < Infinity) || int(attributes, 'input_forget', 0) !== 0) return undefined
  const features = W.shape[2]
  const linear = int(attributes, 'linear_before_reset', 0) !== 0 ? 1 : 0
  const batchFirst = int(attributes, 'layout', 0) !== 0
  const isReverse = text(attributes, 'direction', 'forward') === 'reverse'
  const sumsBytes = Math.max(SUMS_BYTES, MAX_ROWS * gates * n * bytes)
  const stateBytes = MAX_ROWS * n * bytes + SPARE_BYTES
  host.reserveScratch(EDGE_BYTES + sumsBytes + SPARE_BYTES + 3 * stateBytes)
  const suffix = bytes === 4 ? '32' : '64'
  const pack = wasmFunction(host.exports, `packRows${suffix}`)
  const copy = wasmFunction(host.exports, 'copyBytes')
  const clear = wasmFunction(host.exports, 'clearBytes')
  const run = wasmFunction(host.exports, op.toLowerCase() + suffix)
  const panels = (weights: View, from: number, rows: number, depth: number): number =>
    blockOnce(host, `rows ${bytes} ${nameOf(host, weights)} ${from} ${rows} ${depth}`, Math.ceil((rows * bytes) / PANEL_BYTES) * PANEL_BYTES * depth, (to) =>
      eachPiece(host, weights, { from, units: rows, unitSize: depth, together: PANEL_BYTES / bytes }, (at, first, count) => pack(at, depth, count, to + first * depth * bytes)))
  /** Biases of gate rows as whole panels: of the input, of the state, or both rounded once. */
  const biases = (d: number, row: number, count: number, which: 'input' | 'state' | 'both'): number => {
    const key = `gates ${bytes} ${B === undefined ? '' : nameOf(host, B)} ${d} ${row} ${count} ${which} ${gates * n}`
    return blockOnce(host, key, Math.ceil((count * bytes) / PANEL_BYTES) * PANEL_BYTES + SPARE_BYTES, (to) => {
      if (B === undefined) return
      const given = numbers(B)
      const first = d * 2 * gates * n + row
      const values = numbersAt(host, B.dtype, to, count)
      for (let i = 0; i < count; i++) {
        const input = which === 'state' ? 0 : given[first + i]
        values[i] = which === 'input' ? input : input + given[first + gates * n + i]
      }
    })
  }
  const directionOf = (d: number): Direction => {
    const [w, r] = [d * gates * n * features, d * gates * n * n]
    if (op !== 'GRU') return { w: panels(W, w, gates * n, features), r: panels(R, r, gates * n, n), bias: biases(d, 0, gates * n, 'both'), rh: 0, biasH: 0, biasR: 0 }
    return {
      w: panels(W, w, gates * n, features), r: panels(R, r, 2 * n, n), bias: biases(d, 0, 2 * n, 'both'), rh: panels(R, r + 2 * n * n, n, n),
      biasH: biases(d, 2 * n, n, linear === 1 ? 'input' : 'both'), biasR: linear === 1 ? biases(d, 2 * n, n, 'state') : 0,
    }
  }
  const each = Array.from({ length: directions }, (_, d) => directionOf(d))
  const rowBytes = n * bytes
  return (inputs, outputs) => {
    const [X, , , , lengths, initialH, initialC] = inputs
    const [Y, finalH, finalC] = outputs
    if (X === undefined || X.size === 0) {
      fallback(inputs, outputs)
      return
    }
    const steps = X.shape[batchFirst ? 1 : 0]
    const batches = X.shape[batchFirst ? 0 : 1]
    const { scratchOffset } = host
    const sums = scratchOffset + EDGE_BYTES
    const state = sums + sumsBytes + SPARE_BYTES
    const cell = state + stateBytes
    const more = cell + stateBytes
    const together = lengths === undefined || isUniform(lengths, steps) ? MAX_ROWS : 1
    if (together === 1 && Y !== undefined) clear(offsetOf(Y), Y.size * bytes)
    const xStep = (batchFirst ? features : batches * features) * bytes
    const xRow = (batchFirst ? steps * features : features) * bytes
    const yStep = (batchFirst ? directions : directions * batches) * rowBytes
    const yRow = (batchFirst ? steps * directions : 1) * rowBytes
    const stateRow = (batchFirst ? directions : 1) * rowBytes
    for (let d = 0; d < directions; d++) {
      const { w, r, bias, rh, biasH, biasR } = each[d]
      const { kinds, alpha, beta } = gateFunctions[d]
      const isBackwards = isReverse || d === 1
      for (let s = 0; s < batches; s += together) {
        const rows = Math.min(together, batches - s)
        const length = together === 1 && lengths !== undefined ? numbers(lengths)[s] : steps
        if (!(length >= 0 && length <= steps)) throw new MleError('OP_INDEX', `sequence ${s} has length ${length}, the input has ${steps} steps`, { expected: steps, actual: length })
        const stateAt = (batchFirst ? s * directions + d : d * batches + s) * rowBytes
        for (let i = 0; i < rows; i++) {
          if (initialH === undefined) clear(state + i * rowBytes, rowBytes)
          else copy(offsetOf(initialH) + stateAt + i * stateRow, state + i * rowBytes, rowBytes)
          if (op !== 'LSTM') continue
          if (initialC === undefined) clear(cell + i * rowBytes, rowBytes)
          else copy(offsetOf(initialC) + stateAt + i * stateRow, cell + i * rowBytes, rowBytes)
        }
        const first = isBackwards ? length - 1 : 0
        const x = offsetOf(X) + s * xRow + first * xStep
        const y = Y === undefined ? 0 : offsetOf(Y) + (batchFirst ? d : d * batches) * rowBytes + s * yRow + first * yStep
        const dx = isBackwards ? -xStep : xStep
        const dy = isBackwards ? -yStep : yStep
        const chunk = Math.max(1, Math.floor(sumsBytes / (rows * gates * rowBytes)))
        if (op === 'LSTM') run(length, rows, features, n, x, dx, xRow, w, r, bias, kinds, alpha, beta, y, dy, yRow, sums, chunk, state, cell, more, scratchOffset)
        else if (op === 'GRU') run(length, rows, features, n, x, dx, xRow, w, r, bias, rh, biasH, biasR, linear, kinds, alpha, beta, y, dy, yRow, sums, chunk, state, more, scratchOffset)
        else run(length, rows, features, n, x, dx, xRow, w, r, bias, kinds, alpha, beta, y, dy, yRow, sums, chunk, state, more, scratchOffset)
        for (let i = 0; i < rows; i++) {
          if (finalH !== undefined) copy(state + i * rowBytes, offsetOf(finalH) + stateAt + i * stateRow, rowBytes)
          if (finalC !== undefined) copy(cell + i * rowBytes, offsetOf(finalC) + stateAt + i * stateRow, rowBytes)
        }
      }
    }
  }
}

function isUniform(lengths: View, steps: number): boolean {
  const all = numbers(lengths)
  for (let i = 0; i < all.length; i++) if (all[i] !== steps) return false
  return true
}
