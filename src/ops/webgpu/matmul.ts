// Products of matrices: MatMul and Gemm. Few rows or columns take one kernel (skinny.ts), all others tiles (product.ts); tiny ones a thread for each output.
import { broadcastShapes } from '../../tensor/numpy-shapes.ts'
import { float, int } from '../attributes.ts'
import { isFloating, noDType } from './elementwise.ts'
import { broadcast, strided } from './indexing.ts'
import type { GpuBinding, GpuContext, GpuDispatch, GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { isTiled, plainProduct, tiledProduct, type Product } from './product.ts'
import { isSkinny, skinnyProduct } from './skinny.ts'
import { input, linear, literal, output, word } from './wgsl.ts'

interface Operand {
  /** Rows and columns as the product sees them. */
  readonly rows: number
  readonly columns: number
  readonly isTransposed: boolean
  /** Offset in matrices of a product's own. */
  readonly batchText: string
  readonly uniforms: readonly GpuUniform[]
}

/** The loads of an operand, in vectors along its inner axis where that is a multiple of four. */
function loadText(name: 'a' | 'b', { isTransposed }: Operand, vector: boolean): string {
  const [first, second] = name === 'a' ? ['row', 'k'] : ['k', 'column']
  const at = isTransposed ? `${second} * u.${name}_stride + ${first}` : `${first} * u.${name}_stride + ${second}`
  const place = `${name}_batch(batch) * u.${name}_size + ${at}`
  if (!vector) return `fn load_${name}(${first}: u32, ${second}: u32, batch: u32) -> f32 { return ${name}_at(${place}); }\n`
  return `fn load_${name}4(${first}: u32, ${second}: u32, batch: u32) -> vec4<f32> { return vec4<f32>(${name}_vec((${place}) >> 2u)); }
fn load_${name}(${first}: u32, ${second}: u32, batch: u32) -> f32 { let place = ${place}; return f32(${name}_vec(place >> 2u)[place & 3u]); }\n`
}

interface MatrixProduct {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: Operand
  readonly b: Operand
  readonly alpha: number
  readonly after: string
  readonly reads: readonly GpuBinding[]
  readonly uniforms: readonly GpuUniform[]
  readonly declarations: string
}

function matrixProduct(context: GpuContext, matrices: MatrixProduct): readonly GpuDispatch[] | string {
  const { batch, m, n, k, a, b, alpha, after, reads, uniforms, declarations } = matrices
  const value = alpha === 1 ? 'value' : `value * ${literal(alpha)}`
  const make = (vectors: boolean): Product => {
    const [vectorA, vectorB] = [vectors && (a.isTransposed ? m : k) % 4 === 0, vectors && (b.isTransposed ? k : n) % 4 === 0]
    return {
      batch, m, n, k, fusable: true,
      a: { along: a.isTransposed ? 'outer' : 'terms', vector: vectorA }, b: { along: b.isTransposed ? 'terms' : 'outer', vector: vectorB },
      reads: [input(context, 0, 'a', { vector: vectorA }), input(context, 1, 'b', { vector: vectorB }), ...reads],
      writes: [output(context, 0, 'y')],
      uniforms: [word('a_stride', a.isTransposed ? a.rows : a.columns), word('a_size', a.rows * a.columns), word('b_stride', b.isTransposed ? b.rows : b.columns), word('b_size', b.rows * b.columns), ...a.uniforms, ...b.uniforms, ...uniforms],
      declarations: `${a.batchText}${b.batchText}${loadText('a', a, vectorA)}${loadText('b', b, vectorB)}${declarations}
fn store(row: u32, column: u32, batch: u32, value: f32) { let at = (batch * u.m + row) * u.n + column; y_put(at, ${value}${after}); }\n`,
    }
  }
  const product = make(true)
  if (isSkinny(context, product)) {
    const dispatch = skinnyProduct(context, product)
    return typeof dispatch === 'string' ? dispatch : [dispatch]
  }
  return isTiled(context, batch * m * n) ? tiledProduct(context, product) : [plainProduct(make(false))]
}

/** Terms of no product: all zeros, or what is added. */
function withoutTerms(context: GpuContext, size: number, value: string, parts: Pick<GpuDispatch, 'reads' | 'uniforms'> & { readonly declarations?: string }): GpuDispatch[] {
  return [linear(size, { ...parts, writes: [output(context, 0, 'y')], body: `  let at = i;\n  y_put(i, ${value});`, fusable: true })]
}

// A [..., m, k], B [..., k, n] -> Y [..., m, n]
const matMul: GpuKernel = (context) => {
  const { inputs: [a, b], outputs: [y] } = context
  const [left, right, out] = [need(a), need(b), need(y)]
  if (!isFloating(left.dtype) || left.dtype !== right.dtype) return noDType(context)
  if (out.size === 0) return []
  const shapeA = left.shape.length === 1 ? [1, left.shape[0]] : left.shape
  const shapeB = right.shape.length === 1 ? [right.shape[0], 1] : right.shape
  const [m, k] = shapeA.slice(-2)
  const n = shapeB[shapeB.length - 1]
  if (k === 0) return withoutTerms(context, out.size, '0.0', { reads: [], uniforms: [] })
  const [batchA, batchB] = [shapeA.slice(0, -2), shapeB.slice(0, -2)]
  // One matrix B for all: the rows of the batch are rows of one product.
  const isOneB = batchB.every((dim) => dim === 1)
  const whole = isOneB ? [] : broadcastShapes(batchA, batchB)
  const batch = whole.reduce((product, dim) => product * dim, 1)
  const rows = isOneB ? out.size / n : m
  const indexA = isOneB ? strided('a_batch', [], []) : broadcast('a_batch', batchA, whole)
  const indexB = isOneB ? strided('b_batch', [], []) : broadcast('b_batch', batchB, whole)
  return matrixProduct(context, {
    batch, m: rows, n, k, alpha: 1, after: '', reads: [], uniforms: [], declarations: '',
    a: { rows, columns: k, isTransposed: false, batchText: indexA.text, uniforms: indexA.uniforms },
    b: { rows: k, columns: n, isTransposed: false, batchText: indexB.text, uniforms: indexB.uniforms },
  })
}

// A [m, k] or transposed, B [k, n] or transposed, C broadcast to [m, n] -> Y [m, n]
const gemm: GpuKernel = (context) => {
  const { attributes, inputs: [a, , c], outputs: [y] } = context
  const [left, out] = [need(a), need(y)]
  if (!isFloating(left.dtype)) return noDType(context)
  if (out.size === 0) return []
  const transA = int(attributes, 'transA', 0) !== 0
  const transB = int(attributes, 'transB', 0) !== 0
  const [m, n] = out.shape
  const k = left.shape[transA ? 0 : 1]
  const beta = float(attributes, 'beta', 1)
  const added = c === undefined || beta === 0 ? undefined : broadcast('c_index', c.shape, out.shape)
  const addend = added === undefined ? '' : beta === 1 ? ' + c_at(c_index(at))' : ` + ${literal(beta)} * c_at(c_index(at))`
  const reads = added === undefined ? [] : [input(context, 2, 'c')]
  const uniforms = added?.uniforms ?? []
  const declarations = added?.text ?? ''
  if (k === 0) return withoutTerms(context, out.size, `0.0${addend}`, { reads, uniforms, declarations })
  const single = (name: string): { batchText: string; uniforms: readonly GpuUniform[] } => {
    const indexing = strided(name, [], [])
    return { batchText: indexing.text, uniforms: indexing.uniforms }
  }
  return matrixProduct(context, {
    batch: 1, m, n, k, alpha: float(attributes, 'alpha', 1), after: addend, reads, uniforms, declarations,
    a: { rows: m, columns: k, isTransposed: transA, ...single('a_batch') },
    b: { rows: k, columns: n, isTransposed: transB, ...single('b_batch') },
  })
}

export const matMulKernels: readonly (readonly [string, GpuKernel])[] = [
  ['MatMul', matMul],
  ['Gemm', gemm],
]
