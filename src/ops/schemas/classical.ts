// Operators that classical models lower to.
import type { OpSchema } from '../schema.ts'
import { labelSchemas } from './labels.ts'
import { preprocessSchemas } from './preprocess.ts'
import { tensorSchemas } from './tensor.ts'
import { treeSchemas } from './trees.ts'

export const classicalSchemas: readonly OpSchema[] = [...tensorSchemas, ...treeSchemas, ...labelSchemas, ...preprocessSchemas]
