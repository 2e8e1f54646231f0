// What a reader accepts at most; with them those of runs, which `load` takes too. Each limit is far above any real model and stops a small file from costing
// much memory or time; a caller may lower (or raise) them one by one. Reaching one throws FORMAT_LIMIT.
import { RUN_LIMITS, type RunLimits } from '../graph/run-limits.ts'

export interface Limits extends RunLimits {
  /** Bytes of a file, and bytes of its decoded weights (CWE-789, CWE-409). An arena of 32-bit offsets ends at 4 GiB. */
  readonly maxBytes: number
  /** Bytes of each JSON section (CWE-770). The graphs of the largest public networks take a few MiB. */
  readonly maxJsonBytes: number
  /** Values in each JSON section (CWE-770): a value costs the engine up to 100 bytes, far more than the text `[],`. A node takes about 20. */
  readonly maxJsonValues: number
  /** Nesting of arrays and records in JSON (CWE-674). The schemas need 7 and one or two for each level of a value's type. */
  readonly maxDepth: number
  /** Nesting of subgraphs (CWE-674): If in Loop in If is rare already. */
  readonly maxSubgraphDepth: number
  /** Entries of the section table (CWE-770): four are known, the rest are later additions. */
  readonly maxSections: number
  /** Bytes of the signature block and of the encryption section (CWE-770): a signature or recipient takes about 200. */
  readonly maxSignatureBytes: number
  /** Entries of the tensor table (CWE-770). Large networks hold some ten thousand constants. */
  readonly maxTensors: number
  /** Nodes, those of subgraphs included (CWE-770). */
  readonly maxNodes: number
  /** Dimensions of a tensor (CWE-400): numpy stops at 64, kernels at far less. */
  readonly maxRank: number
  /** Decoded bytes per stored byte of compressed weights, beyond the first 16 MiB (CWE-409): LZ4 cannot pass 255. */
  readonly maxExpansion: number
}

export const DEFAULT_LIMITS: Limits = {
  ...RUN_LIMITS,
  maxBytes: 4294967296,
  maxJsonBytes: 67108864,
  maxJsonValues: 1048576,
  maxDepth: 32,
  maxSubgraphDepth: 16,
  maxSections: 64,
  maxSignatureBytes: 1048576,
  maxTensors: 65536,
  maxNodes: 65536,
  maxRank: 32,
  maxExpansion: 256,
}

/** The defaults with the caller's changes. Throws RangeError for a limit that is no count, TypeError for an unknown name. */
export function limitsOf(changes: Partial<Limits> | undefined): Limits {
  if (changes === undefined) return DEFAULT_LIMITS
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new TypeError(`unknown limit ${name}; known are ${Object.keys(DEFAULT_LIMITS).join(', ')}`)
    if (value !== undefined && !(value >= 0)) throw new RangeError(`limit ${name} is ${value}, expected a number of at least 0`)
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  return { ...DEFAULT_LIMITS, ...given }
}
