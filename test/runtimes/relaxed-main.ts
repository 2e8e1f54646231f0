// What an engine with fused multiply-add computes with determinism 'relaxed': layers, and all vectors by their judge.
import { writeFileSync } from 'node:fs'
import { runFiles } from '../../conformance/adapters/engine.ts'
import { judge } from '../../conformance/runner/judge.ts'
import { faultText } from '../../conformance/runner/report.ts'
import { readIndex, readTask } from '../../conformance/runner/vectors.ts'
import { hasRelaxedSimd } from '../../src/ops/wasm/relaxed.ts'
import { checkLayers, LAYER_OPERATORS } from './relaxed-layers.ts'

/** What the test reads. */
export interface RelaxedReport {
  readonly hasRelaxedSimd: boolean
  readonly faults: readonly string[]
  readonly operators: readonly string[]
  /** Operators of layers whose bits are not those of the strict build. */
  readonly different: readonly string[]
}

const [root, out] = process.argv.slice(2)
const { faults, different } = await checkLayers()
const unfit: string[] = []
for (const vector of readIndex(root)) {
  // Refusals and keys are other matters.
  if (!['operators', 'onnx', 'graphs', 'models'].includes(vector.area)) continue
  const task = readTask(root, vector)
  const fault = judge(task, await runFiles({ ...task, integrity: task.integrity ?? 'crc32' }, 'wasm', { determinism: 'relaxed' }))
  if (fault !== undefined) unfit.push(`${vector.path}: ${faultText(fault)}`)
}
const report: RelaxedReport = { hasRelaxedSimd: hasRelaxedSimd(), faults: [...faults, ...unfit], operators: LAYER_OPERATORS, different }
writeFileSync(out, JSON.stringify(report))
