// A model's runs on a device that computes beside the host: fetched by `load` only for such devices.
import { MleError } from './error.ts'
import { feedOf, type Fed, type InputRecord } from './feed.ts'
import type { Accelerator, Placement, StepTime, Transfer } from './graph/device.ts'
import { instantiate, releaseInstance, runInstance, type Instance } from './graph/execute.ts'
import type { GpuInput } from './graph/gpu-tensor.ts'
import type { PlacementOptions } from './model.ts'
import { fill, outputsOf, type OutputRecord, type PlanEntry, type RunOptions, type Runs } from './runs.ts'
import { isTensorType, type ValueType } from './ops/types.ts'
import type { Tensor } from './tensor/tensor.ts'

export interface Accelerated {
  run(feeds: ReadonlyMap<string, Fed>, options: RunOptions): Promise<OutputRecord>
  placement(options: PlacementOptions): readonly Placement[]
  profile(feeds: ReadonlyMap<string, Fed>, options: Pick<RunOptions, 'outputs'>): Promise<readonly StepTime[]>
}

/** Runs of a model on an accelerator, in turn: runs of one shape share buffers. */
export function acceleratedBy(accelerator: Accelerator): (runs: Runs, feedInputs: (inputs: InputRecord) => ReadonlyMap<string, Fed>) => Accelerated {
  return (runs, feedInputs) => {
    let queue: Promise<unknown> = Promise.resolve()
    const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
      const own = queue.then(run)
      // A failed one does not stop the next.
      queue = own.catch(() => undefined)
      return own
    }
    return {
      run: (feeds, options) => inTurn(() => run(accelerator, runs, feeds, options)),
      profile: (feeds, options) =>
        inTurn(async () => {
          const { instance, transfer } = begin(runs, feeds, options)
          return accelerator.profile(instance, transfer)
        }),
      placement: (options) => placementOf(accelerator, runs, options.inputs === undefined ? undefined : feedInputs(options.inputs), options),
    }
  }
}

interface Begun {
  readonly entry: PlanEntry
  readonly fed: readonly Fed[]
  readonly instance: Instance
  readonly transfer: Transfer
}

/** Plan, instance and inputs of a run. */
function begin(runs: Runs, feeds: ReadonlyMap<string, Fed>, options: RunOptions): Begun {
  runs.checkAlive()
  if (options.signal?.aborted) throw new MleError('RUN_ABORTED', 'the run was aborted before it began', { cause: options.signal.reason })
  const entry = runs.planFor(options.outputs)
  const fed = runs.graph.inputs.map((info) => feeds.get(info.name) as Fed)
  runs.checkSymbols(fed)
  const instance = runs.instanceFor(entry, fed, undefined)
  const inputs = new Map<number, GpuInput>()
  fed.forEach((feed, i) => {
    if ('shape' in feed && feed.gpu !== undefined) inputs.set(entry.plan.inputs[i], feed.gpu)
  })
  fill(instance, inputs.size === 0 ? fed : fed.map((feed) => ('shape' in feed && feed.gpu !== undefined ? { ...feed, fill() {} } : feed)), 0, undefined)
  return { entry, fed, instance, transfer: { inputs, outputs: keptOutputs(entry, options.onDevice) } }
}

/** Positions of the outputs that stay, and buffers given for them. */
function keptOutputs({ names }: PlanEntry, onDevice: RunOptions['onDevice'] = false): Map<number, GPUBuffer | undefined> {
  if (typeof onDevice === 'boolean') return new Map(onDevice ? names.map((_, i) => [i, undefined]) : [])
  const wanted: readonly (readonly [string, GPUBuffer | undefined])[] = Array.isArray(onDevice) ? onDevice.map((name: string) => [name, undefined] as const) : Object.entries(onDevice)
  return new Map(wanted.map(([name, buffer]) => {
    const position = names.indexOf(name)
    if (position < 0) throw new MleError('DEVICE_BUFFER_OUTPUT', `onDevice names ${JSON.stringify(name)}, which is no output of this run; its outputs are ${names.join(', ')}`, { actual: name })
    return [position, buffer]
  }))
}

async function run(accelerator: Accelerator, runs: Runs, feeds: ReadonlyMap<string, Fed>, options: RunOptions): Promise<OutputRecord> {
  const { entry, fed, instance, transfer } = begin(runs, feeds, options)
  try {
    return outputsOf(entry, instance, await accelerator.run(instance, transfer))
  } catch (error) {
    if (!(error instanceof MleError && error.code === 'DEVICE_INT64')) throw error
    return runOnHost(accelerator, runs, entry, instance, fed, transfer)
  }
}

/** A run whose integers the accelerator does not hold. */
async function runOnHost(accelerator: Accelerator, { graph, workspace }: Runs, entry: PlanEntry, { bound: { inputTypes } }: Instance, fed: readonly Fed[], { outputs }: Transfer): Promise<OutputRecord> {
  const onHost = await Promise.all(fed.map(async (feed, i) => ('shape' in feed && feed.gpu !== undefined ? feedOf(graph.inputs[i], await accelerator.read(feed.gpu)) : feed)))
  const instance = instantiate(entry.plan, workspace, inputTypes.map((type, i) => type ?? graph.inputs[i].type), 'io')
  try {
    fill(instance, onHost, 0, undefined)
    runInstance(instance)
    const results = outputsOf(entry, instance)
    const kept = new Map<number, Tensor>()
    for (const [position, buffer] of outputs) kept.set(position, accelerator.put(results[entry.names[position]], buffer))
    return outputsOf(entry, instance, kept)
  } finally {
    releaseInstance(instance)
  }
}

function placementOf(accelerator: Accelerator, runs: Runs, feeds: ReadonlyMap<string, Fed> | undefined, options: PlacementOptions): readonly Placement[] {
  const { graph, workspace } = runs
  const shapes = new Map(Object.entries(options.shapes ?? {}))
  const types = graph.inputs.map(({ name, type }): ValueType => {
    const feed = feeds?.get(name)
    if (!isTensorType(type) || (feed !== undefined && 'value' in feed)) return type
    return { dtype: type.dtype, shape: feed?.shape ?? shapes.get(name) ?? type.shape?.map((dim) => (typeof dim === 'number' ? dim : 1)) }
  })
  const instance = instantiate(runs.planFor(options.outputs).plan, workspace, types, 'io', accelerator.accelerate)
  try {
    return accelerator.describe(instance)
  } finally {
    releaseInstance(instance)
  }
}
