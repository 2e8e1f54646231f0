// Programs for child processes that load one engine each: cold starts, memory, latency. One JSON line on stdout.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DIST_INDEX } from './engines/mle.ts'
import { peerFolder } from './peers.ts'

export interface EngineProgram {
  readonly engine: string
  /** Statements that leave `predict(rows: Float32Array, count): unknown` over the model at `files`. */
  readonly load: (files: { readonly mle: string; readonly onnx: string; readonly outputs: readonly string[] }) => string
}

const ortModule = (path: string): string => JSON.stringify(pathToFileURL(join(peerFolder(path))).href)

export const PROGRAMS: readonly EngineProgram[] = [
  {
    engine: 'mle-runtime',
    load: ({ mle, outputs }) => `
const { load } = await import(${JSON.stringify(DIST_INDEX)})
const model = await load(${JSON.stringify(mle)})
const sessions = new Map()
const predict = (rows, count) => {
  let session = sessions.get(count)
  if (session === undefined) sessions.set(count, session = model.session({ batch: count, outputs: ${JSON.stringify(outputs)} }))
  session.inputs.X.data.set(rows)
  session.run()
}`,
  },
  {
    engine: 'onnxruntime-node',
    load: ({ onnx }) => `
const { default: ort } = await import(${ortModule('onnxruntime-node/dist/index.js')})
const session = await ort.InferenceSession.create(${JSON.stringify(onnx)}, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 })
const features = (rows, count) => rows.length / count
const predict = (rows, count) => session.run({ [session.inputNames[0]]: new ort.Tensor('float32', rows, [count, features(rows, count)]) })`,
  },
  {
    engine: 'onnxruntime-web',
    load: ({ onnx }) => `
const { default: ort } = await import(${ortModule('onnxruntime-web/dist/ort.node.min.js')})
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'
const { readFileSync } = await import('node:fs')
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(${JSON.stringify(onnx)})), { executionProviders: ['wasm'], intraOpNumThreads: 1, logSeverityLevel: 3 })
const predict = (rows, count) => session.run({ [session.inputNames[0]]: new ort.Tensor('float32', rows, [count, rows.length / count]) })`,
  },
]

/** Runs a program as `node -e`, and gives what it printed as JSON last. */
export function runProgram(code: string, nodeOptions: readonly string[] = []): { readonly ms: number; readonly result: Record<string, number> } {
  const start = performance.now()
  const child = spawnSync(process.execPath, [...nodeOptions, '--input-type=module', '-e', code], { encoding: 'utf8', timeout: 240_000 })
  const ms = performance.now() - start
  if (child.status !== 0) throw new Error(`a child process failed: ${child.stderr.slice(-2000)}`)
  const line = child.stdout.trim().split('\n').findLast((text) => text.startsWith('{'))
  return { ms, result: line === undefined ? {} : (JSON.parse(line) as Record<string, number>) }
}
