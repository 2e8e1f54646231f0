// A worker thread of a model: `load(..., { workers })` and `load(..., { worker: true })` start this file.
import { asMemoryLimit, MleError } from './error.ts'
import { sharedTensor } from './graph/shared-weights.ts'
import { createDevice } from './graph/device.ts'
import type { Graph } from './graph/graph.ts'
import { operatorKeys } from './graph/subgraphs.ts'
import { Model } from './model.ts'
import { acceleratedOn } from './parts.ts'
import type { Session } from './session.ts'
import { loadOperators } from './ops/packs.ts'
import { answerOwner } from './platform/workers.ts'
import { viewData } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'
import { IS_ABORTED, NEXT_BLOCK, type Job, type Reply, type RowsArray, type RowsJob, type Start, type TextRows } from './worker-messages.ts'

async function open({ device, determinism, limits, graph, shared }: Start): Promise<Model> {
  const own: Graph = shared === undefined ? graph : { ...graph, initializers: new Map(shared.constants.map(([name, tensor]): [string, Tensor] => [name, sharedTensor(shared.part.memory, tensor)])) }
  const operators = await loadOperators(operatorKeys(own))
  const made = await createDevice(device, own, async () => operators.schemas, { determinism, limits, part: shared?.part })
  return new Model(own, made, operators, await acceleratedOn(made))
}

/** Sessions over whole blocks, by the outputs wanted and the block. */
const sessions = new Map<string, Session>()

function sessionFor(model: Model, job: RowsJob, rows: number): Session {
  const key = JSON.stringify([rows, job.outputs, job.inputs.map(({ shape }) => shape.slice(1))])
  const known = sessions.get(key)
  if (known !== undefined) return known
  const dims: Record<string, number> = Object.create(null)
  for (const { name, shape } of job.inputs) {
    model.inputs.find((info) => info.name === name)?.shape.forEach((dim, axis) => {
      if (typeof dim === 'string') dims[dim] = axis === 0 ? rows : shape[axis]
    })
  }
  const session = model.session({ batch: rows, dims, outputs: job.outputs })
  if (rows === job.blockRows) sessions.set(key, session)
  return session
}

/** Takes blocks until none is left; texts of outputs go back in the reply. */
function runRows(model: Model, job: RowsJob): TextRows[] {
  const { rows, blockRows } = job
  const control = new Int32Array(job.control)
  const inputs = job.inputs.map(dataOf)
  const results = job.results.map((result) => (result.dtype === 'string' ? undefined : dataOf(result)))
  const text: TextRows[] = []
  for (;;) {
    const first = Atomics.add(control, NEXT_BLOCK, 1) * blockRows
    if (first >= rows || Atomics.load(control, IS_ABORTED) !== 0) return text
    const count = Math.min(blockRows, rows - first)
    const session = sessionFor(model, job, count)
    job.inputs.forEach(({ name }, i) => {
      const { data } = session.inputs[name]
      const width = inputs[i].length / rows
      if (Array.isArray(data)) for (let at = 0; at < data.length; at++) data[at] = inputs[i][first * width + at] as string
      else (data as Float64Array).set((inputs[i] as Float64Array).subarray(first * width, (first + count) * width))
    })
    session.run()
    job.results.forEach(({ name }, i) => {
      const { data } = session.outputs[name]
      const target = results[i]
      if (target === undefined) text.push({ name, first, strings: [...(data as readonly string[])] })
      else (target as Float64Array).set(data as Float64Array, (first * target.length) / rows)
    })
    if (count !== blockRows) session.dispose()
  }
}

function dataOf({ dtype, shape, buffer, strings }: RowsArray): Tensor['data'] {
  if (buffer === undefined) return [...(strings ?? [])] as Tensor['data']
  return viewData(dtype, buffer, 0, shape.reduce((product, dim) => product * dim, 1))
}

async function answer(model: Model, job: Job, reply: (message: Reply, transfer?: readonly ArrayBuffer[]) => void): Promise<void> {
  try {
    if (job.kind === 'rows') {
      reply({ kind: 'done', id: job.id, text: runRows(model, job) })
      return
    }
    const outputs = { ...(await model.run(job.inputs, { outputs: job.outputs })) }
    const buffers = Object.values(outputs).flatMap(({ data }) => (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer ? [data.buffer] : []))
    reply({ kind: 'done', id: job.id, outputs }, buffers)
  } catch (error) {
    reply(fault(job.id, error))
  }
}

function fault(id: number, thrown: unknown): Reply {
  const error = asMemoryLimit(thrown)
  if (error instanceof MleError) {
    const { name, message, code, section, offset, expected, actual } = error
    return { kind: 'error', id, name, message, code, detail: { section, offset, expected, actual } }
  }
  return error instanceof Error ? { kind: 'error', id, name: error.name, message: error.message } : { kind: 'error', id, name: 'Error', message: String(error) }
}

/** The thread's model; jobs wait for it and for each other. */
let ready: Promise<Model> | undefined
let last: Promise<unknown> = Promise.resolve()

/** Answers the messages of the thread's owner. */
export function serve(): void {
  answerOwner((message, reply) => {
    const received = message as Start | Job
    if (received.kind === 'start') {
      ready = open(received)
      ready.then(() => reply({ kind: 'ready' }), (error: unknown) => reply(fault(-1, error)))
      return
    }
    last = last.then(async () => {
      const model = await ready
      if (model !== undefined) await answer(model, received, reply)
    })
  })
}

serve()
