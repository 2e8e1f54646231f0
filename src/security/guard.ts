// Trust and keys as the reader takes them.
import type { Guard } from '../format/types.ts'
import { unlock, type Unlocking } from './envelope.ts'
import { checkContent, checkModel, checkedSigners, type TrustPolicy } from './policy.ts'
import { verifySignatures } from './verify.ts'

export interface GuardOptions extends Unlocking {
  /** Only files that satisfy this policy are used. */
  readonly verify?: TrustPolicy
}

/**
 * A guard for `read` and `inspect` of mle-runtime/format.
 *
 * @example const graph = await read('model.mle', { guard: guardOf({ verify: { signers: pem } }) })
 */
export function guardOf(options: GuardOptions): Guard {
  const { verify: policy } = options
  const locks: Guard = { unlock: options.key === undefined && options.passphrase === undefined ? undefined : (header) => unlock(header, options) }
  if (policy === undefined) return locks
  checkedSigners(policy)
  return {
    ...locks,
    checkSignatures: async (container, block) => void (await verifySignatures(container, block, policy)),
    checkMetadata: (metadata) => checkModel(policy, metadata),
    checkGraph: (graph, codecs) => checkContent(policy, graph, codecs),
  }
}
