// Fuzzes ONNX: protobuf with wrong bytes, wrong wire types, lying lengths; what is read is planned and, where it is small, run.
import { importModel } from '../../src/import/index.ts'
import { load, type Tensor } from '../../src/index.ts'
import { isTensorType } from '../../src/ops/types.ts'
import { allocateData } from '../../src/tensor/dtype.ts'
import { readPack } from '../support/fixtures.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const SLOW_MS = 5000
const MAX_SOURCE_BYTES = 20_000
const MAX_ELEMENTS = 4096
/** Field keys of the messages, varints that are long or negative, lengths. */
const TOKENS = [0x08, 0x0a, 0x10, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x3a, 0x42, 0x4a, 0x52, 0x62, 0x0b, 0x0c, 0x0d, 0x09, 0, 1, 2, 0x7f, 0x80, 0xff]

async function runModel(bytes: Uint8Array): Promise<void> {
  const graph = await importModel(bytes, { fileName: 'model.onnx', externalData: () => undefined })
  const model = await load(graph, { device: 'cpu' })
  try {
    const inputs: Record<string, Tensor> = {}
    for (const { name, type } of graph.inputs) {
      if (!isTensorType(type) || type.shape === undefined) return
      const shape = type.shape.map((dim) => (typeof dim === 'number' ? dim : 2))
      const size = shape.reduce((product, dim) => product * dim, 1)
      if (!(size <= MAX_ELEMENTS)) return
      inputs[name] = { dtype: type.dtype, shape, data: allocateData(type.dtype, size) }
    }
    await model.run(inputs)
  } finally {
    model.dispose()
  }
}

export const fuzz: Fuzzer = (seconds, seed, coverage) => {
  const sources = ['onnx_backend', 'onnx_ml', 'onnx_nodes'].flatMap((pack) => [...readPack(pack)]).filter(([path, bytes]) => path.endsWith('.onnx') && bytes.length <= MAX_SOURCE_BYTES).map(([, bytes]) => bytes)
  return fuzzerOf({ name: 'onnx', slowMs: SLOW_MS, tokens: TOKENS, make: (random) => mutate(sources[random(sources.length)], random, TOKENS), read: runModel })(seconds, seed, coverage)
}
