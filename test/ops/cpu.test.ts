import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arraySchemas } from '../../src/ops/schemas/arrays.ts'
import { elementwiseSchemas } from '../../src/ops/schemas/elementwise.ts'
import { foldSchemas } from '../../src/ops/schemas/folds.ts'
import { functionSchemas } from '../../src/ops/schemas/functions.ts'
import { layoutSchemas } from '../../src/ops/schemas/layout.ts'
import { linearSchemas } from '../../src/ops/schemas/linear.ts'
import { matMulSchemas } from '../../src/ops/schemas/matmul.ts'
import { otherReduceSchemas } from '../../src/ops/schemas/reduce-other.ts'
import { reduceSchemas } from '../../src/ops/schemas/reduce.ts'
import { tensorSchemas } from '../../src/ops/schemas/tensor.ts'
import { opKey } from '../../src/ops/kernel.ts'
import { cpu } from '../support/run-op.ts'
import { cases } from './cases.ts'
import { formulas, operatorSuite } from './suite.ts'

test('every operator of the tensor families has a formula and examples', () => {
  const families = [elementwiseSchemas, foldSchemas, functionSchemas, reduceSchemas, otherReduceSchemas, linearSchemas, matMulSchemas, tensorSchemas, layoutSchemas, arraySchemas]
  const keys = families.flat().map(({ domain, name }) => opKey(domain, name)).sort()
  assert.deepEqual([...formulas.keys()].sort(), keys)
  assert.deepEqual([...cases.keys()].sort(), keys)
})

operatorSuite(cpu)
