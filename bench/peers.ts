// The other runtimes, from bench/node_modules: typed here as far as the bench uses them, so that the project type-checks without them.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const FOLDER = join(import.meta.dirname, 'node_modules')
const require = createRequire(join(import.meta.dirname, 'package.json'))

export type Row = Float32Array | Float64Array | Int32Array | BigInt64Array

export interface OrtTensor {
  readonly data: Row | readonly string[]
  readonly dims: readonly number[]
}

export interface OrtSession {
  readonly inputNames: readonly string[]
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>
  release(): Promise<void>
}

export interface Ort {
  readonly env: { wasm: { numThreads?: number }; logLevel?: string }
  readonly Tensor: new (type: string, data: Row, dims: readonly number[]) => OrtTensor
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<OrtSession> }
}

export interface TfTensor {
  dataSync(): Float32Array
  data(): Promise<Float32Array>
  dispose(): void
}

export interface Tf {
  setBackend(name: string): Promise<boolean>
  ready(): Promise<void>
  tensor2d(values: Float32Array, shape: readonly number[]): TfTensor
  tensor1d(values: Float32Array): TfTensor
  matMul(a: TfTensor, b: TfTensor): TfTensor
  add(a: TfTensor, b: TfTensor): TfTensor
  relu(a: TfTensor): TfTensor
  softmax(a: TfTensor): TfTensor
  tidy<T>(work: () => T): T
  readonly version_core: string
}

export interface MlForest {
  readonly RandomForestRegression: { load(model: object): { predict(rows: readonly (readonly number[])[]): readonly number[] } }
}

interface Mitata {
  measure(work: () => unknown, options: object): Promise<{ readonly p50: number; readonly min: number; readonly avg: number; readonly p99: number; readonly samples: readonly number[] }>
}

async function peer<T>(name: string): Promise<T> {
  const loaded: { readonly default?: T } & T = await import(pathToFileURL(require.resolve(name)).href)
  return loaded.default ?? loaded
}

export const ortNode = (): Promise<Ort> => peer<Ort>('onnxruntime-node')
export const mlForest = (): Promise<MlForest> => peer<MlForest>('ml-random-forest')
/** Its entry for Node has no default export. */
export const mitata = (): Promise<Mitata> => import(pathToFileURL(join(FOLDER, 'mitata/src/lib.mjs')).href)

export async function ortWeb(): Promise<Ort> {
  const ort = await peer<Ort>('onnxruntime-web')
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  return ort
}

export async function tensorflow(): Promise<Tf> {
  // It greets on the console.
  const { log, warn } = console
  console.log = console.warn = () => undefined
  try {
    const tf = await peer<Tf>('@tensorflow/tfjs')
    const wasm = await peer<{ setWasmPaths(path: string): void; setThreadsCount?(count: number): void }>('@tensorflow/tfjs-backend-wasm')
    wasm.setThreadsCount?.(1)
    wasm.setWasmPaths(`${join(FOLDER, '@tensorflow/tfjs-backend-wasm/dist')}/`)
    if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js has no wasm backend here')
    await tf.ready()
    return tf
  } finally {
    console.log = log
    console.warn = warn
  }
}

export function peerFolder(name: string): string {
  return join(FOLDER, name)
}

export function peerVersion(name: string): string {
  const path = join(FOLDER, name, 'package.json')
  if (!existsSync(path)) return 'not installed'
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
