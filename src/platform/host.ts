// The host's built-in modules, reached without an import: browser bundlers fail on `node:` imports, static or dynamic.

interface HostProcess {
  readonly getBuiltinModule?: (name: string) => unknown
}

/** What is used of the host's file system, as Node, Deno and Bun provide it. */
export interface HostFs {
  openSync(path: string | URL, flags: string): number
  closeSync(descriptor: number): void
  fstatSync(descriptor: number): { readonly size: number; isFile(): boolean }
  readSync(descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number): number
  read(
    descriptor: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, bytesRead: number) => void,
  ): void
}

/** What is used of the host's zlib. */
export interface HostZlib {
  readonly crc32?: (data: Uint8Array, value?: number) => number
  readonly inflateSync: HostInflate
  readonly inflateRawSync: HostInflate
  readonly gunzipSync: HostInflate
  readonly brotliDecompressSync?: HostInflate
  readonly brotliCompressSync?: HostCompress
  /** Node 22.15 and later. */
  readonly zstdDecompressSync?: HostInflate
  readonly zstdCompressSync?: HostCompress
  readonly constants?: Readonly<Record<string, number>>
}

export type HostCompress = (data: Uint8Array, options: { params: Record<number, number> }) => Uint8Array

/** With `info` the result says how many bytes of the input were used; not every host supports it. */
export type HostInflate = (
  data: Uint8Array,
  options: { maxOutputLength: number; chunkSize: number; info: boolean },
) => Uint8Array | { buffer: Uint8Array; engine: { bytesWritten?: number } }

export interface HostHash {
  update(data: Uint8Array): HostHash
  digest(): Uint8Array
}

/** What is used of the host's crypto: its hashes are synchronous, WebCrypto's are not. */
export interface HostCrypto {
  createHash(algorithm: string): HostHash
}

/** What is used of the host's Buffer. */
export interface HostBuffer {
  from(text: string, encoding: 'base64'): Uint8Array
}

function builtin(name: string): unknown {
  const host: { readonly process?: HostProcess } = globalThis
  return host.process?.getBuiltinModule?.(name)
}

function has(value: unknown, method: string): boolean {
  return typeof value === 'object' && value !== null && method in value
}

/** The file system, or undefined in browsers and edge workers. */
export function hostFs(): HostFs | undefined {
  const found = builtin('fs')
  return has(found, 'openSync') ? (found as HostFs) : undefined
}

export function hostZlib(): HostZlib | undefined {
  const found = builtin('zlib')
  return has(found, 'inflateSync') ? (found as HostZlib) : undefined
}

export function hostCrypto(): HostCrypto | undefined {
  const found = builtin('crypto')
  return has(found, 'createHash') ? (found as HostCrypto) : undefined
}

export function hostBuffer(): HostBuffer | undefined {
  const found = builtin('buffer') as { readonly Buffer?: HostBuffer } | undefined
  return found?.Buffer
}
