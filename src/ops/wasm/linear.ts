// Matrix products on the wasm device. B is packed into panels once where it is constant, straight from the graph's array; otherwise the product
// reads it where it lies, or packs it block by block into scratch.
import { broadcastStrides } from '../../tensor/shape.ts'
import { float, int } from '../attributes.ts'
import { stackOf } from '../cpu/linear.ts'
import { perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { placeOnce, nameOf, packMatrix } from './constants.ts'
import { fusible } from './epilogue.ts'
import { blockOnce, offsetOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'
import { panelBytes, PANEL_BYTES, PRODUCT_SCRATCH_BYTES } from './panels.ts'

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['MatMul', { packs: [1], make: (context) => makeMatMul(host, context) }],
    ['Gemm', { packs: [1], make: (context) => makeGemm(host, context) }],
  ]
}

/** The functions of one dtype. */
interface Products {
  readonly bytes: number
  readonly gemm: WasmFunction
  readonly pack: WasmFunction
  readonly scale: WasmFunction
  readonly addScaled: WasmFunction
  readonly finish: WasmFunction
  readonly allFinite: WasmFunction
}

/** undefined where the dtype has no products here. */
export function productsOf(host: WasmHost, context: KernelContext): Products | undefined {
  const type = context.inputTypes[0]
  if (!isTensorType(type) || (type.dtype !== 'float32' && type.dtype !== 'float64')) return undefined
  const bits = type.dtype === 'float32' ? '32' : '64'
  const named = (name: string): WasmFunction => wasmFunction(host.exports, name + bits)
  return { bytes: type.dtype === 'float32' ? 4 : 8, gemm: named('gemm'), pack: named('packPanels'), scale: named('scale'), addScaled: named('addScaled'), finish: named('finish'), allFinite: named('allFinite') }
}

/** Calls a product; `panels` is 0 where B is not packed. A single column is computed as a row: B^T A^T, whose vectors run over the rows of A. */
function multiply({ gemm, bytes }: Products, rows: number, depth: number, columns: number, a: number, rowStep: number, step: number, panels: number, b: number, bRowStep: number, bColumnStep: number, c: number, bias: number, epilogue: number, scratch: number, isFinite: number): void {
  if (columns === 1 && bias === 0 && rows > 1) gemm(1, depth, rows, b, bytes, bRowStep, 0, a, step, rowStep, c, 0, epilogue, scratch, 0)
  else gemm(rows, depth, columns, a, rowStep, step, panels, b, bRowStep, bColumnStep, c, bias, epilogue, scratch, isFinite)
}

// A [..., rows, depth], B [..., depth, columns] -> Y [..., rows, columns]
function makeMatMul(host: WasmHost, context: KernelContext): Kernel | undefined {
  const products = productsOf(host, context)
  if (products === undefined) return undefined
  host.reserveScratch(PRODUCT_SCRATCH_BYTES)
  const { bytes } = products
  const layout = perShape(stackOf)
  const [, constantB] = context.constants
  const { panels, at: column, isFinite } = constantB === undefined ? NOT_PACKED : packOnce(host, products, constantB, false)
  return fusible(host, bytes, true, (place, row) => (inputs, outputs) => {
    const [a, b] = inputs
    const [y] = outputs
    if (a === undefined || b === undefined || y === undefined) return
    const { rows, depth, columns, a: startsA, b: startsB } = layout(inputs, outputs)
    const [aAt, bAt, yAt] = [offsetOf(a), constantB === undefined ? offsetOf(b) : column, offsetOf(y)]
    const size = depth * columns
    const packedBytes = panelBytes(bytes, depth, columns)
    const { scratchOffset } = host
    const added = row === undefined ? undefined : inputs[row]
    const bias = added === undefined ? 0 : offsetOf(added)
    const epilogue = place(inputs, y)
    for (let i = 0; i < startsA.length; i++) {
      const packed = panels === 0 || size === 0 ? 0 : panels + (startsB[i] / size) * packedBytes
      multiply(products, rows, depth, columns, aAt + startsA[i] * bytes, depth * bytes, bytes, packed, bAt + startsB[i] * bytes, columns * bytes, bytes, yAt + i * rows * columns * bytes, bias, epilogue, scratchOffset, isFinite)
    }
  })
}

/** A constant B in the memory: as panels, or as it is where that is one column. */
interface Packed {
  /** The panels of each matrix, one after the other; 0 where there are none. */
  readonly panels: number
  /** The column; 0 where there are panels. */
  readonly at: number
  /** 1 where there are panels of finite numbers. */
  readonly isFinite: number
}

const NOT_PACKED: Packed = { panels: 0, at: 0, isFinite: 0 }

/** Packs the matrices of a constant B [..., depth, columns], or [..., columns, depth] where it is transposed. */
function packOnce(host: WasmHost, products: Products, b: View, isTransposed: boolean): Packed {
  const { bytes, allFinite, pack } = products
  const rank = b.shape.length
  const columns = rank < 2 ? 1 : b.shape[isTransposed ? rank - 2 : rank - 1]
  if (columns === 1 || b.size === 0) return { panels: 0, at: placeOnce(host, b), isFinite: 0 }
  const depth = b.shape[isTransposed ? rank - 1 : rank - 2]
  const size = depth * columns
  const count = b.size / size
  const packedBytes = panelBytes(bytes, depth, columns)
  const key = `panels ${bytes} ${nameOf(host, b)} ${count} ${depth} ${columns} ${isTransposed ? 1 : 0}`
  const panels = blockOnce(host, key, count * packedBytes, (to) => {
    for (let i = 0; i < count; i++) packMatrix(host, { constant: b, from: i * size, depth, columns, isTransposed }, PANEL_BYTES / bytes, to + i * packedBytes, pack)
  })
  // Columns past the last are zeros.
  return { panels, at: 0, isFinite: allFinite(panels, (count * packedBytes) / bytes) }
}

// A [rows, depth] or transposed, B [depth, columns] or transposed, C broadcasts -> Y [rows, columns]
function makeGemm(host: WasmHost, context: KernelContext): Kernel | undefined {
  const products = productsOf(host, context)
  if (products === undefined) return undefined
  host.reserveScratch(PRODUCT_SCRATCH_BYTES)
  const { bytes, scale, addScaled, finish } = products
  const round = bytes === 8 ? (x: number): number => x : Math.fround
  const alpha = round(float(context.attributes, 'alpha', 1))
  const beta = round(float(context.attributes, 'beta', 1))
  const transA = int(context.attributes, 'transA', 0) !== 0
  const transB = int(context.attributes, 'transB', 0) !== 0
  const addend = perShape(([, , c], [y]) => (c === undefined ? [] : broadcastStrides(c.shape, y?.shape ?? [])))
  const [, constantB] = context.constants
  const { panels, at: column, isFinite } = constantB === undefined ? NOT_PACKED : packOnce(host, products, constantB, transB)
  return fusible(host, bytes, false, (place) => (inputs, outputs) => {
    const [a, b, c] = inputs
    const [y] = outputs
    if (a === undefined || b === undefined || y === undefined) return
    const [rows, columns] = y.shape
    const depth = a.shape[transA ? 0 : 1]
    const at = offsetOf(y)
    const strides = addend(inputs, outputs)
    // A row is added by the product itself, while its sums are in the first-level cache.
    const bias = c !== undefined && strides[0] === 0 && strides[1] === 1 && alpha === 1 && beta === 1 ? offsetOf(c) : 0
    const epilogue = place(inputs, y)
    const isDone = alpha === 1 && (c === undefined || bias !== 0)
    multiply(
      products, rows, depth, columns, offsetOf(a), transA ? bytes : depth * bytes, transA ? rows * bytes : bytes, panels,
      constantB === undefined ? offsetOf(b) : column, transB ? bytes : columns * bytes, transB ? depth * bytes : bytes, at, bias, isDone ? epilogue : 0, host.scratchOffset, isFinite,
    )
    if (isDone) return
    if (alpha !== 1) scale(at, y.size, alpha)
    if (c !== undefined) addScaled(at, rows, columns, offsetOf(c), strides[0] * bytes, strides[1] * bytes, beta)
    if (epilogue !== 0) finish(at, y.size, epilogue)
  })
}
