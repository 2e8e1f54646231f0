// Products with few rows, or few columns: nothing is there to be used twice, so threads share the terms of an output and read the large operand once.
import type { GpuContext, GpuDispatch } from './kernel.ts'
import type { Product } from './product.ts'
import { MAX_WORKGROUPS, word } from './wgsl.ts'

/** Rows or columns that a thread keeps sums of. */
const MAX_FEW = 8
const MIN_TERMS = 32
const THREADS = 256

/** True for a product with few rows, or few columns, and enough terms to share. */
export function isSkinny({ features }: GpuContext, { m, n, k, hasPlaces }: Product): boolean {
  return !features.software && hasPlaces !== true && Math.min(m, n) <= MAX_FEW && k >= MIN_TERMS
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function skinnyProduct({ features }: GpuContext, product: Product): GpuDispatch | string {
  const { batch, m, n, k, a, b, reads, writes, uniforms, declarations, fusable } = product
  // `few` are the rows, or columns, of the small operand; `o` counts those of the large one.
  const isFewRows = m <= n
  const [few, many] = isFewRows ? [m, n] : [n, m]
  const [small, large] = isFewRows ? [a, b] : [b, a]
  const loadSmall = (suffix: string, i: number, at: string): string => (isFewRows ? `load_a${suffix}(${i}u, ${at}, batch)` : `load_b${suffix}(${at}, ${i}u, batch)`)
  const loadLarge = (suffix: string, at: string): string => (isFewRows ? `load_b${suffix}(${at}, o, batch)` : `load_a${suffix}(o, ${at}, batch)`)
  const alongTerms = large.along === 'terms'
  const width = large.vector ? 4 : 1
  // Threads side by side read what lies side by side: terms of one line, or lines of one term.
  const fewer = Math.ceil(many / (16 * width)) * batch < features.busyWorkgroups
  const [across, down] = alongTerms ? [32, THREADS / 32] : fewer ? [8, THREADS / 8] : [16, THREADS / 16]
  const perGroup = alongTerms ? down : across * width
  const groups = Math.ceil(many / perGroup)
  const workgroups = [Math.min(groups, MAX_WORKGROUPS), Math.ceil(groups / MAX_WORKGROUPS), batch] as const
  if (batch > MAX_WORKGROUPS) return `${batch} products exceed the GPU's dispatches`
  const type = !alongTerms && width === 4 ? 'vec4<f32>' : 'f32'
  // Along the terms a vector of one operand meets one of the other, in vectors if both have them.
  const isDot = alongTerms && width === 4
  const smallVector = (i: number): string => (small.vector && small.along === 'terms' ? loadSmall('4', i, 'k') : `vec4<f32>(${count(4).map((c) => loadSmall('', i, `k + ${c}u`)).join(', ')})`)
  const sum = count(few).map((i) => (isDot ? `      s${i} += dot(v, ${smallVector(i)});` : `      s${i} += ${loadSmall('', i, 'k')} * v;`)).join('\n')
  const step = alongTerms ? across * width : down
  const start = alongTerms ? `local.x * ${width}u` : 'local.y'
  const place = alongTerms ? 'local.y' : `local.x * ${width}u`
  const put = (i: number, c: number, value: string): string => {
    const at = width === 1 || alongTerms ? 'o' : `o + ${c}u`
    return `if (${at} < ${isFewRows ? 'u.n' : 'u.m'}) { store(${isFewRows ? `${i}u, ${at}` : `${at}, ${i}u`}, batch, ${value}); }`
  }
  const [partners, stride] = alongTerms ? [across, 1] : [down, across]
  const own = alongTerms ? 'local.x' : 'local.y'
  const results = count(few).map((i) => `  parts[lane] = s${i};
  workgroupBarrier();
  for (var half = ${partners / 2}u; half > 0u; half >>= 1u) {
    if (${own} < half) { parts[lane] += parts[lane + half * ${stride}u]; }
    workgroupBarrier();
  }
  if (${own} == 0u) { let total = parts[lane]; ${type === 'f32' ? put(i, 0, 'total') : count(4).map((c) => put(i, c, `total.${'xyzw'[c]}`)).join(' ')} }
  workgroupBarrier();`)
  return {
    reads, writes, fusable, threads: [across, down, 1], workgroups, uniforms: [word('m', m), word('n', n), word('k', k), ...uniforms],
    declarations: `${declarations}var<workgroup> parts: array<${type}, ${THREADS}>;\n`,
    body: `  let batch = group.z;
  let o = (group.y * ${MAX_WORKGROUPS}u + group.x) * ${perGroup}u + ${place};
${count(few).map((i) => `  var s${i} = ${type}(0.0);`).join('\n')}
  if (o < ${isFewRows ? 'u.n' : 'u.m'}) {
    for (var k = ${start}; k < u.k; k += ${step}u) {
      let v = ${loadLarge(width === 4 ? '4' : '', 'k')};
${sum}
    }
  }
${results.join('\n')}`,
  }
}
