// Every schema at once, for importers, tools and tests. The runtime itself loads packs (packs.ts).
import { MleError } from '../error.ts'
import { opKey } from './kernel.ts'
import type { OpSchema } from './schema.ts'
import { classicalSchemas } from './schemas/classical.ts'
import { controlSchemas } from './schemas/control.ts'
import { textSchemas } from './schemas/text.ts'

const ALL: ReadonlyMap<string, OpSchema> = /* @__PURE__ */ new Map(
  [...classicalSchemas, ...controlSchemas, ...textSchemas].map((schema) => [opKey(schema.domain, schema.name), schema]),
)

/** Every schema by operator key. */
export function allSchemas(): ReadonlyMap<string, OpSchema> {
  return ALL
}

/** The schema of an operator key such as 'Gemm' or 'mle.TreeEnsemble'; throws GRAPH_OPERATOR. */
export function schemaOf(key: string): OpSchema {
  const schema = ALL.get(key)
  if (schema === undefined) throw new MleError('GRAPH_OPERATOR', `operator ${key} is not known to this version of mle-runtime`, { actual: key })
  return schema
}
