// Products of matrices: tiles of A and B in workgroup memory, a block of outputs in each thread's registers. One accumulator for each output, k
// ascending; a device may still fuse the multiply and the add. Convolutions are products too (conv.ts): they bring their own loads and store.
import { broadcastShapes } from '../../tensor/shape.ts'
import { float, int } from '../attributes.ts'
import { isFloating, noDType } from './elementwise.ts'
import { broadcast, strided } from './indexing.ts'
import type { GpuBinding, GpuContext, GpuDispatch, GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { input, linear, literal, MAX_WORKGROUPS, output, word } from './wgsl.ts'

/** A shape of tile: outputs of a workgroup [rows, columns], of a thread, and how deep tiles of A and B reach. */
interface Tile {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly threadRows: number
  readonly threadColumns: number
}

/** From large to small; columns of a thread are a multiple of four. */
const TILES: readonly Tile[] = [
  { rows: 128, columns: 128, depth: 8, threadRows: 8, threadColumns: 8 },
  { rows: 64, columns: 64, depth: 16, threadRows: 4, threadColumns: 4 },
  { rows: 32, columns: 32, depth: 16, threadRows: 2, threadColumns: 4 },
  { rows: 8, columns: 64, depth: 32, threadRows: 1, threadColumns: 4 },
]
/** Fewer outputs than this are computed by a thread each. */
const MIN_TILED_OUTPUTS = 64

/** A product with `u.m` rows, `u.n` columns and `u.k` terms; `batch` is the number of products. */
export interface Product {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly reads: readonly GpuBinding[]
  readonly writes: readonly GpuBinding[]
  readonly uniforms: readonly GpuUniform[]
  /** Declares `load_a(row, k, batch) -> f32`, `load_b(k, column, batch) -> f32`, called inside the bounds only, and `store(row, column, batch, value)`. */
  readonly declarations: string
  /** Declares `load_b4(k, column, batch) -> vec4<f32>` for columns that are multiples of four, when n is one. */
  readonly hasVectorB?: boolean
  /** Declares `load_a4(row, k, batch) -> vec4<f32>` for k that are multiples of four, when k is one. */
  readonly hasVectorA?: boolean
  readonly fusable: boolean
}

/** The largest tile of which there are enough to keep the chip busy, else the smallest that is not mostly empty. */
function tileFor({ batch, m, n }: Product, busy: number): Tile {
  const fitting = TILES.filter(({ rows, columns }) => (m > rows / 2 && n > columns / 2) || rows === 32)
  const workgroups = ({ rows, columns }: Tile): number => Math.ceil(m / rows) * Math.ceil(n / columns) * batch
  if (m <= 8) return TILES[TILES.length - 1]
  return fitting.find((tile) => workgroups(tile) >= busy) ?? fitting[fitting.length - 1]
}

/** The dispatch of a product, or in words why there is none. A product that is not `tiled` takes one thread for each output. */
export function productDispatch({ features }: GpuContext, product: Product, tiled: boolean): GpuDispatch | string {
  const { batch, m, n, k, reads, writes, uniforms, declarations, fusable } = product
  if (!tiled) {
    return linear(batch * m * n, {
      reads, writes, declarations, fusable, uniforms: [word('m', m), word('n', n), word('k', k), ...uniforms],
      body: `  let column = i % u.n;
  let row = i / u.n % u.m;
  let batch = i / u.n / u.m;
  var s = 0.0;
  for (var k = 0u; k < u.k; k++) { s += load_a(row, k, batch) * load_b(k, column, batch); }
  store(row, column, batch, s);`,
    })
  }
  const tile = tileFor(product, features.busyWorkgroups)
  const workgroups = [Math.ceil(n / tile.columns), Math.ceil(m / tile.rows), batch] as const
  if (workgroups.some((count) => count > MAX_WORKGROUPS)) return `a product of ${workgroups.join(' x ')} tiles exceeds the GPU's dispatches`
  return {
    reads, writes, fusable,
    uniforms: [word('m', m), word('n', n), word('k', k), ...uniforms],
    threads: [tile.columns / tile.threadColumns, tile.rows / tile.threadRows, 1],
    workgroups,
    declarations: `${declarations}var<workgroup> tile_a: array<f32, ${tile.rows * tile.depth}>;\nvar<workgroup> tile_b: array<vec4<f32>, ${(tile.columns * tile.depth) / 4}>;\n`,
    body: bodyOf(tile, product.hasVectorA === true, product.hasVectorB === true),
  }
}

/** A is kept transposed, [depth, rows], B as [depth, columns] in vectors of four. */
function bodyOf({ rows, columns, depth, threadRows, threadColumns }: Tile, hasVectorA: boolean, hasVectorB: boolean): string {
  const threads = (columns / threadColumns) * (rows / threadRows)
  const vectors = threadColumns / 4
  const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
  const fillA = hasVectorA
    ? `    for (var e = lane; e < ${(rows * depth) / 4}u; e += ${threads}u) {
      let r = e / ${depth / 4}u;
      let d = (e % ${depth / 4}u) * 4u;
      var v = vec4<f32>(0.0);
      if (row0 + r < u.m && k0 + d < u.k) { v = load_a4(row0 + r, k0 + d, batch); }
      tile_a[d * ${rows}u + r] = v.x;
      tile_a[(d + 1u) * ${rows}u + r] = v.y;
      tile_a[(d + 2u) * ${rows}u + r] = v.z;
      tile_a[(d + 3u) * ${rows}u + r] = v.w;
    }`
    : `    for (var e = lane; e < ${rows * depth}u; e += ${threads}u) {
      let r = e / ${depth}u;
      let d = e % ${depth}u;
      var v = 0.0;
      if (row0 + r < u.m && k0 + d < u.k) { v = load_a(row0 + r, k0 + d, batch); }
      tile_a[d * ${rows}u + r] = v;
    }`
  const fillB = hasVectorB
    ? `    for (var e = lane; e < ${(columns * depth) / 4}u; e += ${threads}u) {
      let d = e / ${columns / 4}u;
      let c = (e % ${columns / 4}u) * 4u;
      var v = vec4<f32>(0.0);
      if (k0 + d < u.k && column0 + c < u.n) { v = load_b4(k0 + d, column0 + c, batch); }
      tile_b[e] = v;
    }`
    : `    for (var e = lane; e < ${(columns * depth) / 4}u; e += ${threads}u) {
      let d = e / ${columns / 4}u;
      let c = column0 + (e % ${columns / 4}u) * 4u;
      var v = vec4<f32>(0.0);
      if (k0 + d < u.k) {
        if (c < u.n) { v.x = load_b(k0 + d, c, batch); }
        if (c + 1u < u.n) { v.y = load_b(k0 + d, c + 1u, batch); }
        if (c + 2u < u.n) { v.z = load_b(k0 + d, c + 2u, batch); }
        if (c + 3u < u.n) { v.w = load_b(k0 + d, c + 3u, batch); }
      }
      tile_b[e] = v;
    }`
  const inner = [
    ...count(vectors).map((v) => `      let b${v} = tile_b[d * ${columns / 4}u + local.x * ${vectors}u + ${v}u];`),
    ...count(threadRows).flatMap((r) => [`      let a${r} = tile_a[d * ${rows}u + local.y * ${threadRows}u + ${r}u];`, ...count(vectors).map((v) => `      s${r}_${v} += a${r} * b${v};`)]),
  ]
  const stores = count(threadRows).flatMap((r) => count(threadColumns).map((c) => `  put_inside(row + ${r}u, column + ${c}u, batch, s${r}_${c >> 2}.${'xyzw'[c & 3]});`))
  return `  let batch = group.z;
  let row0 = group.y * ${rows}u;
  let column0 = group.x * ${columns}u;
${count(threadRows).flatMap((r) => count(vectors).map((v) => `  var s${r}_${v} = vec4<f32>(0.0);`)).join('\n')}
  for (var k0 = 0u; k0 < u.k; k0 += ${depth}u) {
${fillA}
${fillB}
    workgroupBarrier();
    for (var d = 0u; d < ${depth}u; d++) {
${inner.join('\n')}
    }
    workgroupBarrier();
  }
  let row = row0 + local.y * ${threadRows}u;
  let column = column0 + local.x * ${threadColumns}u;
${stores.join('\n')}`
}

/** Tiles pay where threads can share them, and there are outputs enough to fill one. */
export function isTiled({ features }: GpuContext, outputs: number): boolean {
  return !features.software && outputs >= MIN_TILED_OUTPUTS
}

/** Calls `store` inside the bounds. */
export const PUT_INSIDE = 'fn put_inside(row: u32, column: u32, batch: u32, value: f32) { if (row < u.m && column < u.n) { store(row, column, batch, value); } }\n'

interface Operand {
  /** Rows and columns as the product sees them. */
  readonly rows: number
  readonly columns: number
  readonly isTransposed: boolean
  /** Offset in matrices of a product's own. */
  readonly batchText: string
  readonly uniforms: readonly GpuUniform[]
}

/** The loads of an operand. One that is dense along its inner axis, a multiple of four, is read in vectors. */
function loadText(name: 'a' | 'b', { isTransposed }: Operand, vector: boolean): string {
  const [first, second] = name === 'a' ? ['row', 'k'] : ['k', 'column']
  const at = isTransposed ? `${second} * u.${name}_stride + ${first}` : `${first} * u.${name}_stride + ${second}`
  if (vector) return `fn load_${name}4(${first}: u32, ${second}: u32, batch: u32) -> vec4<f32> { return vec4<f32>(${name}[(${name}_batch(batch) * u.${name}_size + ${at}) >> 2u]); }\n`
  return `fn load_${name}(${first}: u32, ${second}: u32, batch: u32) -> f32 { return ${name}_at(${name}_batch(batch) * u.${name}_size + ${at}); }\n`
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

function matrixProduct(context: GpuContext, product: MatrixProduct): GpuDispatch | string {
  const { batch, m, n, k, a, b, alpha, after, reads, uniforms, declarations } = product
  const tiled = isTiled(context, m * n * batch)
  const hasVectorA = tiled && !a.isTransposed && k % 4 === 0
  const hasVectorB = tiled && !b.isTransposed && n % 4 === 0
  const value = alpha === 1 ? 'value' : `value * ${literal(alpha)}`
  return productDispatch(context, {
    batch, m, n, k, hasVectorA, hasVectorB, fusable: true,
    reads: [input(context, 0, 'a', { vector: hasVectorA }), input(context, 1, 'b', { vector: hasVectorB }), ...reads],
    writes: [output(context, 0, 'y')],
    uniforms: [word('a_stride', a.isTransposed ? a.rows : a.columns), word('a_size', a.rows * a.columns), word('b_stride', b.isTransposed ? b.rows : b.columns), word('b_size', b.rows * b.columns), ...a.uniforms, ...b.uniforms, ...uniforms],
    declarations: `${a.batchText}${b.batchText}${loadText('a', a, hasVectorA)}${loadText('b', b, hasVectorB)}${declarations}
fn store(row: u32, column: u32, batch: u32, value: f32) { let at = (batch * u.m + row) * u.n + column; y_put(at, ${value}${after}); }\n${tiled ? PUT_INSIDE : ''}`,
  }, tiled)
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
  const dispatch = matrixProduct(context, {
    batch, m: rows, n, k, alpha: 1, after: '', reads: [], uniforms: [], declarations: '',
    a: { rows, columns: k, isTransposed: false, batchText: indexA.text, uniforms: indexA.uniforms },
    b: { rows: k, columns: n, isTransposed: false, batchText: indexB.text, uniforms: indexB.uniforms },
  })
  return typeof dispatch === 'string' ? dispatch : [dispatch]
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
  const dispatch = matrixProduct(context, {
    batch: 1, m, n, k, alpha: float(attributes, 'alpha', 1), after: addend, reads, uniforms, declarations,
    a: { rows: m, columns: k, isTransposed: transA, ...single('a_batch') },
    b: { rows: k, columns: n, isTransposed: transB, ...single('b_batch') },
  })
  return typeof dispatch === 'string' ? dispatch : [dispatch]
}

export const matMulKernels: readonly (readonly [string, GpuKernel])[] = [
  ['MatMul', matMul],
  ['Gemm', gemm],
]
