// Sessions: shapes fixed once, memory of their own, no allocation after the first run.
import { asMemoryLimit, MleError } from './error.ts'
import { instantiate, refresh, releaseInstance, runInstance, type Instance } from './graph/execute.ts'
import { isView, tensorOfView, type Value, type View } from './ops/kernel.ts'
import { isTensorType, type ValueType } from './ops/types.ts'
import type { Runs } from './runs.ts'
import type { DType } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'

/** An input or output of a session: `data` is valid until the next load or session. */
export interface SessionTensor {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: Tensor['data']
}

/** Fixed shapes, memory of its own, no allocation after the first run. */
export interface Session {
  readonly inputs: { readonly [name: string]: SessionTensor }
  readonly outputs: { readonly [name: string]: SessionTensor }
  /** @throws MleError MODEL_DISPOSED after `dispose` of the session or its model, as reading `data` of an input or output does */
  run(): void
  dispose(): void
}

export interface SessionOptions {
  /** Rows: the value of the inputs' first symbolic dimension. Default 1. */
  readonly batch?: number
  /** Values of other symbolic dimensions. */
  readonly dims?: Readonly<Record<string, number>>
  readonly outputs?: readonly string[]
}

/** A session over a model's runs; errors as `Model.session` says. */
export function openSession(runs: Runs, { batch = 1, dims = {}, outputs }: SessionOptions): Session {
  const { graph, workspace, sessions } = runs
  const entry = runs.planFor(outputs)
  const firstType = graph.inputs[0]?.type
  const batchSymbol = isTensorType(firstType) ? firstType.shape?.[0] : undefined
  const given = new Map(Object.entries(dims))
  if (typeof batchSymbol === 'string' && !given.has(batchSymbol)) given.set(batchSymbol, batch)
  const types = graph.inputs.map(({ name, type }): ValueType => {
    if (!isTensorType(type) || type.shape === undefined) throw new MleError('SESSION_DYNAMIC', `input ${JSON.stringify(name)} has no fixed rank; sessions need tensors`)
    const shape = type.shape.map((dim) => {
      const value = typeof dim === 'number' ? dim : typeof dim === 'string' ? given.get(dim) : undefined
      if (value === undefined) throw new MleError('SESSION_DIMENSION', `input ${JSON.stringify(name)}: dimension ${dim ?? '?'} is not known; pass it in session({ dims })`)
      return value
    })
    return { dtype: type.dtype, shape }
  })
  let instance: Instance
  try {
    instance = instantiate(entry.plan, workspace, types, 'io')
  } catch (error) {
    throw asMemoryLimit(error)
  }
  const { frame } = instance.bound
  let records: [inputs: Session['inputs'], outputs: Session['outputs']]
  try {
    records = [
      sessionRecord(instance, graph.inputs.map((info, i) => [info.name, frame[entry.plan.inputs[i]]])),
      sessionRecord(instance, entry.names.map((name, i) => [name, frame[entry.plan.outputs[i]]])),
    ]
  } catch (error) {
    releaseInstance(instance)
    throw error
  }
  sessions.add(instance)
  return {
    inputs: records[0],
    outputs: records[1],
    run: () => {
      checkAlive(instance)
      runInstance(instance)
    },
    dispose: () => {
      if (sessions.delete(instance)) releaseInstance(instance)
    },
  }
}

/** Memory that was given back may be another model's by now. */
function checkAlive({ isReleased }: Instance): void {
  if (isReleased) throw new MleError('MODEL_DISPOSED', 'the session or its model was disposed; open another one')
}

/** Named session tensors whose `data` getters follow the memory when it moves, and allocate only then. */
function sessionRecord(instance: Instance, entries: readonly (readonly [string, Value | undefined])[]): { readonly [name: string]: SessionTensor } {
  const record = Object.create(null) as Record<string, SessionTensor>
  for (const [name, value] of entries) {
    if (!isView(value)) throw new MleError('SESSION_DYNAMIC', `${JSON.stringify(name)} has no fixed shape in this model; use model.run`)
    let source: View['data'] | undefined
    let data: Tensor['data'] = []
    record[name] = {
      name,
      dtype: value.dtype,
      shape: value.shape,
      get data() {
        checkAlive(instance)
        refresh(instance)
        if (source !== value.data) {
          source = value.data
          data = tensorOfView(value).data
        }
        return data
      },
    }
  }
  return record
}
