// Layers of recurrent networks over raw memory, one direction and some sequences of equal length at a time, with the bits of src/ops/cpu/recurrent.ts.
// Products with the inputs of many steps are one product; those with the state continue its accumulators step by step.
import { logisticOf, tanhOf } from './parts/functions.ts'
import { pack, PANEL, product } from './parts/product.ts'

// Every layer: x and y steps `xStep` and `yStep`, sequences `xRow` and `yRow` bytes apart (steps may go backwards); w [gates n, features] and
// r [gates n, n] as panels, biases as whole panels; state and cell [rows, n], before the first step and after the last; y may be 0; sums for
// `chunk` steps; more has room for [rows, n] and 16 bytes, of which the last vector of a row takes some.

// x [steps, rows, features] -> sums [steps, rows, columns]
function project<T>(steps: usize, rows: usize, features: usize, columns: usize, x: usize, xStep: usize, xRow: usize, w: usize, sums: usize, edge: usize): void {
  const cRow = columns * sizeof<T>()
  const cStep = rows * cRow
  if (steps >= rows) {
    for (let row: usize = 0; row < rows; row++) product<T>(steps, features, columns, x + row * xRow, xStep, sizeof<T>(), w, PANEL, features * PANEL, sums + row * cRow, cStep, true, 0, edge)
  } else {
    for (let t: usize = 0; t < steps; t++) product<T>(rows, features, columns, x + t * xStep, xRow, sizeof<T>(), w, PANEL, features * PANEL, sums + t * cStep, cRow, true, 0, edge)
  }
}

// state [rows, n] by r [columns, n], added to c where not `fresh`
// @ts-ignore: decorator
@inline
function recur<T>(rows: usize, n: usize, columns: usize, state: usize, r: usize, c: usize, cRow: usize, fresh: bool, bias: usize, edge: usize): void {
  product<T>(rows, n, columns, state, n * sizeof<T>(), sizeof<T>(), r, PANEL, n * PANEL, c, cRow, fresh, bias, edge)
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

function lstm<T>(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, cell: usize, more: usize, edge: usize): void {
  const bytes = n * sizeof<T>()
  const cRow: usize = 4 * bytes
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
          const forgotten = v128.mul<T>(logisticOf<T>(v128.load(from + 2 * bytes)), v128.load(cell + to))
          const kept = v128.add<T>(forgotten, v128.mul<T>(logisticOf<T>(v128.load(from)), tanhOf<T>(v128.load(from + 3 * bytes))))
          put(cell + to, kept, bytes - at, more)
          put(state + to, v128.mul<T>(logisticOf<T>(v128.load(from + bytes)), tanhOf<T>(kept)), bytes - at, more)
        }
      }
      if (y) output(y + (t + i) * yStep, yRow, state, rows, bytes)
    }
  }
}

// r the panels of the first two gates, rh those of the third with a bias of its own; linear: the state's part of it has one too
function gru<T>(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, rh: usize, biasH: usize, biasR: usize, linear: bool, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  const bytes = n * sizeof<T>()
  const cRow: usize = 3 * bytes
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
          const reset = logisticOf<T>(v128.load(gates + bytes + at))
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
          const update = logisticOf<T>(v128.load(gates + at))
          const fresh = v128.mul<T>(v128.sub<T>(one, update), tanhOf<T>(v128.load(gates + 2 * bytes + at)))
          put(to, v128.add<T>(fresh, v128.mul<T>(update, v128.load(to))), bytes - at, more)
        }
      }
      if (y) output(y + (t + i) * yStep, yRow, state, rows, bytes)
    }
  }
}

function rnn<T>(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, isRelu: bool, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  const bytes = n * sizeof<T>()
  const zero = v128.splat<T>(0)
  for (let t: usize = 0; t < steps; t += chunk) {
    const some = min(chunk, steps - t)
    project<T>(some, rows, features, n, x + t * xStep, xStep, xRow, w, sums, edge)
    for (let i: usize = 0; i < some; i++) {
      const c = sums + i * rows * bytes
      recur<T>(rows, n, n, state, r, c, bytes, false, bias, edge)
      for (let at: usize = 0; at < rows * bytes; at += 16) {
        const value = v128.load(c + at)
        put(state + at, isRelu ? v128.max<T>(zero, value) : tanhOf<T>(value), rows * bytes - at, more)
      }
      if (y) output(y + (t + i) * yStep, yRow, state, rows, bytes)
    }
  }
}

export function lstm32(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, cell: usize, more: usize, edge: usize): void {
  lstm<f32>(steps, rows, features, n, x, xStep, xRow, w, r, bias, y, yStep, yRow, sums, chunk, state, cell, more, edge)
}

export function lstm64(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, cell: usize, more: usize, edge: usize): void {
  lstm<f64>(steps, rows, features, n, x, xStep, xRow, w, r, bias, y, yStep, yRow, sums, chunk, state, cell, more, edge)
}

export function gru32(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, rh: usize, biasH: usize, biasR: usize, linear: bool, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  gru<f32>(steps, rows, features, n, x, xStep, xRow, w, r, bias, rh, biasH, biasR, linear, y, yStep, yRow, sums, chunk, state, more, edge)
}

export function gru64(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, rh: usize, biasH: usize, biasR: usize, linear: bool, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  gru<f64>(steps, rows, features, n, x, xStep, xRow, w, r, bias, rh, biasH, biasR, linear, y, yStep, yRow, sums, chunk, state, more, edge)
}

export function rnn32(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, isRelu: bool, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  rnn<f32>(steps, rows, features, n, x, xStep, xRow, w, r, bias, isRelu, y, yStep, yRow, sums, chunk, state, more, edge)
}

export function rnn64(steps: usize, rows: usize, features: usize, n: usize, x: usize, xStep: usize, xRow: usize, w: usize, r: usize, bias: usize, isRelu: bool, y: usize, yStep: usize, yRow: usize, sums: usize, chunk: usize, state: usize, more: usize, edge: usize): void {
  rnn<f64>(steps, rows, features, n, x, xStep, xRow, w, r, bias, isRelu, y, yStep, yRow, sums, chunk, state, more, edge)
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
