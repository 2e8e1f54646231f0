// Operators that classical models lower to.
import type { OpSchema } from '../schema.ts'
import { tensorSchemas } from './tensor.ts'

export const classicalSchemas: readonly OpSchema[] = [...tensorSchemas]
