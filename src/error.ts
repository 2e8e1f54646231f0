// The one error type for bad data. Caller mistakes (wrong argument type or value) are TypeError and RangeError instead.

/** What a file, a graph or an input did wrong, in a form a program can act on. */
export interface MleErrorDetail {
  /** Part of the file or graph: a section name, `node 12 "Conv"`, `input X`. */
  readonly section?: string
  /** Byte offset in the source, where there is one. */
  readonly offset?: number
  readonly expected?: string | number
  readonly actual?: string | number
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
    super(message)
    this.name = 'MleError'
    this.code = code
    this.section = detail.section
    this.offset = detail.offset
    this.expected = detail.expected
    this.actual = detail.actual
  }
}
