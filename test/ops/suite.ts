// Every operator of the tensor families against its formula, on random shapes, values and attributes, through the planner and
// the executor. Written once for all backends: `operatorSuite(platform)` registers the tests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AttributeInput } from '../../src/graph/builder.ts'
import { elementwiseFormulas } from '../../src/ops/formula/elementwise.ts'
import type { Formula } from '../../src/ops/formula/formula.ts'
import { linearFormulas } from '../../src/ops/formula/linear.ts'
import { lossFormulas } from '../../src/ops/formula/losses.ts'
import { quantizeFormulas } from '../../src/ops/formula/quantize.ts'
import { reduceFormulas } from '../../src/ops/formula/reduce.ts'
import { signalFormulas } from '../../src/ops/formula/signal.ts'
import { tensorFormulas } from '../../src/ops/formula/tensor.ts'
import { schemaOf } from '../../src/ops/registry.ts'
import type { DType } from '../../src/tensor/dtype.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { opGraph, type OpInput, type Platform } from '../support/run-op.ts'
import { cases, type Example } from './cases.ts'
import { gridOf, mismatch } from './values.ts'

export const formulas: ReadonlyMap<string, Formula> = new Map([...elementwiseFormulas, ...reduceFormulas, ...linearFormulas, ...tensorFormulas])
/** Those of operators whose examples are in network-cases.ts. */
const networkFormulas: ReadonlyMap<string, Formula> = new Map([...lossFormulas, ...quantizeFormulas, ...signalFormulas])

export interface SuiteOptions {
  /** Leaves out operators that the backend does not have. */
  readonly only?: (key: string) => boolean
  /** Leaves out dtypes that the backend does not have. */
  readonly dtypes?: (dtype: DType) => boolean
  readonly runs?: number
}

/** Registers one test for each operator. */
export function operatorSuite(platform: Platform, { only = () => true, dtypes = () => true, runs = 120 }: SuiteOptions = {}): void {
  for (const [key, arbitrary] of cases) {
    if (!only(key)) continue
    test(`${platform.name}: ${key} is its formula`, async () => {
      await fc.assert(fc.asyncProperty(arbitrary(dtypes), (example) => checkExample(platform, key, example)), { numRuns: runs })
    })
  }
}

/** Runs an example on a platform and compares each output with the formula, within the schema's bound. */
export async function checkExample(platform: Platform, key: string, { inputs, attributes = {}, outputs = 1 }: Example): Promise<void> {
  const formula = formulas.get(key) ?? networkFormulas.get(key)
  assert.ok(formula, `${key} has no formula`)
  const graph = opGraph(key, inputs, attributes, outputs)
  const feeds = new Map(inputs.flatMap((input, i): [string, Tensor][] => (input === undefined || input.constant ? [] : [[`x${i}`, input.tensor]])))
  const expected = formula(inputs.map((input) => input && gridOf(input.tensor)), graph.nodes[0].attributes, outputs)
  const actual = await platform.run(graph, feeds)
  assert.equal(actual.length, outputs)
  actual.forEach((result, i) => {
    const wrong = mismatch(result, expected[i], schemaOf(key).bound)
    assert.equal(wrong, undefined, `${key} output ${i}: ${wrong}\n${describe(inputs, attributes)}`)
  })
}

function describe(inputs: readonly (OpInput | undefined)[], attributes: Readonly<Record<string, AttributeInput>>): string {
  const texts = inputs.map((input, i) => {
    if (input === undefined) return `x${i} left out`
    const { dtype, shape } = input.tensor
    return `x${i} ${input.constant ? 'constant ' : ''}${dtype} [${shape.join(', ')}] ${gridOf(input.tensor).items.slice(0, 40).map((item) => (Object.is(item, -0) ? '-0' : String(item))).join(' ')}`
  })
  return [...texts, ...Object.entries(attributes).map(([name, value]) => `${name}: ${String(value)}`)].join('\n')
}

