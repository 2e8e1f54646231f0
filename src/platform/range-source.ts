// A file on a server, read by ranges (RFC 9110, section 14). The server is not trusted: whatever it says is checked, and who reads by
// ranges checks the SHA-256 of what comes.
import { MleError } from '../error.ts'
import type { Source } from './source.ts'
import { streamSource } from './stream-source.ts'

const FIRST_RANGE_BYTES = 65536

export interface RangeAnswer {
  /** Set when the server sent the whole file instead. */
  readonly response?: Response
  readonly source?: Source
}

/**
 * Asks for the beginning of a file.
 *
 * @returns a source, or the response of a server that does not know ranges and sent everything
 * @throws MleError SOURCE_HTTP, SOURCE_READ, SOURCE_CHANGED; what `checkLimit` throws for a file of too many bytes
 */
export async function openRanges(url: string | URL, name: string, checkLimit: (byteLength: number) => void): Promise<RangeAnswer> {
  const response = await ask(url, name, 0, FIRST_RANGE_BYTES, undefined)
  if (response.status !== 206) return { response }
  const total = /^bytes \d+-\d+\/(\d{1,15})$/.exec(response.headers.get('content-range') ?? '')
  if (total === null) throw wrong(name, `the answer to a range has the Content-Range ${response.headers.get('content-range') ?? '(none)'}, which does not tell the size of the file`)
  const byteLength = Number(total[1])
  checkLimit(byteLength)
  const etag = response.headers.get('etag') ?? ''
  const file: RemoteFile = { url, name, byteLength, etag: /^"[^"]*"$/.test(etag) ? etag : undefined }
  checkPartial(response, file, 0, Math.min(FIRST_RANGE_BYTES, byteLength))
  const head = new Uint8Array(Math.min(FIRST_RANGE_BYTES, byteLength))
  await fill(response, file, head)
  return { source: rangeSource(file, head) }
}

interface RemoteFile {
  readonly url: string | URL
  readonly name: string
  readonly byteLength: number
  /** Strong validators only: a weak one says nothing of bytes. */
  readonly etag: string | undefined
}

const wrong = (name: string, what: string): MleError => new MleError('SOURCE_HTTP', `${name}: ${what}`)
const changed = (name: string): MleError => new MleError('SOURCE_CHANGED', `${name} changed on the server while it was read: load it again`)

async function ask(url: string | URL, name: string, offset: number, length: number, etag: string | undefined): Promise<Response> {
  const headers: Record<string, string> = { Range: `bytes=${offset}-${offset + length - 1}`, 'Accept-Encoding': 'identity' }
  if (etag !== undefined) headers['If-Range'] = etag
  try {
    return await fetch(url, { headers })
  } catch (error) {
    throw new MleError('SOURCE_HTTP', `${name} cannot be fetched: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The headers of a 206 must be those of exactly this range of this file, unencoded. */
function checkPartial({ headers }: Response, { name, byteLength, etag }: RemoteFile, offset: number, length: number): void {
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') throw wrong(name, `the answer to a range has the Content-Encoding ${encoding}: ranges are of the file as it is`)
  const range = headers.get('content-range')
  const expected = `bytes ${offset}-${offset + length - 1}/${byteLength}`
  const total = /\/(\d+)$/.exec(range ?? '')
  if (total !== null && Number(total[1]) !== byteLength) throw changed(name)
  if (range !== expected) throw wrong(name, `the answer to a range has the Content-Range ${range ?? '(none)'}, expected ${expected}`)
  const own = headers.get('etag')
  if (etag !== undefined && own !== null && own !== etag) throw changed(name)
}

/** Fills `target` with the body, which must have exactly as many bytes. */
async function fill(response: Response, { name }: RemoteFile, target: Uint8Array): Promise<void> {
  if (response.body === null) throw new MleError('SOURCE_READ', `${name}: an answer without a body`)
  const body = streamSource(response.body, target.byteLength, name)
  try {
    await body.readInto(0, target)
  } finally {
    await body.close()
  }
}

function rangeSource(file: RemoteFile, head: Uint8Array): Source {
  const { name, byteLength } = file
  /** A longer range on its way, and where it lies in the file. */
  let coming: { readonly source: Source; readonly start: number; readonly end: number } | undefined

  const request = async (offset: number, length: number): Promise<Source> => {
    const response = await ask(file.url, name, offset, length, file.etag)
    const { body, status } = response
    if (body === null) throw new MleError('SOURCE_READ', `${name}: an answer without a body`)
    try {
      if (status === 200) return wholeFile(response, body, file, offset, length)
      // The file became shorter than it was.
      if (status === 416) throw changed(name)
      if (status !== 206) throw wrong(name, `status ${status} for a range, expected 206`)
      checkPartial(response, file, offset, length)
    } catch (error) {
      await body.cancel().catch(() => undefined)
      throw error
    }
    return streamSource(body, length, name)
  }
  const readInto = async (offset: number, target: Uint8Array): Promise<void> => {
    const end = offset + target.byteLength
    if (!Number.isSafeInteger(offset) || offset < 0 || end > byteLength) throw new MleError('SOURCE_RANGE', `bytes ${offset} to ${end} were asked of content of ${byteLength} bytes`, { offset, expected: byteLength, actual: end })
    if (end <= head.byteLength) return target.set(head.subarray(offset, end))
    if (target.byteLength === 0) return
    if (coming !== undefined && offset >= coming.start && end <= coming.end) return coming.source.readInto(offset - coming.start, target)
    const body = await request(offset, target.byteLength)
    try {
      await body.readInto(0, target)
    } finally {
      await body.close()
    }
  }
  const close = async (): Promise<void> => {
    await coming?.source.close()
    coming = undefined
  }
  return {
    byteLength,
    name,
    async read(offset, length) {
      if (!Number.isSafeInteger(length) || length < 0 || offset + length > byteLength) throw new MleError('SOURCE_RANGE', `bytes ${offset} to ${offset + length} were asked of content of ${byteLength} bytes`, { offset, expected: byteLength, actual: offset + length })
      const target = new Uint8Array(length)
      await readInto(offset, target)
      return target
    },
    readInto,
    async expect(offset, length) {
      await close()
      if (length > 0 && offset + length > head.byteLength) coming = { source: await request(offset, length), start: offset, end: offset + length }
    },
    close,
  }
}

/** A 200 for a range: the server forgot how, or the file is another by now. Only a strong ETag can tell that it is the same. */
function wholeFile(response: Response, body: ReadableStream<Uint8Array>, { name, byteLength, etag }: RemoteFile, offset: number, length: number): Source {
  if (etag === undefined || response.headers.get('etag') !== etag || response.headers.get('content-encoding') !== null) throw changed(name)
  const whole = streamSource(body, byteLength, name)
  return {
    byteLength: length,
    read: (from, size) => whole.read(offset + from, size),
    readInto: (from, target) => whole.readInto(offset + from, target),
    close: () => whole.close(),
  }
}
