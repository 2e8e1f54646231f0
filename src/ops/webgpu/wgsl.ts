// WGSL from small typed parts. Kernels give bindings, uniform fields and the body of `main`; declarations are written here.
import type { View } from '../kernel.ts'
import type { GpuBinding, GpuContext, GpuData, GpuDispatch, GpuUniform, GpuWindows } from './kernel.ts'
import { libraryFor } from './library.ts'
import { storageOf, type Storage } from './storage.ts'

/** Threads of a linear shader's workgroup, and the most workgroups along one dimension that every device has. */
export const THREADS = 64
export const MAX_WORKGROUPS = 65535
/** Set by shaders that reduce by subgroups: threads that exchange values without memory. */
const WIDTH = 'subgroup_width'
/** Offsets of storage bindings are multiples of it on every device. */
const OFFSET_BYTES = 256

/** The text of a dispatch's shader; pipelines are kept by it. */
export function shaderText(dispatch: GpuDispatch): string {
  const { reads, writes, declarations = '', threads, inParts = false } = dispatch
  const bindings = [...reads, ...writes]
  const uniforms = uniformsOf(dispatch)
  const [id, group, groups] = inParts ? ['id_', 'group_', 'groups_'] : ['id', 'group', 'groups']
  const body = inParts ? `  let group = group_ + vec3<u32>(u.base_x, u.base_y, u.base_z);\n  let groups = vec3<u32>(u.whole_x, u.whole_y, u.whole_z);\n  let id = id_ + (group - group_) * vec3<u32>(${threads.join('u, ')}u);\n${dispatch.body}` : dispatch.body
  const hasSubgroups = declarations.includes(WIDTH)
  const code = `${hasSubgroups ? `var<private> ${WIDTH}: u32;\n` : ''}${declarations}\n@compute @workgroup_size(${threads.join(', ')})
fn main(@builtin(global_invocation_id) ${id}: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) ${group}: vec3<u32>, @builtin(num_workgroups) ${groups}: vec3<u32>) {
${hasSubgroups ? `  // The threads that really are in it: what drivers call its size may be larger.\n  ${WIDTH} = subgroupAdd(1u);\n` : ''}${body}
}`
  const accessors = bindings.map((binding, i) => accessorText(binding, i < reads.length, code))
  let number = 0
  const lines = [
    ...(bindings.some(({ storage }) => storage.element === 'f16') ? ['enable f16;'] : []),
    ...(hasSubgroups ? ['enable subgroups;', 'diagnostic(off, subgroup_uniformity);'] : []),
    ...bindings.flatMap((binding, i) => windowNames(binding).map((name) => `@group(0) @binding(${number++}) var<storage, ${i < reads.length ? 'read' : 'read_write'}> ${name}: array<${arrayType(binding)}>;`)),
    ...(uniforms.length === 0 ? [] : [`struct Uniforms { ${uniforms.map(({ name, type }) => `${name}: ${type}`).join(', ')} }`, `@group(0) @binding(${number}) var<uniform> u: Uniforms;`]),
    libraryFor(`${accessors.join('')}${code}`),
    ...accessors.filter(Boolean),
    code,
  ]
  return lines.join('\n')
}

/** Fields of the uniform block; the executor sets those of a dispatch in parts. */
export function uniformsOf({ uniforms, workgroups, inParts }: GpuDispatch, base: readonly [number, number, number] = [0, 0, 0]): readonly GpuUniform[] {
  if (inParts !== true) return uniforms
  const fields = (name: string, numbers: readonly number[]): GpuUniform[] => ['x', 'y', 'z'].map((axis, i) => word(`${name}_${axis}`, numbers[i]))
  return [...uniforms, ...fields('base', base), ...fields('whole', workgroups)]
}

/** Entries that the bindings take in a bind group. */
export function bindingCount(bindings: readonly GpuBinding[]): number {
  return bindings.reduce((sum, { windows }) => sum + (windows?.count ?? 1), 0)
}

/** The pieces in which so many bytes are bound; undefined for one. Offsets of bindings are multiples of 256. */
export function windowsOf(total: number, maxBindingBytes: number): GpuWindows | undefined {
  if (total <= maxBindingBytes) return undefined
  const bytes = maxBindingBytes - (maxBindingBytes % OFFSET_BYTES)
  return { count: Math.ceil(total / bytes), bytes, total }
}

function windowNames({ name, windows }: GpuBinding): readonly string[] {
  return Array.from({ length: windows?.count ?? 1 }, (_, i) => (i === 0 ? name : `${name}_w${i}`))
}

/** True where the kernel's text has the array itself, instead of its functions. */
export function hasRawAccess({ declarations = '', body }: GpuDispatch, { name }: GpuBinding): boolean {
  return new RegExp(`(^|[^\\w.])${name}\\s*\\[|&${name}\\b`).test(`${declarations}${body}`)
}

function arrayType({ storage, vector, atomic }: GpuBinding): string {
  if (atomic === true) return `atomic<${storage.element}>`
  return vector === true ? `vec4<${storage.element}>` : storage.element
}

/** NAME_at, NAME_put and NAME_vec, if the code uses them. */
function accessorText(binding: GpuBinding, isRead: boolean, code: string): string {
  const { name, storage, vector, atomic } = binding
  if (atomic === true) return ''
  if (vector === true) return code.includes(`${name}_vec(`) ? `fn ${name}_vec(index_: u32) -> vec4<${storage.element}> { ${windowed(binding, (element) => `return ${element};`)} }` : ''
  const { scalar } = storage
  const lines: string[] = []
  if (isRead || code.includes(`${name}_at(`)) lines.push(`fn ${name}_at(index_: u32) -> ${scalar} { ${windowed(binding, (element) => `return ${loaded(element, storage)};`)} }`)
  if (!isRead && code.includes(`${name}_put(`) && !code.includes(`fn ${name}_put(`)) lines.push(`fn ${name}_put(index_: u32, value_: ${scalar}) { ${windowed(binding, (element) => `${element} = ${stored('value_', storage)};`)} }`)
  return lines.join('\n')
}

/** A statement about element `index_` of the window that holds it. */
function windowed(binding: GpuBinding, statement: (element: string) => string): string {
  const { windows, storage, vector } = binding
  const each = windows === undefined ? 0 : windows.bytes / (storage.bytes * (vector === true ? 4 : 1))
  const names = windowNames(binding)
  return names.map((name, i) => {
    const own = statement(`${name}[index_${i === 0 ? '' : ` - ${i * each}u`}]`)
    return i === names.length - 1 ? (i === 0 ? own : `{ ${own} }`) : `if (index_ < ${(i + 1) * each}u) { ${own} } else`
  }).join(' ')
}

/** An element of storage as a value of its scalar type. */
export function loaded(text: string, { scalar, element }: Storage): string {
  if (scalar === 'bool') return `${text} != 0u`
  return element === 'f16' ? `f32(${text})` : text
}

/** A value as an element of storage. */
export function stored(text: string, { scalar, element, rounded }: Storage): string {
  if (scalar === 'bool') return `select(0u, 1u, ${text})`
  if (rounded === true) return `mle_round_half(${text})`
  return element === 'f16' ? `f16(${text})` : text
}

/** A u32 field of the uniform block. */
export function word(name: string, value: number): GpuUniform {
  return { name, type: 'u32', value }
}

/** An f32 field of the uniform block. */
export function real(name: string, value: number): GpuUniform {
  return { name, type: 'f32', value }
}

/** A number as f32 text. NaN and infinities, which constant expressions may not be, come from functions. */
export function literal(value: number): string {
  const rounded = Math.fround(value)
  if (rounded !== rounded) return 'mle_nan()'
  if (!Number.isFinite(rounded)) return rounded > 0 ? 'mle_inf()' : '-mle_inf()'
  const text = String(rounded)
  const number = Object.is(rounded, -0) ? '-0.0' : /[.e]/.test(text) ? text : `${text}.0`
  return rounded < 0 || Object.is(rounded, -0) ? `(${number})` : number
}

/** The binding of an input; throws for one left out. */
export function input(context: GpuContext, index: number, name: string, options: Pick<GpuBinding, 'vector'> = {}): GpuBinding {
  return { name, source: { input: index }, storage: storageFor(context, context.inputs[index]), ...options }
}

export function output(context: GpuContext, index: number, name: string, options: Pick<GpuBinding, 'vector' | 'atomic'> = {}): GpuBinding {
  return { name, source: { output: index }, storage: storageFor(context, context.outputs[index]), ...options }
}

const FLOAT: Storage = { element: 'f32', scalar: 'f32', bytes: 4 }

/** Memory of `size` floats between the dispatches of one node. */
export function temporary(index: number, size: number, name: string, options: Pick<GpuBinding, 'vector'> = {}): GpuBinding {
  return { name, source: { temporary: index, size }, storage: FLOAT, ...options }
}

/** Data that the kernel has made from shapes, or from constants and then `shared`. */
export function given(data: GpuData['data'], name: string, shared: boolean = false): GpuBinding {
  const element = data instanceof Float32Array ? 'f32' : data instanceof Uint32Array ? 'u32' : 'i32'
  return { name, source: { data, shared }, storage: { element, scalar: element, bytes: 4 } }
}

const derivedData = /* @__PURE__ */ new WeakMap<object, Map<string, GpuBinding>>()

/** What a constant became, made once: the same array is uploaded once for all shapes. */
export function derived(view: View, name: string, make: (view: View) => Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): GpuBinding {
  let own = derivedData.get(view)
  if (own === undefined) derivedData.set(view, (own = new Map()))
  let binding = own.get(name)
  if (binding === undefined) own.set(name, (binding = given(make(view), name, true)))
  return binding
}

export function storageFor(context: GpuContext, view: GpuContext['inputs'][number]): Storage {
  const storage = view === undefined ? undefined : storageOf(view.dtype, context.features.half)
  if (storage === undefined) throw new TypeError(`${context.op}: a binding without storage on the device`)
  return storage
}

type Parts = Pick<GpuDispatch, 'reads' | 'writes' | 'body'> & Partial<Omit<GpuDispatch, 'threads' | 'workgroups'>>

/** From so many elements on, threads take several: starting workgroups is not free. */
const MANY = 2 ** 18
const WIDE_THREADS = 256
const ELEMENTS = 4

/** A dispatch over `size` elements: the body has `i`, below `u.size`, and may return. */
export function linear(size: number, parts: Parts): GpuDispatch {
  const uniforms = [word('size', size), ...(parts.uniforms ?? [])]
  if (size < MANY) {
    return {
      ...parts, uniforms,
      threads: [THREADS, 1, 1],
      workgroups: spread(Math.ceil(size / THREADS)),
      body: `  let i = (group.y * ${MAX_WORKGROUPS}u + group.x) * ${THREADS}u + lane;\n  if (i >= u.size) { return; }\n${parts.body}`,
    }
  }
  // Threads side by side stay so in each turn.
  return {
    ...parts, uniforms,
    threads: [WIDE_THREADS, 1, 1],
    workgroups: spread(Math.ceil(size / (WIDE_THREADS * ELEMENTS))),
    declarations: `${parts.declarations ?? ''}fn element(i: u32) {\n${parts.body}\n}\n`,
    body: `  let start = (group.y * ${MAX_WORKGROUPS}u + group.x) * ${WIDE_THREADS * ELEMENTS}u + lane;
  for (var turn = 0u; turn < ${ELEMENTS}u; turn++) { let i = start + turn * ${WIDE_THREADS}u; if (i < u.size) { element(i); } }`,
  }
}

/** A dispatch of one workgroup of `threads` for each of `rows`: the body has `row`, below `u.rows`, and `lane`. One thread for a row means many rows in a workgroup. */
export function perRow(rows: number, threads: number, parts: Parts): GpuDispatch {
  const uniforms = [word('rows', rows), ...(parts.uniforms ?? [])]
  if (threads === 1) return linear(rows, { ...parts, uniforms, body: `  {\n  let row = i;\n  let lane = 0u;\n${parts.body}\n  }` })
  return {
    ...parts, uniforms,
    threads: [threads, 1, 1],
    workgroups: spread(rows),
    body: `  let row = group.y * ${MAX_WORKGROUPS}u + group.x;\n  if (row >= u.rows) { return; }\n${parts.body}`,
  }
}

function spread(groups: number): [number, number, number] {
  return [Math.min(groups, MAX_WORKGROUPS), Math.ceil(groups / MAX_WORKGROUPS), 1]
}

/** Threads of a workgroup that share a line: one where threads do not run side by side, which then need no barriers. */
export function lanesOf({ features }: GpuContext, wanted: number): number {
  return features.software ? 1 : wanted
}

/** Rows of one thread each, when a line is this short, or when there are so many lines whose elements lie apart. */
const SHORT_LINE = 32
const MANY_LINES = 4096

/** Threads that share a line of `count` elements, of `rows`; `isDense` where its elements lie side by side. Lines side by side are read together by a thread each. */
export function lanesFor({ features }: GpuContext, rows: number, count: number, isDense: boolean): number {
  if (features.software || count <= SHORT_LINE || (!isDense && rows >= MANY_LINES)) return 1
  return count <= 256 ? 32 : count <= 2048 ? 128 : 256
}

/** A barrier, where there is more than one thread to wait for. */
export function barrier(threads: number): string {
  return threads === 1 ? '' : 'workgroupBarrier();'
}

/** Module-scope text of a reduction over a workgroup's lanes: `NAME(lane, value)` gives every lane the result. `threads` is a power of two. */
export function workgroupReduce({ features }: GpuContext, name: string, threads: number, combine: (a: string, b: string) => string): string {
  if (threads === 1) return `fn ${name}(lane: u32, value: f32) -> f32 { return value; }\n`
  if (features.subgroups) {
    // Subgroups of a workgroup of one dimension follow one another. Where one is wider than the workgroup, its other threads do not take part.
    return `var<workgroup> ${name}_part: array<f32, ${threads}>;
fn ${name}(lane: u32, value: f32) -> f32 {
  let width = ${WIDTH};
  var own = value;
  for (var step = width / 2u; step > 0u; step >>= 1u) { let other = subgroupShuffleXor(own, step); own = ${combine('own', 'other')}; }
  if (lane % width == 0u) { ${name}_part[lane / width] = own; }
  workgroupBarrier();
  var result = ${name}_part[0];
  for (var part = 1u; part < ${threads}u / width; part++) { result = ${combine('result', `${name}_part[part]`)}; }
  workgroupBarrier();
  return result;
}
`
  }
  return `var<workgroup> ${name}_part: array<f32, ${threads}>;
fn ${name}(lane: u32, value: f32) -> f32 {
  ${name}_part[lane] = value;
  workgroupBarrier();
  for (var step = ${threads / 2}u; step > 0u; step >>= 1u) {
    if (lane < step) { ${name}_part[lane] = ${combine(`${name}_part[lane]`, `${name}_part[lane + step]`)}; }
    workgroupBarrier();
  }
  let result = ${name}_part[0];
  workgroupBarrier();
  return result;
}
`
}
