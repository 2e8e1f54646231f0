// Turns the steps of a bound plan on a GPU into dispatches over values: elementwise steps are fused into what computes their
// input, so that a chain of them, or the bias and activation behind a product, is one pass over memory.
import { isView, type View } from '../ops/kernel.ts'
import { isElementwise, type GpuBinding, type GpuData, type GpuDispatch, type GpuFeatures, type GpuUniform } from '../ops/webgpu/kernel.ts'
import { broadcast, isIdentity } from '../ops/webgpu/indexing.ts'
import { bufferBytes, storageOf, type Scalar, type Storage } from '../ops/webgpu/storage.ts'
import { bindingCount, linear, real, windowsOf } from '../ops/webgpu/wgsl.ts'
import { halfToFloat } from '../tensor/half.ts'
import type { Bound, BoundStep } from './bind.ts'
import type { PooledStorage, Segment } from './partition.ts'

/** What a binding is bound to: a value's storage, memory of the unit, or the kernel's own data. */
export type Resource = { readonly root: number } | { readonly value: number } | { readonly temporary: number } | GpuData

export interface Launch {
  readonly dispatch: GpuDispatch
  /** One for each read and write, in order. */
  readonly resources: readonly Resource[]
}

/** One or several steps that run as one, and the memory that they need for themselves. */
export interface Unit {
  readonly launches: readonly Launch[]
  /** Positions in `bound.steps`. */
  readonly steps: readonly number[]
  readonly temporaries: ReadonlyMap<number, number>
}

/** A unit under way. `local` names the value of a root inside the put function of its last dispatch. */
interface Open {
  launches: Launch[]
  readonly steps: number[]
  readonly temporaries: Map<number, number>
  /** Set while elementwise steps may join. */
  fusion?: Fusion
}

interface Fusion {
  readonly size: number
  readonly name: string
  readonly locals: Map<number, Local>
  readonly lines: string[]
  readonly reads: { readonly binding: GpuBinding; readonly resource: Resource }[]
  readonly uniforms: GpuUniform[]
  readonly declarations: string[]
}

interface Local {
  readonly name: string
  readonly storage: Storage
}

/** Dispatches of a segment on the device. */
export function unitsOf(bound: Bound, segment: Segment, features: GpuFeatures, outputs: ReadonlySet<number>): readonly Unit[] {
  const readers = readersOf(bound)
  const units: Unit[] = []
  let open: Open | undefined
  const close = (): void => {
    if (open !== undefined) units.push(finish(open, readers, outputs, features))
    open = undefined
  }
  for (let position = segment.first; position < segment.end; position++) {
    const step = bound.steps[position]
    const { work } = step
    if (work === undefined) continue
    if (!isElementwise(work)) {
      close()
      open = started(bound, step, work, features, position)
      continue
    }
    if (open?.fusion !== undefined && join(open, open.fusion, bound, step, work.expression, features, position)) continue
    close()
    open = alone(bound, step, position)
    const own: Open | undefined = open
    if (own?.fusion !== undefined) join(own, own.fusion, bound, step, work.expression, features, position)
  }
  close()
  return units
}

/** Steps that read each storage. */
function readersOf({ steps, rootOf }: Bound): Map<number, Set<number>> {
  const readers = new Map<number, Set<number>>()
  steps.forEach(({ step }, position) => {
    for (const id of [...step.inputs, ...step.captures]) {
      const root = id < 0 ? -1 : rootOf[id]
      if (root < 0) continue
      let own = readers.get(root)
      if (own === undefined) readers.set(root, (own = new Set()))
      own.add(position)
    }
  })
  return readers
}

function viewOf(bound: Bound, id: number): View {
  const view = bound.frame[id]
  if (!isView(view)) throw new TypeError('a value of the device has no view')
  return view
}

function resourceOf(bound: Bound, id: number): Resource {
  const root = bound.rootOf[id]
  return root < 0 ? { value: id } : { root }
}

/** Elements of what a kernel binds. */
export function elementsOf({ source }: GpuBinding, inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[]): number {
  if ('data' in source) return source.data.length
  if ('temporary' in source) return source.size
  return ('input' in source ? inputs[source.input] : outputs[source.output])?.size ?? 0
}

/** The binding in pieces, where the tensor exceeds one. */
export function inWindows(binding: GpuBinding, elements: number, { maxBindingBytes }: GpuFeatures): GpuBinding {
  const windows = windowsOf(bufferBytes(elements, binding.storage), maxBindingBytes)
  return windows === undefined ? binding : { ...binding, windows }
}

/** A unit of a kernel's own dispatches. */
function started(bound: Bound, step: BoundStep, dispatches: readonly GpuDispatch[], features: GpuFeatures, position: number): Open {
  const temporaries = new Map<number, number>()
  const piecewise = (binding: GpuBinding): GpuBinding => inWindows(binding, elementsOf(binding, step.inputs, step.outputs), features)
  const launches = dispatches.map((whole): Launch => {
    const dispatch = { ...whole, reads: whole.reads.map(piecewise), writes: whole.writes.map(piecewise) }
    const resources = [...dispatch.reads, ...dispatch.writes].map(({ source }): Resource => {
      if ('input' in source) return resourceOf(bound, step.step.inputs[source.input])
      if ('output' in source) return resourceOf(bound, step.step.outputs[source.output])
      if ('data' in source) return source
      temporaries.set(source.temporary, Math.max(temporaries.get(source.temporary) ?? 0, source.size))
      return { temporary: source.temporary }
    })
    return { dispatch, resources }
  })
  const open: Open = { launches, steps: [position], temporaries }
  const last = dispatches.at(-1)
  const [write] = last?.writes ?? []
  // The last dispatch of several may fill another output than the first.
  const filled = write !== undefined && 'output' in write.source ? step.step.outputs[write.source.output] : -1
  if (last?.fusable === true && filled >= 0) {
    open.fusion = fusionOf(viewOf(bound, filled).size, write.name)
    open.fusion.locals.set(bound.rootOf[filled], { name: 'v0', storage: write.storage })
  }
  return open
}

function fusionOf(size: number, name: string): Fusion {
  return { size, name, locals: new Map(), lines: [], reads: [], uniforms: [], declarations: [] }
}

/** A unit that begins with an elementwise step: a linear dispatch whose put function is all there is. */
function alone(bound: Bound, { step }: BoundStep, position: number): Open {
  const { size } = viewOf(bound, step.outputs[0])
  if (size === 0) return { launches: [], steps: [position], temporaries: new Map() }
  const dispatch = linear(size, { reads: [], writes: [], body: '  y_put(i);' })
  return { launches: [{ dispatch, resources: [] }], steps: [], temporaries: new Map(), fusion: fusionOf(size, 'y') }
}

/** Adds an elementwise step to a unit, if it computes over the same elements from what the unit has, and bindings are left. */
function join(open: Open, fusion: Fusion, bound: Bound, { step }: BoundStep, expression: (inputs: readonly string[]) => string, features: GpuFeatures, position: number): boolean {
  const { rootOf } = bound
  const target = viewOf(bound, step.outputs[0])
  const isFirst = open.steps.length === 0
  if (target.size !== fusion.size) return false
  const given = step.inputs.filter((id) => id >= 0)
  let isLinked = isFirst
  for (const id of given) {
    if (!fusion.locals.has(rootOf[id])) continue
    const view = viewOf(bound, id)
    if (view.size !== target.size || !isIdentity(view.shape, target.shape)) return false
    isLinked = true
  }
  if (!isLinked) return false
  const storage = storageOf(target.dtype, features.half)
  if (storage === undefined) return false
  const last = open.launches[open.launches.length - 1].dispatch
  const index = fusion.lines.length + 1
  const name = `v${index}`
  const reads: Fusion['reads'] = []
  const uniforms: GpuUniform[] = []
  const declarations: string[] = []
  const known = new Map<number, string>()
  const values = given.map((id, i): string => {
    const local = fusion.locals.get(rootOf[id])
    if (local !== undefined) return local.name
    const before = known.get(id)
    if (before !== undefined) return before
    const field = `f${index}_${i}`
    const view = viewOf(bound, id)
    const constant = constantOf(bound, id, view)
    if (constant !== undefined) {
      uniforms.push(real(field, constant))
      known.set(id, `u.${field}`)
      return `u.${field}`
    }
    const own = storageOf(view.dtype, features.half)
    if (own === undefined) throw new TypeError('an elementwise step reads what the device cannot hold')
    reads.push({ binding: inWindows({ name: field, source: { input: i }, storage: own }, view.size, features), resource: resourceOf(bound, id) })
    const indexing = broadcast(`${field}_index`, view.shape, target.shape)
    uniforms.push(...indexing.uniforms)
    declarations.push(indexing.text)
    const text = `${field}_at(${field}_index(i))`
    known.set(id, text)
    return text
  })
  // Every local may have to be stored, besides the writes of earlier dispatches' kind.
  const stored = bindingCount([inWindows({ name, source: { output: 0 }, storage }, target.size, features)])
  const bindings = bindingCount([...last.reads, ...last.writes.slice(1), ...fusion.reads.map(({ binding }) => binding), ...reads.map(({ binding }) => binding)]) + (fusion.locals.size + 1) * stored
  if (!isFirst && bindings > features.maxBindings) return false
  fusion.lines.push(`  let ${name}: ${storage.scalar} = ${expression(values)};`)
  fusion.locals.set(rootOf[step.outputs[0]], { name, storage })
  fusion.reads.push(...reads)
  fusion.uniforms.push(...uniforms)
  fusion.declarations.push(...declarations)
  open.steps.push(position)
  return true
}

/** A constant float of one element, which becomes a uniform instead of a binding. */
function constantOf(bound: Bound, id: number, view: View): number | undefined {
  if (bound.rootOf[id] >= 0 || view.size !== 1 || Array.isArray(view.data)) return undefined
  const value = Number(view.data[0])
  return view.dtype === 'float32' ? value : view.dtype === 'float16' ? halfToFloat(value) : undefined
}

/** A unit that takes no more steps in; what exceeds the workgroups of one dispatch is marked. */
function finish(open: Open, readers: ReadonlyMap<number, Set<number>>, outputs: ReadonlySet<number>, features: GpuFeatures): Unit {
  const unit = fused(open, readers, outputs, features)
  const exceeds = ({ dispatch }: Launch): boolean => dispatch.workgroups.some((count) => count > features.maxWorkgroups)
  return unit.launches.some(exceeds) ? { ...unit, launches: unit.launches.map((launch) => (exceeds(launch) ? { ...launch, dispatch: { ...launch.dispatch, inParts: true } } : launch)) } : unit
}

/** Writes the put function of a unit whose last dispatch has taken steps in. Values that nobody else reads are not stored. */
function fused(open: Open, readers: ReadonlyMap<number, Set<number>>, outputs: ReadonlySet<number>, features: GpuFeatures): Unit {
  const { fusion, steps, temporaries } = open
  if (fusion === undefined || fusion.lines.length === 0) return open
  const members = new Set(steps)
  const launches = open.launches.slice()
  const { dispatch, resources } = launches[launches.length - 1]
  const stored = [...fusion.locals].filter(([root]) => outputs.has(root) || [...(readers.get(root) ?? [])].some((position) => !members.has(position)))
  const head = fusion.locals.values().next().value as Local
  const parameters = head.name === 'v0' ? `i: u32, v0: ${head.storage.scalar satisfies Scalar}` : 'i: u32'
  const puts = stored.map(([, { name }]) => `  g${name}_put(i, ${name});`)
  const put = `fn ${fusion.name}_put(${parameters}) {\n${[...fusion.lines, ...puts].join('\n')}\n}\n`
  // The unit's own first write is now one of the stored values, or gone.
  const others = dispatch.writes.slice(1)
  const writes: GpuBinding[] = [...stored.map(([, { name, storage }]): GpuBinding => inWindows({ name: `g${name}`, source: { output: 0 }, storage }, fusion.size, features)), ...others]
  const otherResources = resources.slice(dispatch.reads.length + 1)
  launches[launches.length - 1] = {
    dispatch: {
      ...dispatch,
      reads: [...dispatch.reads, ...fusion.reads.map(({ binding }) => binding)],
      writes,
      uniforms: [...dispatch.uniforms, ...fusion.uniforms],
      declarations: `${dispatch.declarations ?? ''}${fusion.declarations.join('')}${put}`,
    },
    resources: [...resources.slice(0, dispatch.reads.length), ...fusion.reads.map(({ resource }) => resource), ...stored.map(([root]): Resource => ({ root })), ...otherResources],
  }
  return { launches, steps, temporaries }
}

/** Temporaries of unit `index` have ids from `-1 - index * MAX_TEMPORARIES` downward. */
const MAX_TEMPORARIES = 16

export function temporaryId(unit: number, temporary: number): number {
  return -1 - unit * MAX_TEMPORARIES - temporary
}

/** Number of the first unit of each segment; a segment on the host counts as one. */
export function unitBases(units: readonly (readonly Unit[])[]): number[] {
  let base = 0
  return units.map((own) => {
    const first = base
    base += Math.max(1, own.length)
    return first
  })
}

/**
 * Storages of all device segments in order of first use, with lifetimes counted in units over the whole run. What crosses over lives
 * from the start or to the end of its segment, because it is copied there.
 */
export function storagesOf(bound: Bound, segments: readonly Segment[], units: readonly (readonly Unit[])[], features: GpuFeatures): readonly PooledStorage[] {
  const found = new Map<number, { bytes: number; first: number; last: number }>()
  const touch = (id: number, bytes: () => number, unit: number): void => {
    const own = found.get(id)
    if (own === undefined) found.set(id, { bytes: bytes(), first: unit, last: unit })
    else {
      own.first = Math.min(own.first, unit)
      own.last = Math.max(own.last, unit)
    }
  }
  const rootBytes = (root: number) => (): number => {
    const view = viewOf(bound, root)
    const storage = storageOf(view.dtype, features.half)
    return storage === undefined ? 4 : bufferBytes(view.size, storage)
  }
  const bases = unitBases(units)
  segments.forEach((segment, s) => {
    const own = units[s]
    const base = bases[s]
    for (const root of segment.uploads) touch(root, rootBytes(root), base)
    own.forEach(({ launches, temporaries }, i) => {
      for (const { resources } of launches) for (const resource of resources) if ('root' in resource) touch(resource.root, rootBytes(resource.root), base + i)
      for (const [temporary, size] of temporaries) touch(temporaryId(base + i, temporary), () => Math.max(4, size * 4), base + i)
    })
    const end = base + Math.max(0, own.length - 1)
    for (const root of segment.downloads) touch(root, rootBytes(root), end)
  })
  return [...found].map(([id, storage]) => ({ id, ...storage })).sort((a, b) => a.first - b.first)
}
