// The models of bench/fixtures, ready for every engine: the training library's file for us and Python, ONNX for the others.
import { readFileSync, writeFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { readNpy } from '../src/tensor/npy.ts'
import * as ours from './engines/mle.ts'
import { FLOAT, oneNode } from './onnx.ts'
import { fillUniform, uniform } from './random.ts'

export interface BenchModel {
  readonly name: string
  readonly about: string
  /** .mle bytes, converted from the training library's file, or from ONNX where there is no other. */
  readonly mle: Uint8Array
  readonly onnx: Uint8Array
  /** Path of the training library's file, for Python. */
  readonly joblib: string | undefined
  /** [rows, features] float32 */
  readonly rows: Float32Array
  readonly features: number
  /** Outputs that the ONNX file has too; the last is compared, under this name there. */
  readonly outputs: readonly string[]
  readonly onnxOutput: string
  readonly method: 'predict_proba' | 'predict'
}

const CACHE = join(import.meta.dirname, '.cache')

let files: Map<string, Uint8Array> | undefined

/** The files of the pack by path; see bench/fixtures/README.md. */
export function fixtureFiles(): Map<string, Uint8Array> {
  if (files !== undefined) return files
  // Brotli takes a while for 50 MB; processes that follow read the plain pack.
  const plain = join(CACHE, 'models.pack')
  let data: Buffer
  if (existsSync(plain)) data = readFileSync(plain)
  else {
    data = brotliDecompressSync(readFileSync(join(import.meta.dirname, 'fixtures/models.pack.br')))
    mkdirSync(CACHE, { recursive: true })
    writeFileSync(plain, data)
  }
  const listBytes = data.readUInt32LE(0)
  const list: readonly (readonly [string, number])[] = JSON.parse(data.toString('utf8', 4, 4 + listBytes))
  files = new Map()
  let at = 4 + listBytes
  for (const [path, bytes] of list) {
    files.set(path, new Uint8Array(data.subarray(at, at + bytes)))
    at += bytes
  }
  return files
}

export function fixture(path: string): Uint8Array {
  const bytes = fixtureFiles().get(path)
  if (bytes === undefined) throw new Error(`bench/fixtures has no ${path}`)
  return bytes
}

/** A fixture as a file, for engines in other processes. */
export function fixturePath(path: string): string {
  const target = join(CACHE, path.replaceAll('/', '-'))
  if (!existsSync(target)) writeFileSync(target, fixture(path))
  return target
}

const ABOUT: ReadonlyMap<string, string> = new Map([
  ['rf500_depth10', 'RandomForestClassifier, 500 trees of 10 levels, 107,030 nodes, 3 classes'],
  ['rf100_full_depth', 'RandomForestClassifier, 100 fully grown trees, 151,452 nodes'],
  ['xgb500_depth6', 'XGBClassifier, 500 trees of 6 levels'],
  ['gb200_depth5', 'GradientBoostingRegressor, 200 trees of 5 levels'],
  ['histgb300', 'HistGradientBoostingClassifier, 300 trees of 31 leaves'],
  ['logreg50', 'LogisticRegression, 50 features, 3 classes'],
  ['mlp_784_128_10', 'MLPClassifier, 784-128-10'],
])

export async function benchModel(name: string): Promise<BenchModel> {
  if (name === 'shallow100') return shallowForest()
  const input = readNpy(fixture(`${name}/input.npy`))
  const isRegressor = name === 'gb200_depth5'
  const converted = join(CACHE, `${name}.mle`)
  const mle = await ours.convert(fixture(`${name}/model.joblib`), 'model.joblib')
  writeFileSync(converted, mle)
  return {
    name,
    about: ABOUT.get(name) ?? name,
    mle,
    onnx: fixture(`${name}/model.onnx`),
    joblib: fixturePath(`${name}/model.joblib`),
    rows: Float32Array.from(input.data as Float32Array),
    features: input.shape[1],
    outputs: isRegressor ? ['value'] : ['label', 'probabilities'],
    onnxOutput: isRegressor ? 'variable' : 'probabilities',
    method: isRegressor ? 'predict' : 'predict_proba',
  }
}

const SHALLOW = { trees: 100, depth: 4, features: 20 }

/** 100 complete trees of 4 levels with made-up thresholds, through ONNX. */
async function shallowForest(): Promise<BenchModel> {
  const { trees, depth, features } = SHALLOW
  const next = uniform(11)
  const inner = 2 ** depth - 1
  const nodes = 2 * inner + 1
  const ids = Array.from({ length: trees * nodes }, (_, i) => i)
  const isLeaf = (id: number): boolean => id % nodes >= inner
  const leaves = ids.filter(isLeaf)
  const onnx = oneNode(
    'TreeEnsembleRegressor', [{ name: 'X', type: FLOAT, shape: ['batch', features] }], { name: 'variable', type: FLOAT, shape: ['batch', 1] },
    {
      int: { n_targets: 1 },
      ints: {
        nodes_treeids: ids.map((id) => Math.floor(id / nodes)), nodes_nodeids: ids.map((id) => id % nodes),
        nodes_featureids: ids.map((id) => (isLeaf(id) ? 0 : Math.floor(next() * features))),
        nodes_truenodeids: ids.map((id) => (isLeaf(id) ? 0 : 2 * (id % nodes) + 1)), nodes_falsenodeids: ids.map((id) => (isLeaf(id) ? 0 : 2 * (id % nodes) + 2)),
        target_treeids: leaves.map((id) => Math.floor(id / nodes)), target_nodeids: leaves.map((id) => id % nodes), target_ids: leaves.map(() => 0),
      },
      floats: { nodes_values: ids.map((id) => (isLeaf(id) ? 0 : next() - 0.5)), target_weights: leaves.map(() => next() - 0.5) },
      strings: { nodes_modes: ids.map((id) => (isLeaf(id) ? 'LEAF' : 'BRANCH_LEQ')) },
    }, 'ai.onnx.ml',
  )
  const mle = await ours.convert(onnx, 'model.onnx')
  return { name: 'shallow100', about: '100 complete trees of 4 levels, through ONNX', mle, onnx, joblib: undefined, rows: fillUniform(new Float32Array(1000 * features), 12, 1), features, outputs: ['variable'], onnxOutput: 'variable', method: 'predict' }
}

/** `count` rows from row `first` on, from the start again where there are no more. */
export function rowsOf(model: { readonly rows: Float32Array; readonly features: number }, count: number, first = 0): Float32Array {
  const rows = new Float32Array(count * model.features)
  for (let i = 0; i < rows.length; i++) rows[i] = model.rows[(first * model.features + i) % model.rows.length]
  return rows
}

/** Calls take these in turn: with the same rows every time, branches are predicted as they never are in service. */
export function batchesOf(model: { readonly rows: Float32Array; readonly features: number }, count: number): Float32Array[] {
  const total = model.rows.length / model.features
  return Array.from({ length: Math.max(1, Math.min(256, Math.floor(total / count))) }, (_, i) => rowsOf(model, count, i * count))
}

/** An encoder of transformers: the pack has its large weights as zeros, filled here from a seed, because only its shapes matter. */
export function bertOnnx(): Uint8Array {
  const bytes = fixture('bert_mini/model.onnx').slice()
  const view = new DataView(bytes.buffer)
  const next = uniform(7)
  const ranges: readonly (readonly [number, number])[] = JSON.parse(new TextDecoder().decode(fixture('bert_mini/refill.json')))
  for (const [at, length] of ranges) for (let i = 0; i < length; i += 4) view.setFloat32(at + i, (next() - 0.5) * 0.1, true)
  return bytes
}

export function bertInput(index: 0 | 1): BigInt64Array {
  return readNpy(fixture(`bert_mini/input_${index}.npy`)).data as BigInt64Array
}

/** The residual network is among the fixtures of the tests. */
export function imageRows(count: number): Float32Array {
  return fillUniform(new Float32Array(count * 3 * 224 * 224), 3, 2)
}
