// If, Loop, Scan and SequenceMap: the executor runs the subgraphs, these kernels say how often and with what.
import { MleError } from '../../error.ts'
import { readInt64Nearest, writeInt64 } from '../../tensor/int64.ts'
import { normalizeAxis } from '../../tensor/numpy-shapes.ts'
import { ints, subgraph } from '../attributes.ts'
import { allocateView, cloneView, isView, type HostKernel, type KernelContext, type KernelEntry, type Scratch, type SubgraphRunner, type Value, type View } from '../kernel.ts'
import { scanCounts } from '../schemas/control.ts'
import { isTensorType } from '../types.ts'
import { joinViews, sliceView } from './blocks.ts'

type Runners = ReadonlyMap<string, SubgraphRunner>

function runnerOf(bodies: Runners, name: string): SubgraphRunner {
  const runner = bodies.get(name)
  if (runner === undefined) throw new MleError('OP_BODY', `attribute ${name} is missing`)
  return runner
}

function tensorOf(value: Value | undefined, what: string): View {
  if (!isView(value)) throw new MleError('OP_INPUT', `${what} is no tensor`)
  return value
}

function isTrue(value: Value | undefined, what: string): boolean {
  const view = tensorOf(value, what)
  if (view.size !== 1) throw new MleError('OP_INPUT', `${what} has ${view.size} elements, expected 1`, { expected: 1, actual: view.size })
  return view.data[0] !== 0
}

function scalarBool(flag: boolean): View {
  return { dtype: 'bool', shape: [], size: 1, data: Uint8Array.of(flag ? 1 : 0) }
}

function scalarInt64(value: number): View {
  const data = new Int32Array(2)
  writeInt64(data, 0, value)
  return { dtype: 'int64', shape: [], size: 1, data }
}

function owned(value: Value, scratch: Scratch): Value {
  return isView(value) ? cloneView(value, scratch) : value
}

/** Runs what fills lists while subgraphs run, so that the values in them count as held. */
function holding<T>({ scratch: { lists } }: KernelContext, own: readonly (readonly Value[])[], run: () => T): T {
  const before = lists.length
  lists.push(...own)
  try {
    return run()
  } finally {
    lists.length = before
  }
}

/** What a loop of no iterations gives for scan output `index`: no slices, other dimensions as far as they are known. */
function emptyScan(context: KernelContext, index: number, axis: number): View {
  const type = context.outputTypes[index]
  if (!isTensorType(type)) throw new MleError('OP_BODY', `scan output ${index} is no tensor`)
  const shape = (type.shape ?? [null]).map((dim) => (typeof dim === 'number' ? dim : 0))
  shape[normalizeAxis(axis, shape.length)] = 0
  return allocateView(type.dtype, shape)
}

function makeIf(_context: KernelContext, bodies: Runners): HostKernel {
  const thenBranch = runnerOf(bodies, 'then_branch')
  const elseBranch = runnerOf(bodies, 'else_branch')
  return ([cond]) => (isTrue(cond, 'the condition') ? thenBranch([]) : elseBranch([]))
}

function makeLoop(context: KernelContext, bodies: Runners): HostKernel {
  const body = runnerOf(bodies, 'body')
  const { scratch } = context
  const carriedCount = Math.max(0, context.inputTypes.length - 2)
  const scanCount = (subgraph(context.attributes, 'body')?.outputs.length ?? 1) - 1 - carriedCount
  return (inputs) => {
    const limit = inputs[0] === undefined ? Infinity : readInt64Nearest(tensorOf(inputs[0], 'the trip count').data as Int32Array, 0)
    let goesOn = inputs[1] === undefined || isTrue(inputs[1], 'the condition')
    let carried: readonly Value[] = Array.from({ length: carriedCount }, (_, i) => inputs[2 + i] ?? null)
    const slices = Array.from({ length: scanCount }, (): View[] => [])
    return holding(context, slices, () => {
      let iteration = 0
      // The runner says when there are too many.
      for (; goesOn && iteration < limit; iteration++) {
        const results = body([scalarInt64(iteration), scalarBool(true), ...carried])
        goesOn = isTrue(results[0], "the body's condition")
        carried = results.slice(1, 1 + carriedCount)
        slices.forEach((list, i) => list.push(tensorOf(results[1 + carriedCount + i], `scan output ${i}`)))
      }
      const results = iteration === 0 ? carried.map((value) => owned(value, scratch)) : [...carried]
      scratch.lists.push(results)
      slices.forEach((list, i) => results.push(list.length === 0 ? emptyScan(context, carriedCount + i, 0) : joinViews(list, 0, true, scratch)))
      return results
    })
  }
}

function makeScan(context: KernelContext, bodies: Runners): HostKernel {
  const body = runnerOf(bodies, 'body')
  const { attributes, scratch } = context
  const { states, scans } = scanCounts(attributes, context.inputTypes.length)
  const outputScans = (subgraph(attributes, 'body')?.outputs.length ?? 0) - states
  const inputAxes = ints(attributes, 'scan_input_axes')
  const inputReversed = ints(attributes, 'scan_input_directions')
  const outputAxes = ints(attributes, 'scan_output_axes')
  const outputReversed = ints(attributes, 'scan_output_directions')
  return (inputs) => {
    const sources = Array.from({ length: scans }, (_, i) => tensorOf(inputs[states + i], `scan input ${i}`))
    const axes = sources.map((source, i) => normalizeAxis(inputAxes?.[i] ?? 0, source.shape.length))
    const length = sources[0].shape[axes[0]]
    sources.forEach((source, i) => {
      if (source.shape[axes[i]] !== length) throw new MleError('OP_DIMENSION', `scan input ${i} has ${source.shape[axes[i]]} slices, but scan input 0 has ${length}`, { expected: length, actual: source.shape[axes[i]] })
    })
    let carried: readonly Value[] = Array.from({ length: states }, (_, i) => inputs[i] ?? null)
    const slices = Array.from({ length: outputScans }, (): View[] => [])
    return holding(context, slices, () => {
      for (let step = 0; step < length; step++) {
        const results = body([...carried, ...sources.map((source, i) => sliceView(source, axes[i], inputReversed?.[i] === 1 ? length - 1 - step : step, 1, true, scratch))])
        carried = results.slice(0, states)
        slices.forEach((list, i) => list.push(tensorOf(results[states + i], `scan output ${i}`)))
      }
      const results = length === 0 ? carried.map((value) => owned(value, scratch)) : [...carried]
      scratch.lists.push(results)
      slices.forEach((list, i) => {
        const axis = outputAxes?.[i] ?? 0
        results.push(list.length === 0 ? emptyScan(context, states + i, axis) : joinViews(outputReversed?.[i] === 1 ? list.toReversed() : list, axis, true, scratch))
      })
      return results
    })
  }
}

function makeSequenceMap(context: KernelContext, bodies: Runners): HostKernel {
  const body = runnerOf(bodies, 'body')
  const outputCount = subgraph(context.attributes, 'body')?.outputs.length ?? 0
  return (inputs) => {
    const first = inputs[0]
    if (!Array.isArray(first)) throw new MleError('OP_INPUT', 'input 0 is no sequence')
    const outputs = Array.from({ length: outputCount }, (): Value[] => [])
    return holding(context, outputs, () => {
      for (let i = 0; i < first.length; i++) {
        const given = inputs.map((value, position): Value | undefined => {
          if (!Array.isArray(value)) return value
          if (value.length !== first.length) throw new MleError('OP_DIMENSION', `sequence input ${position} has ${value.length} elements, but input 0 has ${first.length}`, { expected: first.length, actual: value.length })
          return value[i]
        })
        body(given).forEach((value, output) => outputs[output].push(value))
      }
      return outputs
    })
  }
}

export const controlKernels: readonly (readonly [string, KernelEntry])[] = [
  ['If', { makeControl: makeIf }],
  ['Loop', { makeControl: makeLoop }],
  ['Scan', { makeControl: makeScan }],
  ['SequenceMap', { makeControl: makeSequenceMap }],
]
