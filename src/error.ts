// The one error type for bad data. Caller mistakes (wrong argument type or value) are TypeError and RangeError instead.

/** What a file, a graph or an input did wrong, in a form a program can act on. */
export interface MleErrorDetail {
  /** Part of the file or graph: a section name, `node 12 "Conv"`, `input X`. */
  readonly section?: string
  /** Byte offset in the source, where there is one. */
  readonly offset?: number
  readonly expected?: string | number
  readonly actual?: string | number
  /** What went wrong below. */
  readonly cause?: unknown
}

/**
 * Thrown for every fault of the data: files, graphs, inputs and limits.
 *
 * `code` is stable and documented in docs/errors.md; the message says what, where, what was found and what to do.
 *
 * @example
 * try { await load(bytes) } catch (error) { if (error instanceof MleError && error.code === 'FORMAT_MAGIC') retry() }
 */
export class MleError extends Error {
  readonly code: string
  readonly section?: string
  readonly offset?: number
  readonly expected?: string | number
  readonly actual?: string | number

  constructor(code: string, message: string, detail: MleErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'MleError'
    this.code = code
    this.section = detail.section
    this.offset = detail.offset
    this.expected = detail.expected
    this.actual = detail.actual
  }
}

/** How engines say that an array, a text or a memory is larger than they can make. */
const NO_MEMORY = /^(Range|Internal)?Error: .*(alloc|out of memory|invalid .*length|maximum .*size exceeded$)/i

/** The host's refusal of memory as MEMORY_LIMIT; anything else as it is. */
export function asMemoryLimit(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MleError || !NO_MEMORY.test(`${error.name}: ${error.message}`) || /call stack/.test(error.message)) return error
  return new MleError('MEMORY_LIMIT', `the host has not the memory that this takes (${error.message}); use smaller inputs or batches`, { cause: error })
}
