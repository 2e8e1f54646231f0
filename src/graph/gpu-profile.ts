// What dispatches take: on the GPU between two timestamps, where it has them; else by the host's clock around a submission.
import { nodeLabel } from './infer.ts'
import { COPY_DST, COPY_SRC, MAP_READ, QUERY_RESOLVE, READ_MODE } from '../platform/gpu-constants.ts'
import type { StepTime } from './device.ts'
import type { Instance } from './execute.ts'
import type { Shared } from './gpu-compile.ts'
import type { Call, Prepared } from './gpu-prepare.ts'
import type { Unit } from './gpu-units.ts'

/** What a query set holds. */
const MAX_TIMESTAMPS = 4096

/** Runs a segment's dispatches, each unit in a pass of its own. */
export async function timedCalls({ device }: Shared, own: Prepared, instance: Instance, calls: readonly Call[]): Promise<readonly StepTime[]> {
  if (calls.length === 0) return []
  const count = 2 * Math.max(...own.recorded.map((recorded) => recorded.calls.length))
  const isTimed = device.features.has('timestamp-query') && count <= MAX_TIMESTAMPS
  if (isTimed && own.profile === undefined) {
    const bytes = count * 8
    own.profile = {
      queries: device.createQuerySet({ type: 'timestamp', count }),
      resolved: device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC }),
      read: device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST }),
    }
    own.buffers.push(own.profile.resolved, own.profile.read)
  }
  if (!isTimed || own.profile === undefined) return timedUnits(device, instance, calls)
  const { queries, resolved, read } = own.profile
  const encoder = device.createCommandEncoder()
  calls.forEach((call, i) => {
    const pass = encoder.beginComputePass({ timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 } })
    encode(pass, call)
    pass.end()
  })
  encoder.resolveQuerySet(queries, 0, 2 * calls.length, resolved, 0)
  encoder.copyBufferToBuffer(resolved, 0, read, 0, 16 * calls.length)
  device.queue.submit([encoder.finish()])
  await read.mapAsync(READ_MODE, 0, 16 * calls.length)
  const stamps = new BigUint64Array(read.getMappedRange(0, 16 * calls.length).slice(0))
  read.unmap()
  return grouped(calls).map(({ unit, first, count: dispatches }): StepTime => {
    let nanoseconds = 0
    for (let i = first; i < first + dispatches; i++) nanoseconds += Number(stamps[2 * i + 1] - stamps[2 * i])
    return { steps: stepLabels(instance, unit.steps), place: 'device', clock: 'gpu', ms: nanoseconds / 1e6 }
  })
}

/** Each unit in a submission of its own, and the host waits for it: what it takes includes some of the way there and back. */
async function timedUnits(device: GPUDevice, instance: Instance, calls: readonly Call[]): Promise<readonly StepTime[]> {
  const times: StepTime[] = []
  for (const { unit, first, count } of grouped(calls)) {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (const call of calls.slice(first, first + count)) encode(pass, call)
    pass.end()
    const start = performance.now()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    times.push({ steps: stepLabels(instance, unit.steps), place: 'device', clock: 'host', ms: performance.now() - start })
  }
  return times
}

function encode(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: Call): void {
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, bindGroup)
  pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2])
}

/** Consecutive calls of one unit. */
function grouped(calls: readonly Call[]): { readonly unit: Unit; readonly first: number; count: number }[] {
  const groups: { readonly unit: Unit; readonly first: number; count: number }[] = []
  calls.forEach(({ unit }, i) => {
    const last = groups.at(-1)
    if (last?.unit === unit) last.count++
    else groups.push({ unit, first: i, count: 1 })
  })
  return groups
}

/** Names of bound steps by their positions. */
export function stepLabels({ bound }: Instance, positions: readonly number[]): string[] {
  return positions.map((position) => nodeLabel(bound.steps[position].step.node, bound.steps[position].step.index))
}
