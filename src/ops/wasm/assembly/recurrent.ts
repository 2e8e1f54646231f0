// Layers of recurrent networks over raw memory, one direction and some sequences of equal length at a time, with the bits of src/ops/cpu/recurrent.ts.
// Products with the inputs of many steps are one product; those with the state continue its accumulators step by step.
import { logisticOf, tanhOf } from './parts/functions.ts'
import { pack, PANEL, product } from './parts/product.ts'

// Every layer: x and y steps `xStep` and `yStep`, sequences `xRow` and `yRow` bytes apart (steps may go backwards); w [gates n, features] and
// r [gates n, n] as panels, biases as whole panels; state and cell [rows, n], before the first step and after the last; y may be 0; sums for
// `chunk` steps; more has room for [rows, n] and 16 bytes, of which the last vector of a row takes some.

// Functions of gates; `kinds` holds those of f, g and h, four bits each.
const SIGMOID: i32 = 0
const TANH: i32 = 1
const RELU: i32 = 2

// @ts-ignore: decorator
@inline
function hardPair(x: v128, alpha: f64, beta: f64): v128 {
  return f64x2.max(f64x2.splat(0), f64x2.min(f64x2.splat(1), f64x2.add(f64x2.mul(f64x2.splat(alpha), x), f64x2.splat(beta))))
}

/** Of each lane; alpha and beta are those of a hard sigmoid, which is computed in float64. */
function gate<T>(kind: i32, x: v128, alpha: f64, beta: f64): v128 {
  if (kind == SIGMOID) return logisticOf<T>(x)
  if (kind == TANH) return tanhOf<T>(x)
  if (kind == RELU) return v128.max<T>(v128.splat<T>(0), x)
  if (sizeof<T>() == 8) return hardPair(x, alpha, beta)
  const low = f32x4.demote_f64x2_zero(hardPair(f64x2.promote_low_f32x4(x), alpha, beta))
  return v128.shuffle<f32>(low, f32x4.demote_f64x2_zero(hardPair(f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3)), alpha, beta)), 0, 1, 4, 5)
}

// x [steps, rows, features] -> sums [steps, rows, columns]
function project<T>(steps: usize, rows: usize, features: usize, columns: usize, x: usize, xStep: usize, xRow: usize, w: usize, sums: usize, edge: usize): void {
  const cRow = columns * sizeof<T>()
  const cStep = rows * cRow
  if (steps >= rows) {
    for (let row: usize = 0; row < rows; row++) product<T>(steps, features, columns, x + row * xRow, xStep, sizeof<T>(), w, PANEL, features * PANEL, sums + row * cRow, cStep, true, 0, 0, edge)
  } else {
    for (let t: usize = 0; t < steps; t++) product<T>(rows, features, columns, x + t * xStep, xRow, sizeof<T>(), w, PANEL, features * PANEL, sums + t * cStep, cRow, true, 0, 0, edge)
  }
}

// state [rows, n] by r [columns, n], added to c where not `fresh`
// @ts-ignore: decorator
@inline
function recur<T>(rows: usize, n: usize, columns: usize, state: usize, r: usize, c: usize, cRow: usize, fresh: bool, bias: usize, edge: usize): void {
  product<T>(rows, n, columns, state, n * sizeof<T>(), sizeof<T>(), r, PANEL, n * PANEL, c, cRow, fresh, bias, 0, edge)
}

/** Stores as much of a vector as `left` bytes. */
// @ts-ignore: decorator
@inline
function put(at: usize, value: v128, left: usize, spare: usize): void {
  if (left >= 16) v128.store(at, value)
  else {
    v128.store(spare, value)
    memory.copy(at, spare, left)
  }
}

// @ts-ignore: decorator
@inline
function output(y: usize, yRow: usize, state: usize, rows: usize, rowBytes: usize): void {
  for (let row: usize = 0; row < rows; row++) memory.copy(y + row * yRow, state + row * rowBytes, rowBytes)
}

function lstm<T>(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, cell: usize, more: usize, edge: usize): void {
  const bytes = n * sizeof<T>()
  const cRow: usize = 4 * bytes
  const f = kinds & 15
  const g = (kinds >> 4) & 15
  const h = kinds >> 8
  for (let t: usize = 0; t < steps; t += chunk) {
    const some = min(chunk, steps - t)
    project<T>(some, rows, features, 4 * n, x + t * xStep, xStep, xRow, w, sums, edge)
    for (let i: usize = 0; i < some; i++) {
      const c = sums + i * rows * cRow
      recur<T>(rows, n, 4 * n, state, r, c, cRow, false, bias, edge)
      for (let row: usize = 0; row < rows; row++) {
        const gates = c + row * cRow
        for (let at: usize = 0; at < bytes; at += 16) {
          const from = gates + at
          const to = row * bytes + at
          const forgotten = v128.mul<T>(gate<T>(f, v128.load(from + 2 * bytes), alpha, beta), v128.load(cell + to))
          const kept = v128.add<T>(forgotten, v128.mul<T>(gate<T>(f, v128.load(from), alpha, beta), gate<T>(g, v128.load(from + 3 * bytes), alpha, beta)))
          put(cell + to, kept, bytes - at, more)
          put(state + to, v128.mul<T>(gate<T>(f, v128.load(from + bytes), alpha, beta), gate<T>(h, kept, alpha, beta)), bytes - at, more)
        }
      }
      if (y) output(y + (t + i) * yStep, yRow, state, rows, bytes)
    }
  }
}

// r the panels of the first two gates, rh those of the third with a bias of its own; linear: the state's part of it has one too
function gru<T>(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, rh: usize, biasH: usize, biasR: usize, linear: bool, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  const bytes = n * sizeof<T>()
  const cRow: usize = 3 * bytes
  const f = kinds & 15
  const g = (kinds >> 4) & 15
  const one = v128.splat<T>(1)
  const part = more + 16
  for (let t: usize = 0; t < steps; t += chunk) {
    const some = min(chunk, steps - t)
    project<T>(some, rows, features, 3 * n, x + t * xStep, xStep, xRow, w, sums, edge)
    for (let i: usize = 0; i < some; i++) {
      const c = sums + i * rows * cRow
      recur<T>(rows, n, 2 * n, state, r, c, cRow, false, bias, edge)
      if (linear) recur<T>(rows, n, n, state, rh, part, bytes, true, biasR, edge)
      for (let row: usize = 0; row < rows; row++) {
        const gates = c + row * cRow
        for (let at: usize = 0; at < bytes; at += 16) {
          const reset = gate<T>(f, v128.load(gates + bytes + at), alpha, beta)
          const to = part + row * bytes + at
          // With the bias of its input only in the linear form.
          if (linear) put(gates + 2 * bytes + at, v128.add<T>(v128.add<T>(v128.load(gates + 2 * bytes + at), v128.mul<T>(reset, v128.load(to))), v128.load(biasH + at)), bytes - at, more)
          else put(to, v128.mul<T>(v128.load(state + row * bytes + at), reset), bytes - at, more)
        }
      }
      if (!linear) recur<T>(rows, n, n, part, rh, c + 2 * bytes, cRow, false, biasH, edge)
      for (let row: usize = 0; row < rows; row++) {
        const gates = c + row * cRow
        for (let at: usize = 0; at < bytes; at += 16) {
          const to = state + row * bytes + at
          const update = gate<T>(f, v128.load(gates + at), alpha, beta)
          const fresh = v128.mul<T>(v128.sub<T>(one, update), gate<T>(g, v128.load(gates + 2 * bytes + at), alpha, beta))
          put(to, v128.add<T>(fresh, v128.mul<T>(update, v128.load(to))), bytes - at, more)
        }
      }
      if (y) output(y + (t + i) * yStep, yRow, state, rows, bytes)
    }
  }
}

function rnn<T>(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  const bytes = n * sizeof<T>()
  for (let t: usize = 0; t < steps; t += chunk) {
    const some = min(chunk, steps - t)
    project<T>(some, rows, features, n, x + t * xStep, xStep, xRow, w, sums, edge)
    for (let i: usize = 0; i < some; i++) {
      const c = sums + i * rows * bytes
      recur<T>(rows, n, n, state, r, c, bytes, false, bias, edge)
      for (let at: usize = 0; at < rows * bytes; at += 16) {
        put(state + at, gate<T>(kinds, v128.load(c + at), alpha, beta), rows * bytes - at, more)
      }
      if (y) output(y + (t + i) * yStep, yRow, state, rows, bytes)
    }
  }
}

export function lstm32(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, cell: usize, more: usize, edge: usize): void {
  lstm<f32>(steps, rows, features, n, x, xStep, xRow, w, r, bias, kinds, alpha, beta, y, yStep, yRow, sums, chunk, state, cell, more, edge)
}

export function lstm64(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, cell: usize, more: usize, edge: usize): void {
  lstm<f64>(steps, rows, features, n, x, xStep, xRow, w, r, bias, kinds, alpha, beta, y, yStep, yRow, sums, chunk, state, cell, more, edge)
}

export function gru32(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, rh: usize, biasH: usize, biasR: usize, linear: bool, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  gru<f32>(steps, rows, features, n, x, xStep, xRow, w, r, bias, rh, biasH, biasR, linear, kinds, alpha, beta, y, yStep, yRow, sums, chunk, state, more, edge)
}

export function gru64(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, rh: usize, biasH: usize, biasR: usize, linear: bool, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  gru<f64>(steps, rows, features, n, x, xStep, xRow, w, r, bias, rh, biasH, biasR, linear, kinds, alpha, beta, y, yStep, yRow, sums, chunk, state, more, edge)
}

export function rnn32(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  rnn<f32>(steps, rows, features, n, x, xStep, xRow, w, r, bias, kinds, alpha, beta, y, yStep, yRow, sums, chunk, state, more, edge)
}

export function rnn64(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, kinds: i32, alpha: f64, beta: f64, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  rnn<f64>(steps, rows, features, n, x, xStep, xRow, w, r, bias, kinds, alpha, beta, y, yStep, yRow, sums, chunk, state, more, edge)
}

// w [rows, depth] -> panels of its transpose
export function packRows32(w: usize, depth: usize, rows: usize, to: usize): void {
  pack<f32>(w, 4, depth * 4, depth, rows, to)
}

export function packRows64(w: usize, depth: usize, rows: usize, to: usize): void {
  pack<f64>(w, 8, depth * 8, depth, rows, to)
}

export function copyBytes(from: usize, to: usize, bytes: usize): void {
  memory.copy(to, from, bytes)
}

export function clearBytes(at: usize, bytes: usize): void {
  memory.fill(at, 0, bytes)
}
