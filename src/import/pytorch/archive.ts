// Files of torch.save and torch.jit.save: a zip archive of a pickle and the storages of its tensors; before PyTorch 1.6, pickles in a row with the storages after them.
import { isZip, openZip, readZipEntry, type ZipArchive, type ZipLimits } from '../zip.ts'
import { describe, isPyGlobal, isTuple, readPickle, readPickleAt, type PickleLimits, type PyGlobal, type PyObject, type PyValue } from '../pickle/index.ts'
import { pytorchError } from './error.ts'
import { isLegacyPytorch, isTar } from './detect.ts'
import { allowPytorch } from './globals.ts'
import { storageElementBytes } from './storages.ts'

export interface PytorchLimits {
  readonly pickle?: Partial<PickleLimits>
  readonly zip?: Partial<ZipLimits>
}

export interface PytorchFile {
  readonly form: 'zip' | 'legacy' | 'script'
  /** What was saved; tensors are objects that `tensorOf` reads. */
  readonly value: PyValue
  /** Raw bytes of a storage by its key. */
  readonly storages: ReadonlyMap<string, Uint8Array>
  readonly bigEndian: boolean
  /** Scripts: source text by module path (`__torch__/torch/nn/modules/linear.py`) and the tensors that it names. */
  readonly sources: ReadonlyMap<string, string>
  readonly constants: readonly PyValue[]
  readonly fileBytes: number
}

/** The name that stands for a storage until its bytes are needed. */
export function isStorage(object: PyObject): boolean {
  return object.module === 'pytorch' && object.name === 'storage'
}

/**
 * Reads a file of torch.save or torch.jit.save. Nothing in it is run.
 *
 * @throws MleError PYTORCH_GLOBAL, PYTORCH_ARCHIVE, PYTORCH_STORAGE, PYTORCH_TAR; ZIP_* and PICKLE_* for damaged files
 */
export async function readPytorch(bytes: Uint8Array, limits: PytorchLimits = {}): Promise<PytorchFile> {
  if (isZip(bytes)) return readArchive(openZip(bytes, limits.zip), limits)
  if (isLegacyPytorch(bytes)) return readLegacy(bytes, limits)
  if (isTar(bytes)) throw pytorchError('PYTORCH_TAR', 'the file is a tar archive of PyTorch before 0.1.10; load it with torch.load and save it again')
  throw pytorchError('PYTORCH_ARCHIVE', 'the file is neither a zip archive nor the older form that torch.save writes')
}

/** Makes the object that stands for `('storage', class, key, location, count, ...)`; the same key gives the same object. */
function storageResolver(note: (object: PyObject) => void): (id: PyValue) => PyValue {
  const known = new Map<string, PyObject>()
  return (id) => {
    const items = isTuple(id) ? id.items : []
    // Before 1.6 a pickled module's class came with its source text, which is not needed.
    if (items[0] === 'module' && isPyGlobal(items[1])) return items[1]
    const [tag, type, key, , count] = items
    if (tag !== 'storage' || !isPyGlobal(type) || (typeof key !== 'string' && typeof key !== 'number') || typeof count !== 'number') {
      throw pytorchError('PYTORCH_STORAGE', `a persistent id is ${describe(id)}, expected a storage`)
    }
    const view = items[5]
    if (view !== undefined && view !== null) throw pytorchError('PYTORCH_STORAGE', `storage ${key} is a view of another, as PyTorch before 0.4 wrote; load the file and save it again`)
    const name = String(key)
    const same = known.get(name)
    if (same !== undefined) {
      if ((same.args[0] as PyGlobal).name !== type.name) throw pytorchError('PYTORCH_STORAGE', `storage ${name} is named as ${type.name} and as ${(same.args[0] as PyGlobal).name}`)
      return same
    }
    const object: PyObject = { kind: 'object', module: 'pytorch', name: 'storage', args: [type, name, count], state: new Map(), offset: type.offset }
    known.set(name, object)
    note(object)
    return object
  }
}

async function readArchive(archive: ZipArchive, { pickle }: PytorchLimits): Promise<PytorchFile> {
  const data = [...archive.entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  if (data.length !== 1) throw pytorchError('PYTORCH_ARCHIVE', data.length === 0 ? 'the zip archive has no data.pkl: torch.save and torch.jit.save write one' : `the zip archive has ${data.length} folders with a data.pkl`)
  const root = data[0].slice(0, -'data.pkl'.length)
  const isScript = archive.entries.has(`${root}constants.pkl`)
  const order = archive.entries.has(`${root}byteorder`) ? new TextDecoder().decode(await readZipEntry(archive, `${root}byteorder`)).trim() : 'little'
  if (order !== 'little' && order !== 'big') throw pytorchError('PYTORCH_ARCHIVE', `the entry byteorder is ${JSON.stringify(order)}, expected little or big`)
  const storages = new Map<string, Uint8Array>()
  const sources = new Map<string, string>()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const read = async (name: string, folder: string, needed: PyObject[]): Promise<PyValue> => {
    const value = readPickle(await readZipEntry(archive, root + name), {
      allow: allowPytorch(isScript),
      limits: pickle,
      persistentLoad: storageResolver((object) => needed.push(object)),
    })
    for (const { args } of needed) {
      const key = String(args[1])
      if (!archive.entries.has(root + folder + key)) throw pytorchError('PYTORCH_STORAGE', `the archive has no entry ${folder}${key} for a storage that ${name} names`)
      storages.set(folder + key, await readZipEntry(archive, root + folder + key))
    }
    return value
  }
  const value = await read('data.pkl', 'data/', [])
  let constants: readonly PyValue[] = []
  if (isScript) {
    const list = await read('constants.pkl', 'constants/', [])
    constants = isTuple(list) ? list.items : Array.isArray(list) ? list : []
    for (const name of archive.entries.keys()) {
      if (!name.startsWith(`${root}code/`) || !name.endsWith('.py')) continue
      try {
        sources.set(name.slice(root.length + 'code/'.length), decoder.decode(await readZipEntry(archive, name)))
      } catch (error) {
        if (error instanceof TypeError) throw pytorchError('PYTORCH_ARCHIVE', `the source ${name} is not UTF-8`)
        throw error
      }
    }
  }
  return { form: isScript ? 'script' : 'zip', value, storages, bigEndian: order === 'big', sources, constants, fileBytes: archive.bytes.length }
}

function readLegacy(bytes: Uint8Array, { pickle }: PytorchLimits): PytorchFile {
  const objects = new Map<string, PyObject>()
  const options = { allow: allowPytorch(false), limits: pickle, persistentLoad: storageResolver((object) => objects.set(String(object.args[1]), object)) }
  const magic = readPickleAt(bytes, 0, options)
  const protocol = readPickleAt(bytes, magic.end, options)
  if (protocol.value !== 1001) throw pytorchError('PYTORCH_ARCHIVE', `protocol ${describe(protocol.value)} of the old form of torch.save is not known; expected 1001`)
  const system = readPickleAt(bytes, protocol.end, options)
  const main = readPickleAt(bytes, system.end, options)
  const keys = readPickleAt(bytes, main.end, options)
  if (!Array.isArray(keys.value)) throw pytorchError('PYTORCH_ARCHIVE', `the list of storages is ${describe(keys.value)}`)
  const storages = new Map<string, Uint8Array>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = keys.end
  for (const key of keys.value) {
    const name = String(key)
    const object = objects.get(name)
    if (object === undefined || storages.has(`data/${name}`)) throw pytorchError('PYTORCH_STORAGE', `storage ${name} is ${object === undefined ? 'used by no tensor' : 'listed twice'}`)
    const count = at + 8 <= bytes.length ? view.getBigInt64(at, true) : -1n
    const length = Number(count) * storageElementBytes(object)
    if (count < 0n || !(at + 8 + length <= bytes.length)) throw pytorchError('PYTORCH_STORAGE', `storage ${name} of ${count} elements at byte ${at} reaches beyond the end of the file; it is cut short or damaged`)
    storages.set(`data/${name}`, bytes.subarray(at + 8, at + 8 + length))
    at += 8 + length
  }
  if (at !== bytes.length) throw pytorchError('PYTORCH_ARCHIVE', `${bytes.length - at} bytes follow the last storage`)
  // The old form is little endian on every machine.
  return { form: 'legacy', value: main.value, storages, bigEndian: false, sources: new Map(), constants: [], fileBytes: bytes.length }
}
