// The vectors as files: index.json, case.json, and the checks that they are whole. README.md says what each field means.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export type Area = 'operators' | 'onnx' | 'graphs' | 'models' | 'malformed' | 'hostile' | 'trust'
export const AREAS: readonly Area[] = ['operators', 'onnx', 'graphs', 'models', 'malformed', 'hostile', 'trust']
/** Areas of single files, most of which must be refused, listed in an expected.json of their own. */
export const REFUSED: readonly Area[] = ['malformed', 'hostile', 'trust']

/** An entry of index.json. */
export interface Vector {
  /** A folder with a case.json, or a file of malformed/, hostile/ or trust/. */
  readonly path: string
  readonly area: Area
  /** What a runtime must know to be judged by it: dtypes, 'control-flow', 'sha256', ... */
  readonly features: readonly string[]
  readonly operators: readonly string[]
  readonly sha256: string
}

export interface CaseInput {
  readonly name: string
  readonly file: string
  readonly dtype: string
  readonly shape: readonly number[]
}

/** How far an output may be from what is stored. NaN is only NaN, an infinity only itself. */
export type Tolerance =
  /** Equal, and zeros have the same sign. */
  | { readonly kind: 'identical' }
  /** Equal as numbers or texts. */
  | { readonly kind: 'exact' }
  /** |got - expected| <= bounds[i], elements in row-major order. */
  | { readonly kind: 'absolute'; readonly bounds: readonly number[] }
  /** |got - expected| <= atol + rtol x |expected|. */
  | { readonly kind: 'close'; readonly rtol: number; readonly atol: number }

export interface ExpectedOutput {
  /** Position among the outputs of the graph: the file DIR/<output>.npy. */
  readonly output: number
  readonly name: string
  readonly file: string
  /** Compared where given. */
  readonly dtype?: string
  readonly shape?: readonly number[]
  readonly tolerance: Tolerance
}

/** case.json: either what comes out or the error. */
export interface CaseFile {
  readonly what: string
  readonly origin: string
  readonly licence: string
  readonly features: readonly string[]
  readonly operators: readonly string[]
  readonly inputs: readonly CaseInput[]
  readonly expected?: readonly ExpectedOutput[]
  readonly error?: string
}

/** A vector ready to be run: absolute paths. */
export interface Task {
  readonly vector: Vector
  readonly folder: string
  readonly model: string
  readonly inputs: readonly { readonly name: string; readonly file: string }[]
  readonly expected: readonly ExpectedOutput[]
  /** The code of the refusal that is expected instead of outputs. */
  readonly error?: string
  /** Hashes are to be checked, not only CRCs. */
  readonly integrity?: 'sha256'
  /** What a reader is to demand of the file's signatures: a policy.json, and beside it the public keys that it names. */
  readonly policy?: string
  /** A file with the 32 bytes of the key by which the file is sealed. */
  readonly key?: string
}

/** An entry of malformed/expected.json, hostile/expected.json or trust/expected.json. */
export interface RefusedFile {
  readonly file: string
  /** Of hostile files: whose format it is. */
  readonly format?: string
  /** The input that it is run with, should it be accepted; x when absent. */
  readonly input?: string
  /** null: it must be accepted. */
  readonly code: string | null
  readonly integrity?: 'sha256'
  /** Of trust files: what they are loaded with. */
  readonly with?: 'policy' | 'key'
  readonly why: string
}

function parse<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}

export function readIndex(root: string): readonly Vector[] {
  const path = join(root, 'index.json')
  if (!existsSync(path)) throw new Error(`${path} does not exist; --vectors DIR names the folder that holds index.json`)
  return parse<{ readonly vectors: readonly Vector[] }>(path).vectors
}

/** The input that malformed files are run with, so that a reader which accepts one can go on. */
export const MALFORMED_INPUT = 'malformed/x.npy'

export function readTask(root: string, vector: Vector): Task {
  const { area } = vector
  if (REFUSED.includes(area)) {
    const list = parse<readonly RefusedFile[]>(join(root, area, 'expected.json'))
    const entry = list.find(({ file }) => `${area}/${file}` === vector.path)
    if (entry === undefined) throw new Error(`${area}/expected.json does not list ${vector.path}`)
    return {
      vector, folder: join(root, area), model: join(root, vector.path), inputs: [{ name: entry.input ?? 'x', file: join(root, MALFORMED_INPUT) }],
      expected: [], error: entry.code ?? undefined, integrity: entry.integrity,
      policy: entry.with === 'policy' ? join(root, area, 'policy.json') : undefined, key: entry.with === 'key' ? join(root, area, 'key.bin') : undefined,
    }
  }
  const folder = join(root, vector.path)
  const { inputs, expected = [], error } = parse<CaseFile>(join(folder, 'case.json'))
  return { vector, folder, model: join(folder, 'model.mle'), inputs: inputs.map(({ name, file }) => ({ name, file: join(folder, file) })), expected, error }
}

/** Files of a folder and the folders in it, sorted, with forward slashes. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => name.replaceAll('\\', '/'))
    .sort()
}

const hex = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

/**
 * The hash of a vector. A file: that of its bytes. A folder: that of the text with one line `<sha256>  <file>` for each file,
 * sorted by name, as `sha256sum` prints them.
 */
export function hashOf(root: string, path: string): string {
  const full = join(root, path)
  if (statSync(full).isFile()) return hex(readFileSync(full))
  return hashOfFiles(filesOf(full).map((name) => [name, readFileSync(join(full, name))]))
}

/** The hash of a folder with these files, sorted by name. */
export function hashOfFiles(files: readonly (readonly [name: string, bytes: Uint8Array])[]): string {
  return hex(files.map(([name, bytes]) => `${hex(bytes)}  ${name}\n`).join(''))
}
