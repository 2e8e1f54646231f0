// Operators on random shapes, values and attributes: webgpu against the formula, within the schema's bound. Numbers below 2^-126 are taken for zero.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { schemaOf } from '../../src/ops/registry.ts'
import { gpuKernels } from '../../src/ops/webgpu/index.ts'
import type { DType } from '../../src/tensor/dtype.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { cases, type Example } from '../ops/cases.ts'
import { formulas } from '../ops/suite.ts'
import { gridOf, mismatch } from '../ops/values.ts'
import { opGraph } from '../support/run-op.ts'
import { gpuTest, SMALLEST_NORMAL, webgpu, withoutSubnormals } from '../support/gpu.ts'

const RUNS = 8
const DTYPES: ReadonlySet<DType> = new Set<DType>(['float32', 'int32', 'uint32', 'bool', 'int64'])
/** Draws are numbers, so each test counts its examples. */
let examples = 0

for (const [key, arbitrary] of cases) {
  if (!gpuKernels.has(key)) continue
  gpuTest(`${key} is its formula`, async (_gpu, t) => {
    const before = examples
    await fc.assert(fc.asyncProperty(arbitrary((dtype) => DTYPES.has(dtype)), (example) => check(key, example)), { numRuns: RUNS })
    t.diagnostic(`${examples - before} examples`)
  })
}

async function check(key: string, { inputs, attributes = {}, outputs = 1 }: Example): Promise<void> {
  const formula = formulas.get(key)
  assert.ok(formula)
  const given = inputs.map((input) => input && { ...input, tensor: withoutSubnormals(input.tensor) })
  const graph = opGraph(key, given, attributes, outputs)
  const feeds = new Map(given.flatMap((input, i): [string, Tensor][] => (input === undefined || input.constant ? [] : [[`x${i}`, input.tensor]])))
  const expected = formula(given.map((input) => input && gridOf(input.tensor)), graph.nodes[0].attributes, outputs)
  const { bound } = schemaOf(key)
  const actual = await webgpu.run(graph, feeds)
  actual.forEach((result, i) => {
    const wrong = mismatch(result, expected[i], (eps, reference, magnitude) => bound(eps, reference, magnitude) + (result.dtype === 'float32' ? SMALLEST_NORMAL : 0))
    if (wrong !== undefined) assert.fail(`${key} output ${i}: ${wrong} for ${given.map((input) => input && `${input.tensor.dtype} [${input.tensor.shape}] ${gridOf(input.tensor).items.slice(0, 20)}`).join('; ')}`)
  })
  examples++
}
