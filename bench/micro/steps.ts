// Where the time of a model goes: the steps of its plan on the wasm device by operator, who computes them, and what they take.
// node --import tsx bench/micro/steps.ts MODEL [--dim 8] [--shape x=1,3,224,224 ...] [--rounds 20] [--relaxed] [--list]
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { createWorkspace, instantiate, refresh, runInstance } from '../../src/graph/execute.ts'
import { planGraph } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { opKey, isView } from '../../src/ops/kernel.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import { isTensorType, type ValueType } from '../../src/ops/types.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dim: { type: 'string', default: '8' }, shape: { type: 'string', multiple: true, default: [] }, rounds: { type: 'string', default: '20' }, relaxed: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } },
})
const [path] = positionals
if (path === undefined) throw new RangeError('a path of a model is needed')
const dim = Number(values.dim)
const rounds = Number(values.rounds)
const source = path.endsWith('.mle') ? path : await importModel(readFileSync(path), { fileName: path })
const model = await load(source, { device: 'wasm', determinism: values.relaxed ? 'relaxed' : 'strict' })
const { graph, device } = model
const operators = await loadOperators(operatorKeys(graph))
const plan = planGraph(graph, graph.outputs.map(({ name }) => name), { ...operators, preferred: device.preferred, fuse: device.fuse, weights: device.weights, scratch: device.scratch })
const shapes = new Map(values.shape.map((spec): [string, number[]] => [spec.split('=')[0], spec.split('=')[1].split(',').filter((size) => size !== '').map(Number)]))
const types = graph.inputs.map(({ name, type }): ValueType => (isTensorType(type) ? { dtype: type.dtype, shape: shapes.get(name) ?? type.shape?.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? 1 : dim)) } : type))
const instance = instantiate(plan, createWorkspace(device.arena, device.weights), types, 'io')
for (const id of plan.inputs) {
  const view = instance.bound.frame[id]
  if (!isView(view)) continue
  const isFloating = view.dtype.startsWith('float')
  for (let i = 0; i < view.data.length; i++) view.data[i] = (isFloating ? Math.sin(i) : view.dtype.endsWith('64') && i % 2 === 1 ? 0 : 1) as never
}
for (let i = 0; i < 3; i++) runInstance(instance)
refresh(instance)
const { steps } = instance.bound
const best = steps.map(() => Infinity)
for (let round = 0; round < rounds; round++) {
  steps.forEach(({ kernel, inputs, outputs }, i) => {
    if (kernel === undefined) return
    const start = performance.now()
    kernel(inputs, outputs)
    best[i] = Math.min(best[i], performance.now() - start)
  })
}
const rows = new Map<string, { count: number; ms: number }>()
steps.forEach(({ kernel, step, inputs }, i) => {
  const where = kernel === undefined ? 'host' : kernel === step.cpuKernel ? 'cpu' : 'wasm'
  const key = `${where.padEnd(5)} ${opKey(step.node.domain, step.node.op)}${values.list ? ` ${inputs.map((view) => (view === undefined ? '-' : `[${view.shape.join()}]`)).join(' ')} ${step.node.name}` : ''}`
  const row = rows.get(key) ?? { count: 0, ms: 0 }
  rows.set(key, { count: row.count + 1, ms: row.ms + (best[i] === Infinity ? 0 : best[i]) })
})
const total = [...rows.values()].reduce((sum, { ms }) => sum + ms, 0)
console.log(`${basename(path)}: ${steps.length} steps, ${total.toFixed(3)} ms (least of ${rounds} rounds each), Node ${process.versions.node}`)
for (const [key, { count, ms }] of [...rows].sort((a, b) => b[1].ms - a[1].ms)) console.log(`${ms.toFixed(3).padStart(9)} ms ${String(count).padStart(4)} x ${key}`)
