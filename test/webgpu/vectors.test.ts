// The conformance vectors of operators, and those of the ONNX project, on webgpu, by the judge that judges others.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runFiles } from '../../conformance/adapters/engine.ts'
import { judge } from '../../conformance/runner/judge.ts'
import { faultText } from '../../conformance/runner/report.ts'
import { readIndex, readTask, type Task } from '../../conformance/runner/vectors.ts'
import { load } from '../../src/index.ts'
import { readNpy, writeNpy } from '../../src/tensor/npy.ts'
import { gpuTest, SMALLEST_NORMAL, withoutSubnormals } from '../support/gpu.ts'

const root = fileURLToPath(new URL('../../conformance/', import.meta.url))
/** dtypes that WebGPU has not: such vectors are refused, or run on cpu. */
const WITHOUT = ['float64', 'bfloat16', 'string', 'control-flow', 'sequences', 'optionals', 'maps']
/** How many run on the GPU today: a kernel that starts to decline must not go unnoticed. */
const LEAST_ON_DEVICE = { operators: 421, onnx: 97 }
/** Vectors whose inputs have numbers below 2^-126, which a GPU may take for zero: judged against cpu with zeros in their place. */
const SUBNORMAL_INPUTS = ['operators/Div/float32', 'operators/Mul/float32', 'operators/Sqrt/float32', 'operators/Reciprocal/float32', 'operators/mle.XLogY/float32']

for (const area of ['operators', 'onnx'] as const) {
  const vectors = readIndex(root).filter((vector) => vector.area === area && !vector.features.some((feature) => WITHOUT.includes(feature)))
  gpuTest(`vectors of ${area}`, async (gpu, t) => {
    const faults: string[] = []
    let judged = 0
    let onDevice = 0
    for (const vector of vectors) {
      const task = readTask(root, vector)
      if (task.error !== undefined) continue
      judged++
      const isFlushed = SUBNORMAL_INPUTS.includes(vector.path)
      const folder = isFlushed ? mkdtempSync(join(tmpdir(), 'mle-vector-')) : undefined
      try {
        const own = folder === undefined ? task : await flushed(task, folder)
        const reply = await runFiles({ model: own.model, inputs: own.inputs, integrity: 'crc32' }, 'webgpu', { gpu })
        const fault = judge(own, reply, { tiny: SMALLEST_NORMAL })
        if (fault !== undefined) faults.push(`${vector.path}: ${faultText(fault)}`)
      } finally {
        if (folder !== undefined) rmSync(folder, { recursive: true })
      }
      const model = await load(new Uint8Array(readFileSync(task.model)), { device: 'webgpu', gpu })
      if (await runsOnDevice(model, task)) onDevice++
      model.dispose()
    }
    t.diagnostic(`webgpu: ${judged} vectors of ${area} judged, ${judged - faults.length} right; ${onDevice} run on the GPU, ${judged - onDevice} on cpu`)
    assert.deepEqual(faults, [])
    // 64-bit and 8-bit integers, shapes that depend on data, and operators that docs/webgpu.md lists are left to cpu.
    assert.ok(onDevice >= LEAST_ON_DEVICE[area], `only ${onDevice} of ${judged} vectors run on the GPU`)
  })
}

/** The same task on inputs without subnormal numbers; what cpu computes is expected. */
async function flushed(task: Task, folder: string): Promise<Task> {
  const inputs = task.inputs.map((input, i) => {
    const file = join(folder, `${i}.npy`)
    writeFileSync(file, writeNpy(withoutSubnormals(readNpy(new Uint8Array(readFileSync(input.file))))))
    return { ...input, file }
  })
  const reply = await runFiles({ model: task.model, inputs, integrity: 'crc32' }, 'cpu')
  assert.equal(reply.kind, 'outputs')
  if (reply.kind === 'outputs') {
    for (const { output, file } of task.expected) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), reply.files.get(output)?.bytes ?? new Uint8Array())
    }
  }
  return { ...task, inputs, folder }
}

/** True if any step is on the GPU for the shapes of the task. */
async function runsOnDevice(model: Awaited<ReturnType<typeof load>>, task: Task): Promise<boolean> {
  const shapes = Object.fromEntries(task.inputs.map(({ name, file }) => [name, readNpy(new Uint8Array(readFileSync(file))).shape]))
  return model.placement({ shapes }).some(({ place }) => place === 'device')
}
