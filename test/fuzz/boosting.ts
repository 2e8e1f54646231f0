// Fuzzes boosters: files of XGBoost, LightGBM and CatBoost with wrong bytes, and documents with wrong values in right JSON; what
// is read also predicts and explains two rows.
import { importModel } from '../../src/import/index.ts'
import { load, type Tensor } from '../../src/index.ts'
import { readCases, readPack } from '../support/fixtures.ts'
import { fuzzerOf, mutate, type Fuzzer, type Random } from './campaign.ts'

const SLOW_MS = 5000
const MAX_SOURCE_BYTES = 60_000
const TOKENS = [...'{}[]",:0123456789-.eE=\n \u0000SZTFiUIlLdD#$'].map((one) => one.charCodeAt(0)).concat(0x80, 0xff)

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Values that a field may not expect. */
const WRONG: readonly Json[] = [null, true, '', 'x', '-1', '1e9', -1, 0, 0.5, 1, 2, 255, 65536, 2 ** 31, 2 ** 31 - 1, -(2 ** 31), 2 ** 32, 2 ** 53, 1e300, -1e300, [], [0], [[]], {}, { a: 1 }, ['x'], [null]]

/** Replaces, removes, repeats or exchanges a value somewhere in the document. */
function corrupt(root: Json, random: Random): void {
  let parent: Json = root
  for (let depth = 0; depth < 60; depth++) {
    if (typeof parent !== 'object' || parent === null) return
    const keys: string[] = Object.keys(parent)
    if (keys.length === 0) return
    const key = keys[random(keys.length)]
    const holder = parent as Record<string, Json>
    const child: Json = holder[key]
    const isDeep = typeof child === 'object' && child !== null && Object.keys(child).length > 0
    if (isDeep && random(6) !== 0) {
      parent = child
      continue
    }
    const kind = random(6)
    if (kind === 0 && !Array.isArray(parent)) delete holder[key]
    else if (kind === 1 && Array.isArray(parent)) parent.splice(Number(key), 1)
    else if (kind === 2 && Array.isArray(parent)) parent.push(structuredClone(child))
    else if (kind === 3) holder[key] = structuredClone(holder[keys[random(keys.length)]])
    else holder[key] = structuredClone(WRONG[random(WRONG.length)])
    return
  }
}

function sourcesOf(): { files: Uint8Array[]; documents: string[] } {
  const files: Uint8Array[] = []
  const documents: string[] = []
  for (const pack of ['xgboost', 'boosting', 'lightgbm', 'catboost']) {
    for (const { description, bytes } of readCases(pack)) {
      const file = bytes(description.file)
      if (file.length > MAX_SOURCE_BYTES) continue
      files.push(file)
      if (!description.file.endsWith('.json')) continue
      const text = new TextDecoder().decode(file)
      try {
        JSON.parse(text)
        documents.push(text)
      } catch {
        // A document with a bare Infinity or NaN is no JSON to JSON.parse; its bytes are fuzzed all the same.
      }
    }
  }
  for (const [path, bytes] of readPack('catboost')) if (path.endsWith('.cbm')) for (let i = 0; i < 8; i++) files.push(bytes)
  return { files, documents }
}

async function useModel(bytes: Uint8Array): Promise<void> {
  const graph = await importModel(bytes)
  const model = await load(graph, { device: 'cpu' })
  try {
    const inputs: Record<string, Tensor> = {}
    for (const { name, type } of graph.inputs) {
      const width = 'shape' in type && typeof type.shape?.[1] === 'number' ? type.shape[1] : 0
      // A file may name any number of features; only those of a size that a test can hold are run.
      if (width > 10_000) return
      const shape = [2, width]
      inputs[name] = name === 'cats' ? { dtype: 'string', shape, data: new Array<string>(2 * width).fill('a') } : { dtype: 'float64', shape, data: new Float64Array(2 * width).map((_, i) => (i % 5 === 0 ? NaN : i % 3)) }
    }
    for (const { name } of graph.metadata.methods ?? []) await model.call(name, inputs)
  } finally {
    model.dispose()
  }
}

export const fuzz: Fuzzer = (seconds, seed, coverage) => {
  const { files, documents } = sourcesOf()
  const campaign = fuzzerOf({
    name: 'boosting',
    slowMs: SLOW_MS,
    make(random) {
      if (random(2) === 0) return mutate(files[random(files.length)], random, TOKENS)
      const document: Json = JSON.parse(documents[random(documents.length)])
      for (let edits = 1 + random(3); edits > 0; edits--) corrupt(document, random)
      return new TextEncoder().encode(JSON.stringify(document))
    },
    read: useModel,
  })
  return campaign(seconds, seed, coverage)
}
