// Operators that classical models lower to.
import type { OpSchema } from '../schema.ts'
import { combineSchemas } from './combine.ts'
import { distanceSchemas } from './distances.ts'
import { elementwiseSchemas } from './elementwise.ts'
import { exactSchemas } from './exact.ts'
import { labelSchemas } from './labels.ts'
import { linearSchemas } from './linear.ts'
import { preprocessSchemas } from './preprocess.ts'
import { reduceSchemas } from './reduce.ts'
import { requireSchemas } from './require.ts'
import { svmSchemas } from './svm.ts'
import { tensorSchemas } from './tensor.ts'
import { treeSchemas } from './trees.ts'

export const classicalSchemas: readonly OpSchema[] = [
  ...elementwiseSchemas,
  ...reduceSchemas,
  ...linearSchemas,
  ...tensorSchemas,
  ...treeSchemas,
  ...labelSchemas,
  ...preprocessSchemas,
  ...distanceSchemas,
  ...svmSchemas,
  ...combineSchemas,
  ...exactSchemas,
  ...elementwiseSchemas, ...reduceSchemas, ...linearSchemas, ...tensorSchemas, ...treeSchemas, ...labelSchemas, ...preprocessSchemas,
  ...distanceSchemas, ...svmSchemas, ...requireSchemas,
]
