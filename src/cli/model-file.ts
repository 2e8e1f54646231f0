// Model files of any kind: .mle is read as it is, everything else is imported first.
import { closeSync, lstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MleError } from '../error.ts'
import type { DeviceName } from '../graph/device.ts'
import type { Guard } from '../format/types.ts'
import type { Graph } from '../graph/graph.ts'
import { load } from '../load.ts'
import type { Model } from '../model.ts'
import type { GuardOptions } from '../security/index.ts'
import { wordOption, type ParsedArgs } from './command.ts'
import type { ImportSettings } from './import-options.ts'
import type { Progress } from './progress.ts'
import { bytesText } from './table.ts'

const MAGIC = [0x4d, 0x4c, 0x45, 0x00]

/** True for .mle files, by magic or name; those of versions 1 and 2 are imported. */
export function isMleFile(path: string): boolean {
  const start = new Uint8Array(8)
  try {
    const file = openSync(path, 'r')
    try {
      readSync(file, start)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw unreadable(path, error)
  }
  const hasMagic = MAGIC.every((byte, i) => start[i] === byte)
  if (!hasMagic) return /\.mle$/i.test(path)
  const version = new DataView(start.buffer).getUint32(4, true)
  return version !== 1 && version !== 2
}

/** The graph of a foreign file. */
export async function importFile(path: string, progress: Progress, settings: ImportSettings = {}): Promise<Graph> {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
  progress.show(`importing ${basename(path)} (${bytesText(bytes.byteLength)})`)
  const { importModel } = await import('../import/index.ts')
  const graph = await importModel(bytes, { fileName: basename(path), externalData: (name) => fileBeside(path, name), ...settings })
  progress.done()
  return graph
}

/**
 * A file in a model's folder by its plain name, for data that lie beside it; undefined where there is none. A link may lead out of the folder, so it
 * is not followed (CVE-2026-27489).
 */
function fileBeside(path: string, name: string): Uint8Array | undefined {
  if (name !== basename(name) || name === '' || name === '.' || name === '..' || name.includes('\0')) return undefined
  const beside = join(dirname(path), name)
  const found = lstatSync(beside, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (!found.isFile()) throw new MleError('CLI_FILE', `${beside}, which holds data of ${basename(path)}, is ${found.isSymbolicLink() ? 'a link' : 'no file'}; put the file itself into the folder`)
  try {
    return readFileSync(beside)
  } catch (error) {
    throw unreadable(beside, error)
  }
}

/** The graph of any file. */
export async function graphOfFile(path: string, progress: Progress, guard?: Guard, settings?: ImportSettings): Promise<Graph> {
  if (!isMleFile(path)) {
    if (guard !== undefined) throw unguarded(path)
    return importFile(path, progress, settings)
  }
  const { read } = await import('../format/index.ts')
  return read(path, { guard })
}

/** The error for trust and keys that are asked of a file which can have neither. */
export function unguarded(path: string): MleError {
  return new MleError('TRUST_SOURCE', `${path} is no .mle file of version 3: only those are signed and encrypted`)
}

/** A model ready to run. */
export async function openModel(path: string, device: DeviceName | undefined, progress: Progress, options: { readonly integrity?: Integrity } & GuardOptions = {}, settings?: ImportSettings): Promise<Model> {
  const guarded = options.verify !== undefined || options.key !== undefined || options.passphrase !== undefined
  if (guarded && !isMleFile(path)) throw unguarded(path)
  return load(isMleFile(path) ? path : await importFile(path, progress, settings), { ...options, device })
}

/** What of a .mle file is checked: sums, or hashes too. */
type Integrity = 'crc32' | 'sha256'

export function integrityOption(args: ParsedArgs): Integrity | undefined {
  return wordOption(args, 'integrity', ['crc32', 'sha256'])
}

export function deviceOption(args: ParsedArgs): DeviceName | undefined {
  return wordOption(args, 'device', ['auto', 'cpu', 'wasm', 'webgpu'])
}

export function fileBytes(path: string): number {
  return statSync(path).size
}

function unreadable(path: string, error: unknown): MleError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const why = code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is a folder' : `cannot be read: ${error instanceof Error ? error.message : String(error)}`
  return new MleError('CLI_FILE', `${path} ${why}`)
}
