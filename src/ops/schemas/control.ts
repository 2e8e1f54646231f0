// Control flow, sequences and optionals.
import type { OpSchema } from '../schema.ts'

export const controlSchemas: readonly OpSchema[] = []
