// A file's prefix alone.
import type { Source } from '../platform/source.ts'
import { limitsOf } from './limits.ts'
import { parsePrefix, prefixLength } from './prefix.ts'
import type { Container, ReadOptions } from './types.ts'

/**
 * Reads header and section table: enough for `rootOf` and for verification. No JSON is parsed, no section is read.
 *
 * @param source bytes in memory, or an open source
 * @throws MleError with a code of docs/format.md, sections 1 to 3
 */
export async function open(source: Uint8Array | Source, options: Pick<ReadOptions, 'limits'> = {}): Promise<Container> {
  const limits = limitsOf(options.limits)
  if (source instanceof Uint8Array) return parsePrefix(source, source.byteLength, limits)
  const header = await source.read(0, Math.min(64, source.byteLength))
  const prefix = await source.read(0, Math.min(prefixLength(header, limits), source.byteLength))
  return parsePrefix(prefix, source.byteLength, limits)
}
