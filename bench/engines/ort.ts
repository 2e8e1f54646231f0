// onnxruntime-node and onnxruntime-web, one thread each.
import { ortNode, ortWeb, type Ort, type OrtTensor, type Row } from '../peers.ts'
import type { Subject } from '../measure.ts'

export interface OrtEngine {
  readonly engine: string
  readonly ort: Ort
  readonly options: object
}

export async function ortEngines(): Promise<OrtEngine[]> {
  return [
    { engine: 'onnxruntime-node', ort: await ortNode(), options: { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } },
    { engine: 'onnxruntime-web', ort: await ortWeb(), options: { executionProviders: ['wasm'], intraOpNumThreads: 1, logSeverityLevel: 3 } },
  ]
}

export interface OrtInput {
  readonly type: string
  readonly data: Row
  readonly dims: readonly number[]
}

/** Calls take the lists of inputs in turn. All outputs are computed, as by `run` without names; `output` is compared, for the first list. */
export async function ortSubject({ engine, ort, options }: OrtEngine, onnx: Uint8Array, batches: readonly (readonly OrtInput[])[], output: string): Promise<Subject> {
  const session = await ort.InferenceSession.create(onnx, options)
  const feeds = batches.map((inputs) => {
    const record: Record<string, OrtTensor> = {}
    session.inputNames.forEach((name, i) => (record[name] = new ort.Tensor(inputs[i].type, inputs[i].data, inputs[i].dims)))
    return record
  })
  let next = 0
  return {
    engine,
    run: () => session.run(feeds[next++ % feeds.length]),
    values: async () => Float64Array.from((await session.run(feeds[0]))[output].data as ArrayLike<number>, Number),
  }
}
