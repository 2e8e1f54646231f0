// A vector before it is written: its files, and what index.json says about it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesOf, hashOf, hashOfFiles, type Area, type CaseFile, type Vector, REFUSED, type RefusedFile } from '../runner/vectors.ts'

export interface MadeVector {
  /** operators/Add/float32 */
  readonly path: string
  readonly area: Area
  readonly case: CaseFile
  /** All files but case.json, by name within the folder. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** All files of a vector, sorted by name. */
export function allFiles({ case: description, files }: MadeVector): (readonly [string, Uint8Array])[] {
  const text = new TextEncoder().encode(caseText(description))
  return [...files, ['case.json', text] as const].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** One line for each input and output. */
function caseText(description: CaseFile): string {
  const lines = Object.entries(description).map(([key, value]) => {
    const isList = Array.isArray(value) && value.length > 0 && typeof value[0] === 'object'
    return `  ${JSON.stringify(key)}: ${isList ? `[\n${value.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]` : JSON.stringify(value)}`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}

export function indexEntry(made: MadeVector): Vector {
  const { features, operators } = made.case
  return { path: made.path, area: made.area, features, operators, sha256: hashOfFiles(allFiles(made)) }
}

/** Writes an area's folder anew. */
export function writeArea(root: string, area: Area, vectors: readonly MadeVector[]): void {
  rmSync(join(root, area), { recursive: true, force: true })
  for (const vector of vectors) {
    for (const [name, bytes] of allFiles(vector)) {
      const path = join(root, vector.path, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, bytes)
    }
  }
}

/** A program that reads the formats of versions 1 and 2 as well refuses these for other reasons. */
const OLDER: readonly string[] = ['version-1.mle', 'version-2.mle']

/** The folders with a case.json under an area, and the files of malformed/, hostile/ and trust/: what index.json lists, from what is there. */
export function entriesOf(root: string, area: Area): Vector[] {
  if (REFUSED.includes(area)) {
    const list = JSON.parse(readFileSync(join(root, area, 'expected.json'), 'utf8')) as readonly RefusedFile[]
    return list.map(({ file, format, integrity, with: demanded }) => {
      const features = demanded !== undefined ? [demanded === 'policy' ? 'signatures' : 'encryption'] : format !== undefined ? [format] : integrity !== undefined ? [integrity] : OLDER.includes(file) ? ['only-version-3'] : []
      return { path: `${area}/${file}`, area, features, operators: [], sha256: hashOf(root, `${area}/${file}`) }
    })
  }
  if (!existsSync(join(root, area))) return []
  return filesOf(join(root, area)).filter((name) => name.endsWith('/case.json')).map((name) => {
    const path = `${area}/${dirname(name)}`
    const { features, operators } = JSON.parse(readFileSync(join(root, path, 'case.json'), 'utf8')) as CaseFile
    return { path, area, features, operators, sha256: hashOf(root, path) }
  })
}

/** index.json, one line for each vector. */
export function indexText(vectors: readonly Vector[]): string {
  return `{"format": "mle-conformance 1", "vectors": [\n${vectors.map((vector) => `  ${JSON.stringify(vector)}`).join(',\n')}\n]}\n`
}
