// A response whose bytes are used while they arrive.
import { MleError } from '../error.ts'
import type { Source } from './source.ts'

/**
 * A source over a body of `byteLength` bytes. Reads go forward: bytes before the start of the last `readInto` are forgotten, and so are
 * those before the start of a `read` beyond the first 64 KiB.
 */
export function streamSource(body: ReadableStream<Uint8Array>, byteLength: number, name: string | undefined): Source {
  const reader = body.getReader()
  /** Bytes from `start` on that arrived and may be read again. */
  let held: Uint8Array[] = []
  let start = 0
  let end = 0
  let ended = false
  const fail = (what: string, offset: number): MleError => new MleError('SOURCE_READ', `${name ?? 'the response'}: ${what}`, { offset, expected: byteLength, actual: end })

  const arrive = async (until: number): Promise<void> => {
    while (end < until) {
      let part: ReadableStreamReadResult<Uint8Array>
      try {
        part = await reader.read()
      } catch (error) {
        throw fail(`the connection broke at byte ${end}: ${error instanceof Error ? error.message : String(error)}`, end)
      }
      if (part.done) throw fail(`ended at byte ${end}, ${byteLength} were announced`, end)
      held.push(part.value)
      end += part.value.byteLength
      if (end > byteLength) throw fail(`more bytes than the ${byteLength} that were announced`, end)
    }
  }
  const expectEnd = async (): Promise<void> => {
    while (!ended && end === byteLength) {
      const part = await reader.read()
      if (part.done) ended = true
      else end += part.value.byteLength
    }
    if (end > byteLength) throw fail(`more bytes than the ${byteLength} that were announced`, byteLength)
  }
  const forget = (before: number): void => {
    while (held.length > 0 && start + held[0].byteLength <= before) {
      start += held[0].byteLength
      held = held.slice(1)
    }
  }
  const readInto = async (offset: number, target: Uint8Array): Promise<void> => {
    if (offset < start || offset + target.byteLength > byteLength) throw new MleError('SOURCE_RANGE', `bytes ${offset} to ${offset + target.byteLength} are gone or never come`, { offset, expected: byteLength, actual: offset + target.byteLength })
    let at = offset
    const stop = offset + target.byteLength
    while (at < stop) {
      await arrive(at + 1)
      forget(at)
      const from = at - start
      const piece = held[0].subarray(from, from + stop - at)
      target.set(piece, at - offset)
      at += piece.byteLength
    }
    if (stop === byteLength) await expectEnd()
  }
  return {
    byteLength,
    name,
    sequential: true,
    async read(offset, length) {
      const target = new Uint8Array(length)
      if (offset > 0) {
        await readInto(offset, target)
        return target
      }
      // The beginning is read before its length is known, and again.
      await arrive(length)
      let at = 0
      for (const part of held) {
        const piece = part.subarray(0, length - at)
        target.set(piece, at)
        at += piece.byteLength
        if (at === length) break
      }
      return target
    },
    readInto,
    async close() {
      if (!ended) await reader.cancel().catch(() => undefined)
      ended = true
    },
  }
}
