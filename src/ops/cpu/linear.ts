// Matrix products. One accumulator per output, k ascending, multiply then add, each rounded to the dtype: tiles compute several
// outputs at once, which changes no bit. B is packed into panels of four columns, once for the life of the model if it is
// constant; a transposed B is read where it lies, which is as fast. The float32 tiles are literals of their own: engines keep doubles in registers and round at every Math.fround.
import { broadcastStrides } from '../../tensor/shape.ts'
import { isFloat, type DType } from '../../tensor/dtype.ts'
import { float, int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { dtypeOf } from './elementwise.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { widened } from './widen.ts'

/** Outputs at y[o], the next row ys further; a from i, rows `rs` and k `cs` apart; b from p[j], k `js` and columns `e` apart, a single column's k side by side. */
type Tile = (a: Numbers, i: number, rs: number, cs: number, p: Numbers, j: number, js: number, e: number, depth: number, y: Numbers, o: number, ys: number) => void

const f = Math.fround

// a [4, depth]; p [depth, 4]; y [4, 4]
const tile4x4f64: Tile = (a, i, rs, cs, p, j, js, e, depth, y, o, ys) => {
  const i1 = i + rs
  const i2 = i1 + rs
  const i3 = i2 + rs
  const e2 = 2 * e
  const e3 = 3 * e
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0
  for (let k = 0, q = 0; k < depth; k++, q += cs, j += js) {
    const b0 = p[j], b1 = p[j + e], b2 = p[j + e2], b3 = p[j + e3]
    let x = a[i + q]
    c00 += x * b0; c01 += x * b1; c02 += x * b2; c03 += x * b3
    x = a[i1 + q]
    c10 += x * b0; c11 += x * b1; c12 += x * b2; c13 += x * b3
    x = a[i2 + q]
    c20 += x * b0; c21 += x * b1; c22 += x * b2; c23 += x * b3
    x = a[i3 + q]
    c30 += x * b0; c31 += x * b1; c32 += x * b2; c33 += x * b3
  }
  y[o] = c00; y[o + 1] = c01; y[o + 2] = c02; y[o + 3] = c03
  o += ys
  y[o] = c10; y[o + 1] = c11; y[o + 2] = c12; y[o + 3] = c13
  o += ys
  y[o] = c20; y[o + 1] = c21; y[o + 2] = c22; y[o + 3] = c23
  o += ys
  y[o] = c30; y[o + 1] = c31; y[o + 2] = c32; y[o + 3] = c33
}

const tile4x4f32: Tile = (a, i, rs, cs, p, j, js, e, depth, y, o, ys) => {
  const i1 = i + rs
  const i2 = i1 + rs
  const i3 = i2 + rs
  const e2 = 2 * e
  const e3 = 3 * e
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0
  for (let k = 0, q = 0; k < depth; k++, q += cs, j += js) {
    const b0 = p[j], b1 = p[j + e], b2 = p[j + e2], b3 = p[j + e3]
    let x = a[i + q]
    c00 = f(c00 + f(x * b0)); c01 = f(c01 + f(x * b1)); c02 = f(c02 + f(x * b2)); c03 = f(c03 + f(x * b3))
    x = a[i1 + q]
    c10 = f(c10 + f(x * b0)); c11 = f(c11 + f(x * b1)); c12 = f(c12 + f(x * b2)); c13 = f(c13 + f(x * b3))
    x = a[i2 + q]
    c20 = f(c20 + f(x * b0)); c21 = f(c21 + f(x * b1)); c22 = f(c22 + f(x * b2)); c23 = f(c23 + f(x * b3))
    x = a[i3 + q]
    c30 = f(c30 + f(x * b0)); c31 = f(c31 + f(x * b1)); c32 = f(c32 + f(x * b2)); c33 = f(c33 + f(x * b3))
  }
  y[o] = c00; y[o + 1] = c01; y[o + 2] = c02; y[o + 3] = c03
  o += ys
  y[o] = c10; y[o + 1] = c11; y[o + 2] = c12; y[o + 3] = c13
  o += ys
  y[o] = c20; y[o + 1] = c21; y[o + 2] = c22; y[o + 3] = c23
  o += ys
  y[o] = c30; y[o + 1] = c31; y[o + 2] = c32; y[o + 3] = c33
}

// a [1, depth]; p [depth, 4]; y [1, 4]
const tile1x4f64: Tile = (a, i, _rs, cs, p, j, js, e, depth, y, o) => {
  const e2 = 2 * e
  const e3 = 3 * e
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (let k = 0; k < depth; k++, i += cs, j += js) {
    const x = a[i]
    c0 += x * p[j]; c1 += x * p[j + e]; c2 += x * p[j + e2]; c3 += x * p[j + e3]
  }
  y[o] = c0; y[o + 1] = c1; y[o + 2] = c2; y[o + 3] = c3
}

const tile1x4f32: Tile = (a, i, _rs, cs, p, j, js, e, depth, y, o) => {
  const e2 = 2 * e
  const e3 = 3 * e
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (let k = 0; k < depth; k++, i += cs, j += js) {
    const x = a[i]
    c0 = f(c0 + f(x * p[j])); c1 = f(c1 + f(x * p[j + e])); c2 = f(c2 + f(x * p[j + e2])); c3 = f(c3 + f(x * p[j + e3]))
  }
  y[o] = c0; y[o + 1] = c1; y[o + 2] = c2; y[o + 3] = c3
}

// a [4, depth]; p [depth, 3]; y [4, 3]: what is left of the columns of few classes
const tile4x3f64: Tile = (a, i, rs, cs, p, j, js, e, depth, y, o, ys) => {
  const i1 = i + rs
  const i2 = i1 + rs
  const i3 = i2 + rs
  const e2 = 2 * e
  let c00 = 0, c01 = 0, c02 = 0, c10 = 0, c11 = 0, c12 = 0, c20 = 0, c21 = 0, c22 = 0, c30 = 0, c31 = 0, c32 = 0
  for (let k = 0, q = 0; k < depth; k++, q += cs, j += js) {
    const b0 = p[j], b1 = p[j + e], b2 = p[j + e2]
    let x = a[i + q]
    c00 += x * b0; c01 += x * b1; c02 += x * b2
    x = a[i1 + q]
    c10 += x * b0; c11 += x * b1; c12 += x * b2
    x = a[i2 + q]
    c20 += x * b0; c21 += x * b1; c22 += x * b2
    x = a[i3 + q]
    c30 += x * b0; c31 += x * b1; c32 += x * b2
  }
  y[o] = c00; y[o + 1] = c01; y[o + 2] = c02
  o += ys
  y[o] = c10; y[o + 1] = c11; y[o + 2] = c12
  o += ys
  y[o] = c20; y[o + 1] = c21; y[o + 2] = c22
  o += ys
  y[o] = c30; y[o + 1] = c31; y[o + 2] = c32
}

const tile4x3f32: Tile = (a, i, rs, cs, p, j, js, e, depth, y, o, ys) => {
  const i1 = i + rs
  const i2 = i1 + rs
  const i3 = i2 + rs
  const e2 = 2 * e
  let c00 = 0, c01 = 0, c02 = 0, c10 = 0, c11 = 0, c12 = 0, c20 = 0, c21 = 0, c22 = 0, c30 = 0, c31 = 0, c32 = 0
  for (let k = 0, q = 0; k < depth; k++, q += cs, j += js) {
    const b0 = p[j], b1 = p[j + e], b2 = p[j + e2]
    let x = a[i + q]
    c00 = f(c00 + f(x * b0)); c01 = f(c01 + f(x * b1)); c02 = f(c02 + f(x * b2))
    x = a[i1 + q]
    c10 = f(c10 + f(x * b0)); c11 = f(c11 + f(x * b1)); c12 = f(c12 + f(x * b2))
    x = a[i2 + q]
    c20 = f(c20 + f(x * b0)); c21 = f(c21 + f(x * b1)); c22 = f(c22 + f(x * b2))
    x = a[i3 + q]
    c30 = f(c30 + f(x * b0)); c31 = f(c31 + f(x * b1)); c32 = f(c32 + f(x * b2))
  }
  y[o] = c00; y[o + 1] = c01; y[o + 2] = c02
  o += ys
  y[o] = c10; y[o + 1] = c11; y[o + 2] = c12
  o += ys
  y[o] = c20; y[o + 1] = c21; y[o + 2] = c22
  o += ys
  y[o] = c30; y[o + 1] = c31; y[o + 2] = c32
}

// a [4, depth]; p [depth, 2]; y [4, 2]
const tile4x2f64: Tile = (a, i, rs, cs, p, j, js, e, depth, y, o, ys) => {
  const i1 = i + rs
  const i2 = i1 + rs
  const i3 = i2 + rs
  let c00 = 0, c01 = 0, c10 = 0, c11 = 0, c20 = 0, c21 = 0, c30 = 0, c31 = 0
  for (let k = 0, q = 0; k < depth; k++, q += cs, j += js) {
    const b0 = p[j], b1 = p[j + e]
    let x = a[i + q]
    c00 += x * b0; c01 += x * b1
    x = a[i1 + q]
    c10 += x * b0; c11 += x * b1
    x = a[i2 + q]
    c20 += x * b0; c21 += x * b1
    x = a[i3 + q]
    c30 += x * b0; c31 += x * b1
  }
  y[o] = c00; y[o + 1] = c01
  o += ys
  y[o] = c10; y[o + 1] = c11
  o += ys
  y[o] = c20; y[o + 1] = c21
  o += ys
  y[o] = c30; y[o + 1] = c31
}

const tile4x2f32: Tile = (a, i, rs, cs, p, j, js, e, depth, y, o, ys) => {
  const i1 = i + rs
  const i2 = i1 + rs
  const i3 = i2 + rs
  let c00 = 0, c01 = 0, c10 = 0, c11 = 0, c20 = 0, c21 = 0, c30 = 0, c31 = 0
  for (let k = 0, q = 0; k < depth; k++, q += cs, j += js) {
    const b0 = p[j], b1 = p[j + e]
    let x = a[i + q]
    c00 = f(c00 + f(x * b0)); c01 = f(c01 + f(x * b1))
    x = a[i1 + q]
    c10 = f(c10 + f(x * b0)); c11 = f(c11 + f(x * b1))
    x = a[i2 + q]
    c20 = f(c20 + f(x * b0)); c21 = f(c21 + f(x * b1))
    x = a[i3 + q]
    c30 = f(c30 + f(x * b0)); c31 = f(c31 + f(x * b1))
  }
  y[o] = c00; y[o + 1] = c01
  o += ys
  y[o] = c10; y[o + 1] = c11
  o += ys
  y[o] = c20; y[o + 1] = c21
  o += ys
  y[o] = c30; y[o + 1] = c31
}

// a [1, depth]; p [depth, 3]; y [1, 3]
const tile1x3f64: Tile = (a, i, _rs, cs, p, j, js, e, depth, y, o) => {
  const e2 = 2 * e
  let c0 = 0, c1 = 0, c2 = 0
  for (let k = 0; k < depth; k++, i += cs, j += js) {
    const x = a[i]
    c0 += x * p[j]; c1 += x * p[j + e]; c2 += x * p[j + e2]
  }
  y[o] = c0; y[o + 1] = c1; y[o + 2] = c2
}

const tile1x3f32: Tile = (a, i, _rs, cs, p, j, js, e, depth, y, o) => {
  const e2 = 2 * e
  let c0 = 0, c1 = 0, c2 = 0
  for (let k = 0; k < depth; k++, i += cs, j += js) {
    const x = a[i]
    c0 = f(c0 + f(x * p[j])); c1 = f(c1 + f(x * p[j + e])); c2 = f(c2 + f(x * p[j + e2]))
  }
  y[o] = c0; y[o + 1] = c1; y[o + 2] = c2
}

// a [1, depth]; p [depth, 2]; y [1, 2]
const tile1x2f64: Tile = (a, i, _rs, cs, p, j, js, e, depth, y, o) => {
  let c0 = 0, c1 = 0
  for (let k = 0; k < depth; k++, i += cs, j += js) {
    const x = a[i]
    c0 += x * p[j]; c1 += x * p[j + e]
  }
  y[o] = c0; y[o + 1] = c1
}

const tile1x2f32: Tile = (a, i, _rs, cs, p, j, js, e, depth, y, o) => {
  let c0 = 0, c1 = 0
  for (let k = 0; k < depth; k++, i += cs, j += js) {
    const x = a[i]
    c0 = f(c0 + f(x * p[j])); c1 = f(c1 + f(x * p[j + e]))
  }
  y[o] = c0; y[o + 1] = c1
}

// a [4, depth]; p [depth]; y [4, 1]
const tile4x1f64: Tile = (a, i, rs, cs, p, j, _js, _e, depth, y, o, ys) => {
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (const end = j + depth; j < end; j++, i += cs) {
    const b = p[j]
    c0 += a[i] * b; c1 += a[i + rs] * b; c2 += a[i + 2 * rs] * b; c3 += a[i + 3 * rs] * b
  }
  y[o] = c0; y[o + ys] = c1; y[o + 2 * ys] = c2; y[o + 3 * ys] = c3
}

const tile4x1f32: Tile = (a, i, rs, cs, p, j, _js, _e, depth, y, o, ys) => {
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (const end = j + depth; j < end; j++, i += cs) {
    const b = p[j]
    c0 = f(c0 + f(a[i] * b)); c1 = f(c1 + f(a[i + rs] * b)); c2 = f(c2 + f(a[i + 2 * rs] * b)); c3 = f(c3 + f(a[i + 3 * rs] * b))
  }
  y[o] = c0; y[o + ys] = c1; y[o + 2 * ys] = c2; y[o + 3 * ys] = c3
}

// a [1, depth]; p [depth]; y [1, 1]
const tile1x1f64: Tile = (a, i, _rs, cs, p, j, _js, _e, depth, y, o) => {
  let c = 0
  for (const end = j + depth; j < end; j++, i += cs) c += a[i] * p[j]
  y[o] = c
}

const tile1x1f32: Tile = (a, i, _rs, cs, p, j, _js, _e, depth, y, o) => {
  let c = 0
  for (const end = j + depth; j < end; j++, i += cs) c = f(c + f(a[i] * p[j]))
  y[o] = c
}

/** Four rows and one row, by as many columns as the place says. */
type Tiles = readonly (readonly [four: Tile, one: Tile])[]

export function tilesOf(dtype: DType): Tiles {
  return dtype === 'float64'
    ? [[tile4x1f64, tile1x1f64], [tile4x1f64, tile1x1f64], [tile4x2f64, tile1x2f64], [tile4x3f64, tile1x3f64], [tile4x4f64, tile1x4f64]]
    : [[tile4x1f32, tile1x1f32], [tile4x1f32, tile1x1f32], [tile4x2f32, tile1x2f32], [tile4x3f32, tile1x3f32], [tile4x4f32, tile1x4f32]]
}

/** One product: a [rows, depth] from `i`, rows `rs` and columns `cs` apart; b from `j`, packed or as [columns, depth]; y from `o`. */
type Product = (a: Numbers, i: number, rs: number, cs: number, p: Numbers, j: number, isPacked: boolean, y: Numbers, o: number, rows: number, depth: number, columns: number) => void

export function tiledProduct(tiles: Tiles): Product {
  return (a, i, rs, cs, p, j, isPacked, y, o, rows, depth, columns) => {
    for (let column = 0; column < columns; column += 4) {
      const width = Math.min(4, columns - column)
      const [four, one] = tiles[width]
      const js = isPacked ? width : 1
      const e = isPacked ? 1 : depth
      let row = 0
      for (; row + 4 <= rows; row += 4) four(a, i + row * rs, rs, cs, p, j, js, e, depth, y, o + row * columns + column, columns)
      for (; row < rows; row++) one(a, i + row * rs, rs, cs, p, j, js, e, depth, y, o + row * columns + column, columns)
      j += width * depth
    }
  }
}

// b [depth, columns] -> panels [columns / 4][depth, 4], then one of the columns that are left
function pack(p: Numbers, j: number, b: Numbers, i: number, depth: number, columns: number): void {
  for (let column = 0; column < columns; column += 4) {
    const end = Math.min(4, columns - column)
    for (let k = 0, at = i + column; k < depth; k++, at += columns) for (let e = 0; e < end; e++) p[j++] = b[at + e]
  }
}

/** Gives B packed: kept where it is constant, in scratch else. A stack of matrices is packed one after the other. */
export function packer(context: KernelContext, dtype: DType): (b: View, depth: number, columns: number) => Numbers {
  let kept: Numbers | undefined
  const { scratch } = context
  const constant = context.constants[1] !== undefined
  return (b, depth, columns) => {
    if (kept !== undefined) return kept
    const { size } = b
    const p: Numbers = constant ? (dtype === 'float64' ? new Float64Array(size) : new Float32Array(size)) : dtype === 'float64' ? scratch.float64(size) : scratch.float32(size)
    for (let at = 0; at < size; at += depth * columns) pack(p, at, numbers(b), at, depth, columns)
    if (constant) {
      kept = p
      scratch.keep(size * (dtype === 'float64' ? 8 : 4))
    }
    return p
  }
}

export interface Stack {
  readonly rows: number
  readonly depth: number
  readonly columns: number
  /** Start of each product's matrices in A and B. */
  readonly a: readonly number[]
  readonly b: readonly number[]
}

/** How a product of stacks that broadcast is made of products of matrices. */
export function stackOf([a, b]: readonly (View | undefined)[]): Stack {
  const shapeA = a?.shape ?? []
  const shapeB = b?.shape ?? []
  const depth = shapeA[shapeA.length - 1]
  const rows = shapeA.length > 1 ? shapeA[shapeA.length - 2] : 1
  const columns = shapeB.length > 1 ? shapeB[shapeB.length - 1] : 1
  // One matrix B for all: the stack A is one tall matrix.
  if (shapeB.length <= 2) return { rows: shapeA.slice(0, -1).reduce((product, dim) => product * dim, 1), depth, columns, a: [0], b: [0] }
  const batchA = shapeA.slice(0, -2)
  const batchB = shapeB.slice(0, -2)
  const batch = Array.from({ length: Math.max(batchA.length, batchB.length) }, (_, i, rank = Math.max(batchA.length, batchB.length)) => {
    const [p, q] = [batchA[batchA.length - rank + i] ?? 1, batchB[batchB.length - rank + i] ?? 1]
    return p === 1 ? q : p
  })
  return { rows, depth, columns, a: starts(batchA, batch, rows * depth), b: starts(batchB, batch, depth * columns) }
}

/** Where each matrix of a stack that broadcasts to `batch` begins. */
function starts(shape: readonly number[], batch: readonly number[], size: number): number[] {
  const strides = broadcastStrides(shape, batch)
  let all = [0]
  batch.forEach((dim, axis) => {
    all = all.flatMap((start) => Array.from({ length: dim }, (_, i) => start + i * strides[axis] * size))
  })
  return all
}

// A [rows, depth] or transposed, B [depth, columns] or transposed, C broadcasts -> Y [rows, columns]
function makeGemm(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const round = dtype === 'float64' ? (x: number): number => x : Math.fround
  const alpha = round(float(context.attributes, 'alpha', 1))
  const beta = round(float(context.attributes, 'beta', 1))
  const transA = int(context.attributes, 'transA', 0) !== 0
  const transB = int(context.attributes, 'transB', 0) !== 0
  const product = tiledProduct(tilesOf(dtype))
  const packed = packer(context, dtype)
  const addend = perShape(([, , c], [y]) => (c === undefined ? [] : broadcastStrides(c.shape, y?.shape ?? [])))
  return (inputs, outputs) => {
    const [a, b, c] = inputs
    const [output] = outputs
    if (a === undefined || b === undefined || output === undefined) return
    const [rows, columns] = output.shape
    const depth = a.shape[transA ? 0 : 1]
    const y = numbers(output)
    const isPacked = !transB && columns > 1
    const p = isPacked ? packed(b, depth, columns) : numbers(b)
    product(numbers(a), 0, transA ? 1 : depth, transA ? rows : 1, p, 0, isPacked, y, 0, rows, depth, columns)
    if (alpha !== 1) for (let i = 0; i < output.size; i++) y[i] *= alpha
    if (c === undefined) return
    const strides = addend(inputs, outputs)
    addMatrix(y, numbers(c), rows, columns, strides[0], strides[1], beta, round)
  }
}

function addMatrix(y: Numbers, c: Numbers, rows: number, columns: number, rowStride: number, columnStride: number, beta: number, round: (x: number) => number): void {
  for (let row = 0, o = 0; row < rows; row++) {
    let j = row * rowStride
    if (beta === 1) for (const end = o + columns; o < end; o++, j += columnStride) y[o] += c[j]
    else for (const end = o + columns; o < end; o++, j += columnStride) y[o] += round(beta * c[j])
  }
}

export const linearKernels: readonly (readonly [string, KernelEntry])[] = [
  // Integer sums stay exact below 2^53.
  ['Gemm', { make: (context) => widened(makeGemm, (dtype) => dtype !== 'float32' && dtype !== 'float64', isFloat(dtypeOf(context)) ? 'float32' : 'float64')(context) }],
]
