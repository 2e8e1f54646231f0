// What one must know of an operator to write a node.
import { MleError } from '../error.ts'
import { opKey } from './kernel.ts'
import type { AttributeSchema, OpSchema, OutputSchema } from './schema.ts'
import { SIGNATURES } from './signature-table.ts'

export interface Signature extends Pick<OpSchema, 'name' | 'domain' | 'version'> {
  readonly attributes: readonly Pick<AttributeSchema, 'name' | 'kind'>[]
  readonly outputs: readonly Pick<OutputSchema, 'name'>[]
}

const BY_KEY: ReadonlyMap<string, Signature> = /* @__PURE__ */ new Map(SIGNATURES.map((signature) => [opKey(signature.domain, signature.name), signature]))

/** The signature of an operator key such as 'Gemm' or 'mle.TreeEnsemble'; throws GRAPH_OPERATOR. */
export function signatureOf(key: string): Signature {
  const signature = BY_KEY.get(key)
  if (signature === undefined) throw new MleError('GRAPH_OPERATOR', `operator ${key} is not known to this version of mle-runtime`, { actual: key })
  return signature
}
