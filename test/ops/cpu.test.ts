import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arraySchemas } from '../../src/ops/schemas/arrays.ts'
import { elementwiseSchemas } from '../../src/ops/schemas/elementwise.ts'
import { functionSchemas } from '../../src/ops/schemas/functions.ts'
import { linearSchemas } from '../../src/ops/schemas/linear.ts'
import { otherReduceSchemas } from '../../src/ops/schemas/reduce-other.ts'
import { reduceSchemas } from '../../src/ops/schemas/reduce.ts'
import { tensorSchemas } from '../../src/ops/schemas/tensor.ts'
import { opKey } from '../../src/ops/kernel.ts'
import { cpu } from '../support/run-op.ts'
import { cases } from './cases.ts'
import { formulas, operatorSuite } from './suite.ts'

test('every operator of the tensor families has a formula and examples', () => {
  const keys = [...elementwiseSchemas, ...functionSchemas, ...reduceSchemas, ...otherReduceSchemas, ...linearSchemas, ...tensorSchemas, ...arraySchemas].map(({ domain, name }) => opKey(domain, name)).sort()
  assert.deepEqual([...formulas.keys()].sort(), keys)
  assert.deepEqual([...cases.keys()].sort(), keys)
})

operatorSuite(cpu)
