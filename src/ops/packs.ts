// Which operators are loaded together, and how a pack is fetched. A page that runs a forest ships no convolution.
import { MleError } from '../error.ts'
import { opKey, type KernelTable } from './kernel.ts'
import type { OpSchema, PackName } from './schema.ts'

/** The schemas of a pack and their kernels on the portable cpu backend. */
export interface Pack {
  readonly schemas: readonly OpSchema[]
  readonly cpu: KernelTable
}

/** Schemas and kernels of the packs that are loaded, by operator key. */
export interface OperatorSet {
  readonly schemas: ReadonlyMap<string, OpSchema>
  readonly cpu: KernelTable
}

const LOADERS: ReadonlyMap<PackName, () => Promise<Pack>> = /* @__PURE__ */ new Map<PackName, () => Promise<Pack>>([
  ['classical', async () => (await import('./packs/classical.ts')).pack],
  ['text', async () => (await import('./packs/text.ts')).pack],
  ['control', async () => (await import('./packs/control.ts')).pack],
])

const loaded = /* @__PURE__ */ new Map<PackName, Pack>()

/**
 * Loads packs in order until every named operator is found. Most graphs need only the first.
 *
 * @throws MleError GRAPH_OPERATOR naming the first operator that no pack has
 */
export async function loadOperators(keys: Iterable<string>): Promise<OperatorSet> {
  const missing = new Set(keys)
  const schemas = new Map<string, OpSchema>()
  const cpu = new Map<string, KernelTable extends ReadonlyMap<string, infer E> ? E : never>()
  for (const [name, fetch] of LOADERS) {
    if (missing.size === 0) break
    let pack = loaded.get(name)
    if (pack === undefined) {
      pack = await fetch()
      loaded.set(name, pack)
    }
    for (const schema of pack.schemas) {
      const key = opKey(schema.domain, schema.name)
      schemas.set(key, schema)
      missing.delete(key)
    }
    for (const [key, kernel] of pack.cpu) cpu.set(key, kernel)
  }
  for (const key of missing) {
    throw new MleError('GRAPH_OPERATOR', `operator ${key} is not known to this version of mle-runtime`, { actual: key })
  }
  return { schemas, cpu }
}
