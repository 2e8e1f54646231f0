// Products of matrices of any origin: tiles of A and B in workgroup memory, a block of outputs in each thread's registers. The next tile is fetched while
// threads work on this one, so that one barrier is enough for each. Where there are too few tiles to keep the chip busy, the terms are split
// among workgroups and their sums added by a second dispatch. Convolutions are products too (conv.ts): they bring their own loads and store.
import type { GpuBinding, GpuContext, GpuDispatch, GpuUniform } from './kernel.ts'
import { linear, temporary, word } from './wgsl.ts'

/** A shape of tile: outputs of a workgroup [rows, columns], of a thread, and how deep tiles of A and B reach. Each fills a vector or two for each thread. */
interface Tile {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly threadRows: number
  readonly threadColumns: number
}

/** From large to small; rows and columns of a thread are multiples of four. Two tiles of A and of B take 16 KiB at most, which every device has. */
const TILES: readonly Tile[] = [
  { rows: 128, columns: 128, depth: 8, threadRows: 8, threadColumns: 8 },
  { rows: 64, columns: 64, depth: 16, threadRows: 4, threadColumns: 4 },
  { rows: 32, columns: 32, depth: 16, threadRows: 4, threadColumns: 4 },
]
/** Fewer outputs than this are computed by a thread each. */
const MIN_TILED_OUTPUTS = 64
/** Terms are split into parts of at least this many, and at most so many parts. */
const MIN_SPLIT_TERMS = 128
const MAX_SPLITS = 16
/** Rows of tiles that run side by side, so that they find their columns of B in the cache. */
const BAND = 8

/** How an operand is read: vectors of four `along` its terms, or along its rows (of A) or columns (of B). */
export interface Side {
  readonly along: 'terms' | 'outer'
  /** Declares `load_a4(row, k, batch) -> vec4<f32>`, or `load_b4(k, column, batch)`, for places that are multiples of four along that axis, whose size is one. */
  readonly vector: boolean
}

/** A product with `u.m` rows, `u.n` columns and `u.k` terms; `batch` is the number of products. */
export interface Product {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: Side
  readonly b: Side
  readonly reads: readonly GpuBinding[]
  readonly writes: readonly GpuBinding[]
  readonly uniforms: readonly GpuUniform[]
  /** Declares `load_a(row, k, batch) -> f32`, `load_b(k, column, batch) -> f32`, called inside the bounds only, and `store(row, column, batch, value)`. */
  readonly declarations: string
  /** Declares `struct Place`, `place_of(column, batch) -> Place` and `load_b_at(k, place) -> f32`, in place of `load_b`: what a column decides is then found once. */
  readonly hasPlaces?: boolean
  readonly fusable: boolean
}

/** Tiles pay where threads can share them, and there are outputs enough to fill one. */
export function isTiled({ features }: GpuContext, outputs: number): boolean {
  return !features.software && outputs >= MIN_TILED_OUTPUTS
}

/** A thread for each output. */
export function plainProduct({ batch, m, n, k, reads, writes, uniforms, declarations, fusable }: Product): GpuDispatch {
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

interface Choice {
  readonly tile: Tile
  readonly splits: number
  /** Terms of a part. */
  readonly chunk: number
}

/** The largest tile of which there are enough to keep the chip busy, terms split if need be; else the smallest. */
function choose({ batch, m, n, k }: Product, busy: number): Choice {
  let found: Choice | undefined
  for (const tile of TILES) {
    const isLast = tile === TILES[TILES.length - 1]
    if (!isLast && (m <= tile.rows / 2 || n <= tile.columns / 2)) continue
    const workgroups = Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * batch
    const wanted = Math.min(Math.ceil(busy / workgroups), MAX_SPLITS, Math.max(1, Math.floor(k / MIN_SPLIT_TERMS)))
    const chunk = Math.ceil(k / wanted / tile.depth) * tile.depth
    found = { tile, chunk, splits: Math.ceil(k / chunk) }
    if (workgroups * found.splits >= busy) break
  }
  return found as Choice
}

/** The dispatches of a tiled product. */
export function tiledProduct({ features }: GpuContext, product: Product): readonly GpuDispatch[] {
  const { batch, m, n, k, reads, writes, uniforms, declarations, fusable } = product
  const { tile, splits, chunk } = choose(product, features.busyWorkgroups)
  const outputs = batch * m * n
  const isSplit = splits > 1 && outputs * splits * 4 <= features.maxBindingBytes
  const workgroups = [Math.ceil(n / tile.columns), Math.ceil(m / tile.rows), batch * (isSplit ? splits : 1)] as const
  const sizes = [word('m', m), word('n', n), word('k', k), ...uniforms]
  const tiles = `var<workgroup> tile_a: array<vec4<f32>, ${(2 * tile.rows * tile.depth) / 4}>;\nvar<workgroup> tile_b: array<vec4<f32>, ${(2 * tile.columns * tile.depth) / 4}>;\n`
  const threads = [tile.columns / tile.threadColumns, tile.rows / tile.threadRows, 1] as const
  const put = (store: string): string => `fn put_inside(row: u32, column: u32, batch: u32, split: u32, value: f32) { if (row < u.m && column < u.n) { ${store} } }\n`
  if (!isSplit) {
    return [{
      reads, writes, fusable, threads, workgroups, uniforms: [...sizes, word('batches', batch), word('chunk', k)],
      declarations: `${declarations}${put('store(row, column, batch, value);')}${tiles}`, body: bodyOf(tile, product),
    }]
  }
  const partial = temporary(0, outputs * splits, 'partial')
  // The first dispatch has no use for what only the store reads, but its text names it.
  return [
    {
      reads, writes: [partial], threads, workgroups, uniforms: [...sizes, word('batches', batch), word('chunk', chunk)],
      declarations: `${withoutStore(declarations)}${put('partial_put(((split * u.batches + batch) * u.m + row) * u.n + column, value);')}${tiles}`, body: bodyOf(tile, product),
    },
    linear(outputs, {
      reads: [partial, ...reads], writes, fusable, uniforms: [...sizes, word('splits', splits)], declarations,
      body: '  var s = 0.0;\n  for (var split = 0u; split < u.splits; split++) { s += partial_at(split * u.size + i); }\n  store(i / u.n % u.m, i % u.n, i / u.n / u.m, s);',
    }),
  ]
}

/** Declarations but for `store`, which is their last function. */
function withoutStore(declarations: string): string {
  return declarations.slice(0, declarations.lastIndexOf('fn store('))
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const COMPONENTS = 'xyzw'

/** How a thread fills its part of a tile: expressions of its vector `slot`, and where that goes. */
interface Fill {
  readonly slots: number
  /** Statements that fetch vector `slot` of the tile at `k0` into `NAMEslot`. */
  readonly fetch: (slot: number) => string
  readonly place: (slot: number) => string
}

/** Vectors along the terms: [outer, depth / 4]; B's are shuffled, so that threads side by side do not meet in one bank of memory. */
function fillAlongTerms(name: 'a' | 'b', { vector }: Side, outer: number, depth: number, threads: number): Fill {
  const perLine = depth / 4
  const [origin, bound] = name === 'a' ? ['row0', 'u.m'] : ['column0', 'u.n']
  const load = (suffix: string, at: string): string => (name === 'a' ? `load_a${suffix}(o, ${at}, batch)` : `load_b${suffix}(${at}, o, batch)`)
  return {
    slots: (outer * perLine) / threads,
    fetch: (slot) => `    { let o = ${origin} + lane / ${perLine}u + ${(slot * threads) / perLine}u; let k = k0 + (lane % ${perLine}u) * 4u; var v = vec4<f32>(0.0);
      ${vector
        ? `if (o < ${bound} && k < k_end) { v = ${load('4', 'k')}; }`
        : `if (o < ${bound}) { ${count(4).map((i) => `if (k + ${i}u < k_end) { v.${COMPONENTS[i]} = ${load('', `k + ${i}u`)}; }`).join(' ')} }`}
      ${name}${slot} = v; }`,
    place: (slot) => {
      const line = `(lane / ${perLine}u + ${(slot * threads) / perLine}u)`
      return name === 'a' ? `${line} * ${perLine}u + lane % ${perLine}u` : `${line} * ${perLine}u + ((lane % ${perLine}u) ^ ${shuffled(line, perLine)})`
    },
  }
}

/** Eight vectors are all banks of memory: lines that start in the same one begin with another of their vectors. */
function shuffled(line: string, perLine: number): string {
  return `((${line} / ${8 / perLine}u) % ${perLine}u)`
}

/** Vectors along rows of A or columns of B: [depth, outer / 4]. A thread stays at its rows or columns. */
function fillAlongOuter(name: 'a' | 'b', { vector }: Side, outer: number, depth: number, threads: number, hasPlaces: boolean): Fill {
  const perLine = outer / 4
  const [origin, bound] = name === 'a' ? ['row0', 'u.m'] : ['column0', 'u.n']
  const load = (suffix: string, at: string): string => (name === 'a' ? `load_a${suffix}(${at}, k, batch)` : `load_b${suffix}(k, ${at}, batch)`)
  return {
    slots: (depth * perLine) / threads,
    fetch: (slot) => `    { let o = ${origin} + (lane % ${perLine}u) * 4u; let k = k0 + lane / ${perLine}u + ${(slot * threads) / perLine}u; var v = vec4<f32>(0.0);
      ${vector
        ? `if (k < k_end && o < ${bound}) { v = ${load('4', 'o')}; }`
        : `if (k < k_end) { ${count(4).map((i) => `if (o + ${i}u < ${bound}) { v.${COMPONENTS[i]} = ${hasPlaces ? `load_b_at(k, place${i})` : load('', `o + ${i}u`)}; }`).join(' ')} }`}
      ${name}${slot} = v; }`,
    place: (slot) => `(lane / ${perLine}u + ${(slot * threads) / perLine}u) * ${perLine}u + lane % ${perLine}u`,
  }
}

function bodyOf({ rows, columns, depth, threadRows, threadColumns }: Tile, { a, b, hasPlaces = false }: Product): string {
  const threadsX = columns / threadColumns
  const threads = threadsX * (rows / threadRows)
  const vectors = threadColumns / 4
  const fillA = a.along === 'terms' ? fillAlongTerms('a', a, rows, depth, threads) : fillAlongOuter('a', a, rows, depth, threads, false)
  const fillB = b.along === 'terms' ? fillAlongTerms('b', b, columns, depth, threads) : fillAlongOuter('b', b, columns, depth, threads, hasPlaces)
  const slots = [...count(fillA.slots).map((slot) => ['a', slot, fillA] as const), ...count(fillB.slots).map((slot) => ['b', slot, fillB] as const)]
  const fetch = slots.map(([, slot, fill]) => fill.fetch(slot)).join('\n')
  const keep = slots.map(([name, slot, fill]) => `    tile_${name}[page * ${((name === 'a' ? rows : columns) * depth) / 4}u + ${fill.place(slot)}] = ${name}${slot};`).join('\n')
  const perLine = depth / 4
  const terms = count(4)
  // A thread's rows lie together. Its columns lie in vectors, threads side by side; along the terms, columns of threads lie side by side.
  const column = (v: number, c: number): string => (b.along === 'terms' ? `local.x + ${threadsX * (4 * v + c)}u` : `local.x * 4u + ${threadsX * 4 * v + c}u`)
  const readA = a.along === 'terms'
    ? count(threadRows).map((r) => `      let a_${r} = tile_a[page_a + (local.y * ${threadRows}u + ${r}u) * ${perLine}u + q];`)
    : terms.flatMap((t) => count(threadRows / 4).map((r) => `      let a_${t}_${r} = tile_a[page_a + (q * 4u + ${t}u) * ${rows / 4}u + local.y * ${threadRows / 4}u + ${r}u];`))
  const termA = (r: number, t: number): string => (a.along === 'terms' ? `a_${r}.${COMPONENTS[t]}` : `a_${t}_${r >> 2}.${COMPONENTS[r & 3]}`)
  const readB = b.along === 'terms' ? count(threadColumns).map((j) => `      let b_${j} = tile_b[page_b + (local.x + ${threadsX * j}u) * ${perLine}u + (q ^ ${shuffled(`(local.x + ${threadsX * j}u)`, perLine)})];`) : []
  const multiply = terms.flatMap((t) => [
    ...count(vectors).map((v) => `      let b${t}_${v} = ${b.along === 'terms' ? `vec4<f32>(${count(4).map((c) => `b_${4 * v + c}.${COMPONENTS[t]}`).join(', ')})` : `tile_b[page_b + (q * 4u + ${t}u) * ${columns / 4}u + local.x + ${threadsX * v}u]`};`),
    ...count(threadRows).flatMap((r) => count(vectors).map((v) => `      s${r}_${v} += ${termA(r, t)} * b${t}_${v};`)),
  ])
  const stores = count(threadRows).flatMap((r) => count(threadColumns).map((j) => `  put_inside(row + ${r}u, column0 + ${column(j >> 2, j & 3)}, batch, split, s${r}_${j >> 2}.${COMPONENTS[j & 3]});`))
  const places = hasPlaces ? count(4).map((i) => `  let place${i} = place_of(min(column0 + (lane % ${columns / 4}u) * 4u + ${i}u, u.n - 1u), batch);`).join('\n') : ''
  return `  let batch = group.z % u.batches;
  let split = group.z / u.batches;
  let order = group.y * groups.x + group.x;
  let band = order / (${BAND}u * groups.x);
  let height = min(${BAND}u, groups.y - band * ${BAND}u);
  let inside = order - band * ${BAND}u * groups.x;
  let row0 = (band * ${BAND}u + inside % height) * ${rows}u;
  let column0 = (inside / height) * ${columns}u;
  let k_end = min(u.k, (split + 1u) * u.chunk);
${places}
${slots.map(([name, slot]) => `  var ${name}${slot} = vec4<f32>(0.0);`).join('\n')}
${count(threadRows).flatMap((r) => count(vectors).map((v) => `  var s${r}_${v} = vec4<f32>(0.0);`)).join('\n')}
  var k0 = split * u.chunk;
  var page = 0u;
${fetch}
${keep}
  workgroupBarrier();
  while (k0 < k_end) {
    k0 += ${depth}u;
${fetch}
    let page_a = page * ${(rows * depth) / 4}u;
    let page_b = page * ${(columns * depth) / 4}u;
    for (var q = 0u; q < ${perLine}u; q++) {
${[...readA, ...readB, ...multiply].join('\n')}
    }
    page = 1u - page;
${keep}
    workgroupBarrier();
  }
  let row = row0 + local.y * ${threadRows}u;
${stores.join('\n')}`
}
