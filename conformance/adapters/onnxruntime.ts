// onnxruntime as a runtime under test: each vector's model is exported to ONNX first. Takes onnxruntime-node or onnxruntime-web, both
// from bench/package.json: `mle-conformance --batch --command 'node --import tsx conformance/adapters/onnxruntime.ts onnxruntime-node'`.
import { readFileSync } from 'node:fs'
import { readInputs } from '../../src/cli/inputs.ts'
import { exportOnnx } from '../../src/export/index.ts'
import type { InputRecord } from '../../src/feed.ts'
import { read } from '../../src/format/read.ts'
import { isTensorType } from '../../src/ops/types.ts'
import type { DType, NumericArray } from '../../src/tensor/dtype.ts'
import { isTensor, type Tensor } from '../../src/tensor/tensor.ts'
import { ortNode, ortWeb, type Ort, type OrtTensor } from '../../bench/peers.ts'
import type { BatchRequest } from '../runner/batch.ts'
import type { OutputFile, Reply } from '../runner/judge.ts'
import { fileOf } from './engine.ts'
import { serve } from './serve.ts'

/** The peer's tensors say their dtype; the bench does not need it. */
type TypedTensor = OrtTensor & { readonly type: string }

function unsupported(message: string): Reply {
  return { kind: 'refused', code: 'UNSUPPORTED', message }
}

/** The first line, without the folders in which the peer was built. */
function messageOf(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n')
  return line.replace(/(?:\/[\w.-]+)+\/(?=[\w.-]+:\d+)/g, '')
}

function peerTensor(ort: Ort, { dtype, shape, data }: Tensor): OrtTensor {
  const Any = ort.Tensor as unknown as new (type: string, data: NumericArray | readonly string[], dims: readonly number[]) => OrtTensor
  return new Any(dtype, ArrayBuffer.isView(data) ? data : data.map((text) => text ?? '<missing>'), shape)
}

async function answer(ort: Ort, { model, inputs }: BatchRequest): Promise<Reply> {
  const graph = await read(new Uint8Array(readFileSync(model)))
  let bytes: Uint8Array
  try {
    bytes = (await exportOnnx(graph, { outputs: graph.outputs.map(({ name }) => name) })).bytes
  } catch (error) {
    return unsupported(`has no form in ONNX: ${messageOf(error)}`)
  }
  const record: InputRecord = await readInputs(graph, inputs.map(({ name, file }) => `${name}=${file}`))
  if (graph.inputs.some(({ type }) => !isTensorType(type)) || graph.outputs.some(({ type }) => !isTensorType(type))) return unsupported('inputs and outputs that are no tensors cannot be passed from JavaScript')
  const feeds: Record<string, OrtTensor> = {}
  for (const { name, type } of graph.inputs) {
    const value = record[name]
    if (!isTensor(value) || !isTensorType(type)) return unsupported(`input ${name} is no tensor`)
    feeds[name] = peerTensor(ort, value)
  }
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', intraOpNumThreads: 1, logSeverityLevel: 4 })
  try {
    const results = await session.run(feeds)
    const files = new Map<number, OutputFile>()
    graph.outputs.forEach((info, i) => {
      const { type, dims, data } = results[info.name] as TypedTensor
      const tensor: Tensor = { dtype: type as DType, shape: dims.map(Number), data: Array.isArray(data) ? [...data] : (data as NumericArray) }
      files.set(i, fileOf(tensor, info))
    })
    return { kind: 'outputs', files }
  } finally {
    await session.release()
  }
}

const peer = process.argv[2] === 'onnxruntime-web' ? await ortWeb() : await ortNode()
await serve(async (request) => {
  try {
    return await answer(peer, request)
  } catch (error) {
    return { kind: 'refused', code: 'FAILED', message: messageOf(error).slice(0, 300) }
  }
})
