// Matrix products on the wasm device. B is packed into panels once where it is constant; otherwise the product reads it where it
// lies, or packs it block by block into scratch.
import { broadcastStrides } from '../../tensor/shape.ts'
import { float, int } from '../attributes.ts'
import { stackOf } from '../cpu/linear.ts'
import { perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { blockOnce, offsetOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'

/** What a product may scribble on: a tile's edge, then 16 panels of 16 KB; see assembly/linear.ts. */
export const PRODUCT_SCRATCH_BYTES: number = 128 + 16 * 16384
const PANEL_BYTES = 32

/** Kernels over a host's memory, by operator key. */
export function wasmLinearKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['MatMul', { make: (context) => makeMatMul(host, context) }],
    ['Gemm', { make: (context) => makeGemm(host, context) }],
  ]
}

/** The functions of one dtype. */
interface Products {
  readonly bytes: number
  readonly gemm: WasmFunction
  readonly pack: WasmFunction
  readonly scale: WasmFunction
  readonly addScaled: WasmFunction
  readonly allFinite: WasmFunction
}

/** undefined where the dtype has no products here. */
export function productsOf(host: WasmHost, context: KernelContext): Products | undefined {
  const type = context.inputTypes[0]
  if (!isTensorType(type) || (type.dtype !== 'float32' && type.dtype !== 'float64')) return undefined
  const bits = type.dtype === 'float32' ? '32' : '64'
  const named = (name: string): WasmFunction => wasmFunction(host.exports, name + bits)
  return { bytes: type.dtype === 'float32' ? 4 : 8, gemm: named('gemm'), pack: named('packPanels'), scale: named('scale'), addScaled: named('addScaled'), allFinite: named('allFinite') }
}

/** Bytes of b [depth, columns] in panels. */
export function panelBytes(bytes: number, depth: number, columns: number): number {
  return Math.ceil((columns * bytes) / PANEL_BYTES) * PANEL_BYTES * depth
}

/** Calls a product; `panels` is 0 where B is not packed. A single column is computed as a row: B^T A^T, whose vectors run over the rows of A. */
function multiply({ gemm, bytes }: Products, rows: number, depth: number, columns: number, a: number, rowStep: number, step: number, panels: number, b: number, bRowStep: number, bColumnStep: number, c: number, bias: number, scratch: number, isFinite: number): void {
  if (columns === 1 && bias === 0 && rows > 1) gemm(1, depth, rows, b, bytes, bRowStep, 0, a, step, rowStep, c, 0, scratch, 0)
  else gemm(rows, depth, columns, a, rowStep, step, panels, b, bRowStep, bColumnStep, c, bias, scratch, isFinite)
}

// A [..., rows, depth], B [..., depth, columns] -> Y [..., rows, columns]
function makeMatMul(host: WasmHost, context: KernelContext): Kernel | undefined {
  const products = productsOf(host, context)
  if (products === undefined) return undefined
  host.reserveScratch(PRODUCT_SCRATCH_BYTES)
  const { bytes } = products
  const layout = perShape(stackOf)
  const [, constantB] = context.constants
  const isFinite = constantB === undefined ? 0 : products.allFinite(offsetOf(constantB), constantB.size)
  const panels = packStack(host, products, constantB)
  return (inputs, outputs) => {
    const [a, b] = inputs
    const [y] = outputs
    if (a === undefined || b === undefined || y === undefined) return
    const { rows, depth, columns, a: startsA, b: startsB } = layout(inputs, outputs)
    const [aAt, bAt, yAt] = [offsetOf(a), offsetOf(b), offsetOf(y)]
    const size = depth * columns
    const packedBytes = panelBytes(bytes, depth, columns)
    const { scratchOffset } = host
    for (let i = 0; i < startsA.length; i++) {
      const packed = panels === 0 || size === 0 ? 0 : panels + (startsB[i] / size) * packedBytes
      multiply(products, rows, depth, columns, aAt + startsA[i] * bytes, depth * bytes, bytes, packed, bAt + startsB[i] * bytes, columns * bytes, bytes, yAt + i * rows * columns * bytes, 0, scratchOffset, isFinite)
    }
  }
}

/** A constant matrix in panels; all steps in bytes. */
export function panelsOnce(host: WasmHost, { pack, bytes }: Products, from: number, rowStep: number, columnStep: number, depth: number, columns: number): number {
  const key = `panels ${bytes} ${from} ${rowStep} ${columnStep} ${depth} ${columns}`
  return blockOnce(host, key, panelBytes(bytes, depth, columns), (to) => pack(from, rowStep, columnStep, depth, columns, to))
}

/** The matrices of a constant B in panels, one after the other; 0 where there is none, or where it is one column. */
function packStack(host: WasmHost, products: Products, b: View | undefined): number {
  if (b === undefined || b.shape.length < 2 || b.size === 0) return 0
  const depth = b.shape[b.shape.length - 2]
  const columns = b.shape[b.shape.length - 1]
  if (columns === 1) return 0
  const { bytes, pack } = products
  const count = b.size / (depth * columns)
  const from = offsetOf(b)
  const packedBytes = panelBytes(bytes, depth, columns)
  return blockOnce(host, `stack ${bytes} ${from} ${count} ${depth} ${columns}`, count * packedBytes, (panels) => {
    for (let i = 0; i < count; i++) pack(from + i * depth * columns * bytes, columns * bytes, bytes, depth, columns, panels + i * packedBytes)
  })
}

// A [rows, depth] or transposed, B [depth, columns] or transposed, C broadcasts -> Y [rows, columns]
function makeGemm(host: WasmHost, context: KernelContext): Kernel | undefined {
  const products = productsOf(host, context)
  if (products === undefined) return undefined
  host.reserveScratch(PRODUCT_SCRATCH_BYTES)
  const { bytes, scale, addScaled } = products
  const round = bytes === 8 ? (x: number): number => x : Math.fround
  const alpha = round(float(context.attributes, 'alpha', 1))
  const beta = round(float(context.attributes, 'beta', 1))
  const transA = int(context.attributes, 'transA', 0) !== 0
  const transB = int(context.attributes, 'transB', 0) !== 0
  const addend = perShape(([, , c], [y]) => (c === undefined ? [] : broadcastStrides(c.shape, y?.shape ?? [])))
  const [, constantB, constantC] = context.constants
  const shapeB = constantB?.shape ?? []
  const width = shapeB[transB ? 0 : 1]
  let panels = 0
  let bias = 0
  let isFinite = 0
  if (constantB !== undefined && constantB.size > 0 && width > 1) {
    const depth = shapeB[transB ? 1 : 0]
    const from = offsetOf(constantB)
    isFinite = products.allFinite(from, constantB.size)
    const isRow = constantC !== undefined && constantC.shape[constantC.shape.length - 1] === width && constantC.size === width && alpha === 1 && beta === 1
    const biasFrom = isRow ? offsetOf(constantC) : 0
    panels = panelsOnce(host, products, from, transB ? bytes : width * bytes, transB ? depth * bytes : bytes, depth, width)
    // Added in the tiles, which read whole panels of it.
    if (isRow) {
      bias = blockOnce(host, `bias ${bytes} ${biasFrom} ${width}`, panelBytes(bytes, 1, width), (to) => {
        new Uint8Array(host.memory.buffer).copyWithin(to, biasFrom, biasFrom + width * bytes)
      })
    }
  }
  return (inputs, outputs) => {
    const [a, b, c] = inputs
    const [y] = outputs
    if (a === undefined || b === undefined || y === undefined) return
    const [rows, columns] = y.shape
    const depth = a.shape[transA ? 0 : 1]
    const at = offsetOf(y)
    multiply(
      products, rows, depth, columns, offsetOf(a), transA ? bytes : depth * bytes, transA ? rows * bytes : bytes, panels,
      offsetOf(b), transB ? bytes : columns * bytes, transB ? depth * bytes : bytes, at, bias, host.scratchOffset, isFinite,
    )
    if (alpha !== 1) scale(at, y.size, alpha)
    if (c === undefined || bias !== 0) return
    const strides = addend(inputs, outputs)
    addScaled(at, rows, columns, offsetOf(c), strides[0] * bytes, strides[1] * bytes, beta)
  }
}
