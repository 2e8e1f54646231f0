// One way to read bytes from wherever a caller has them: a path, a URL, a request, a blob, or memory.
import { MleError } from '../error.ts'
import { hostFs, type HostFs } from './host.ts'

/** What `load`, `read` and `inspect` accept. */
export type SourceInput = string | URL | Request | Response | Blob | ArrayBuffer | Uint8Array

/** Random access to bytes that do not change while it is open. */
export interface Source {
  readonly byteLength: number
  /** File name or URL, for messages and for telling foreign formats apart. */
  readonly name?: string
  /** The whole content where it is already in memory. */
  readonly bytes?: Uint8Array
  /** Arrives over the network: reads must not go back beyond what the last one took. */
  readonly sequential?: boolean
  /** A copy or view of `length` bytes. Throws SOURCE_RANGE outside the content, SOURCE_READ when the host gives less. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Fills `target` with the bytes from `offset` on. */
  readInto(offset: number, target: Uint8Array): Promise<void>
  /** Says that this range is read next, in order: it may come with one request. */
  expect?(offset: number, length: number): Promise<void>
  close(): Promise<void>
}

export interface SourceOptions {
  /** Content that is longer throws SOURCE_LIMIT before it is read. */
  readonly maxBytes?: number
  /** Over http, fetch only the ranges that are read. Costs a round trip each; falls back where the server sends everything. */
  readonly ranges?: boolean
  /** Over http, give bytes while the rest is still on its way: a sequential source where the response is large and says its length. */
  readonly stream?: boolean
}

/**
 * Opens bytes for reading. A string is an http(s) or file URL; else a path on Node, Deno and Bun, else a URL relative to the page.
 *
 * @throws MleError SOURCE_NOT_FOUND, SOURCE_READ, SOURCE_HTTP, SOURCE_LIMIT
 * @throws TypeError for anything that is no SourceInput
 * @example const source = await openSource('model.mle'); const magic = await source.read(0, 4)
 */
export async function openSource(input: SourceInput, options: SourceOptions = {}): Promise<Source> {
  if (input instanceof Uint8Array) return memorySource(input, undefined, options)
  if (isBuffer(input)) return memorySource(new Uint8Array(input), undefined, options)
  if (typeof input === 'string' || input instanceof URL) {
    const url = urlOf(input)
    if (url !== undefined && url.protocol !== 'file:') return fetchSource(url, url.href, options)
    const fs = hostFs()
    if (fs !== undefined) return fileSource(fs, url ?? input, options)
    return fetchSource(input, String(input), options)
  }
  if (typeof Blob !== 'undefined' && input instanceof Blob) return blobSource(input, options)
  if (typeof Response !== 'undefined' && input instanceof Response) return responseSource(input, input.url, options)
  if (typeof Request !== 'undefined' && input instanceof Request) return fetchSource(input, input.url, options)
  throw new TypeError('expected a path, URL, Request, Response, Blob, ArrayBuffer or Uint8Array')
}

function isBuffer(input: unknown): input is ArrayBuffer {
  return input instanceof ArrayBuffer || (typeof SharedArrayBuffer !== 'undefined' && input instanceof SharedArrayBuffer)
}

/** A string counts as a URL only with one of these schemes: C:\model.mle is a path. */
function urlOf(input: string | URL): URL | undefined {
  if (typeof input !== 'string') return input
  return /^(https?|file|blob|data):/i.test(input) ? new URL(input) : undefined
}

function checkRange(offset: number, length: number, byteLength: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > byteLength) {
    throw new MleError('SOURCE_RANGE', `bytes ${offset} to ${offset + length} were asked of content of ${byteLength} bytes`, {
      offset, expected: byteLength, actual: offset + length,
    })
  }
}

function checkLimit(byteLength: number, maxBytes: number | undefined, name: string | undefined): void {
  if (maxBytes !== undefined && byteLength > maxBytes) {
    throw new MleError('SOURCE_LIMIT', `${name ?? 'the content'} has ${byteLength} bytes, more than the limit of ${maxBytes}`, { expected: maxBytes, actual: byteLength })
  }
}

function memorySource(bytes: Uint8Array, name: string | undefined, options: SourceOptions): Source {
  checkLimit(bytes.byteLength, options.maxBytes, name)
  return {
    byteLength: bytes.byteLength,
    name,
    bytes,
    read: async (offset, length) => {
      checkRange(offset, length, bytes.byteLength)
      return bytes.subarray(offset, offset + length)
    },
    readInto: async (offset, target) => {
      checkRange(offset, target.byteLength, bytes.byteLength)
      target.set(bytes.subarray(offset, offset + target.byteLength))
    },
    close: async () => {},
  }
}

// Up to this size a blocking read is faster than the thread pool's round trip (about 0.1 ms) and too short to notice.
const SYNC_READ_BYTES = 1 << 20
// One asynchronous read: below the 2 GiB that the hosts accept, long enough that its overhead vanishes.
const ASYNC_READ_BYTES = 64 << 20

function fileSource(fs: HostFs, path: string | URL, options: SourceOptions): Source {
  const name = path instanceof URL ? path.href : path
  let descriptor: number
  try {
    descriptor = fs.openSync(path, 'r')
  } catch (error) {
    throw fileError(name, error)
  }
  let open = true
  const close = async (): Promise<void> => {
    if (open) fs.closeSync(descriptor)
    open = false
  }
  try {
    const stat = fs.fstatSync(descriptor)
    if (!stat.isFile()) throw new MleError('SOURCE_READ', `${name} is not a regular file`)
    const byteLength = stat.size
    checkLimit(byteLength, options.maxBytes, name)
    const readInto = async (offset: number, target: Uint8Array): Promise<void> => {
      checkRange(offset, target.byteLength, byteLength)
      for (let done = 0; done < target.byteLength; ) {
        const left = target.byteLength - done
        const count = left <= SYNC_READ_BYTES
          ? fs.readSync(descriptor, target, done, left, offset + done)
          : await readAsync(fs, descriptor, target, done, Math.min(left, ASYNC_READ_BYTES), offset + done, name)
        if (count === 0) throw new MleError('SOURCE_READ', `${name} ended at byte ${offset + done}: it became shorter while it was read`, { offset: offset + done })
        done += count
      }
    }
    return {
      byteLength,
      name,
      readInto,
      read: async (offset, length) => {
        checkRange(offset, length, byteLength)
        const target = new Uint8Array(length)
        await readInto(offset, target)
        return target
      },
      close,
    }
  } catch (error) {
    fs.closeSync(descriptor)
    throw error
  }
}

function readAsync(fs: HostFs, descriptor: number, target: Uint8Array, start: number, length: number, position: number, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, target, start, length, position, (error, count) => (error === null || error === undefined ? resolve(count) : reject(fileError(name, error))))
  })
}

function fileError(name: string, error: unknown): MleError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT') return new MleError('SOURCE_NOT_FOUND', `${name} does not exist`)
  return new MleError('SOURCE_READ', `${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
}

function blobSource(blob: Blob, options: SourceOptions): Source {
  checkLimit(blob.size, options.maxBytes, undefined)
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    checkRange(offset, length, blob.size)
    const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
    if (bytes.byteLength !== length) throw new MleError('SOURCE_READ', `the blob gave ${bytes.byteLength} of ${length} bytes`, { offset, expected: length, actual: bytes.byteLength })
    return bytes
  }
  return {
    byteLength: blob.size,
    name: 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined,
    read,
    readInto: async (offset, target) => target.set(await read(offset, target.byteLength)),
    close: async () => {},
  }
}

async function fetchSource(input: string | URL | Request, name: string, options: SourceOptions): Promise<Source> {
  if (options.ranges !== true || (typeof input !== 'string' && !(input instanceof URL))) return responseSource(await fetchChecked(input, name), name, options)
  const { openRanges } = await import('./range-source.ts')
  const { response, source } = await openRanges(input, name, (byteLength) => checkLimit(byteLength, options.maxBytes, name))
  return source ?? responseSource(response ?? Response.error(), name, options)
}

async function fetchChecked(input: string | URL | Request, name: string): Promise<Response> {
  try {
    return await fetch(input)
  } catch (error) {
    throw new MleError('SOURCE_HTTP', `${name} cannot be fetched: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Shorter responses are there before much of them could be used. */
const STREAM_BYTES = 1048576

async function responseSource(response: Response, name: string, options: SourceOptions): Promise<Source> {
  if (!response.ok) throw new MleError('SOURCE_HTTP', `${name || 'the response'}: status ${response.status} ${response.statusText}`.trimEnd(), { actual: response.status })
  const declared = Number(response.headers.get('content-length') ?? NaN)
  if (declared > (options.maxBytes ?? Infinity)) checkLimit(declared, options.maxBytes, name)
  if (options.stream === true && declared >= STREAM_BYTES && response.body !== null && response.headers.get('content-encoding') === null) {
    return (await import('./stream-source.ts')).streamSource(response.body, declared, name || undefined)
  }
  return memorySource(new Uint8Array(await readBody(response, name, options.maxBytes)), name || undefined, options)
}

/** The declared length may be absent or that of the compressed body, so that a limit is checked while the body arrives. */
async function readBody(response: Response, name: string, maxBytes: number | undefined): Promise<ArrayBuffer | Uint8Array> {
  if (maxBytes === undefined || response.body === null) return response.arrayBuffer()
  const parts: Uint8Array[] = []
  let total = 0
  const reader = response.body.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    total += part.value.byteLength
    if (total > maxBytes) await reader.cancel()
    checkLimit(total, maxBytes, name || 'the response')
    parts.push(part.value)
  }
  if (parts.length === 1) return parts[0]
  const out = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.byteLength
  }
  return out
}
