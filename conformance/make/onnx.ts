// Tests of the ONNX project, converted, for operators that have no cases here: a few of the smallest for each.
import { readFileSync } from 'node:fs'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { readModel, readTensor } from '../../src/import/onnx/proto.ts'
import { tensorOf } from '../../src/import/onnx/tensors.ts'
import { messageOf } from '../../src/import/protobuf.ts'
import { isFloat, isMinifloat, narrowRange } from '../../src/tensor/dtype.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { readPack } from '../../test/support/fixtures.ts'
import type { Tolerance } from '../runner/vectors.ts'
import { operatorsOf, vectorOf, type Wanted } from './describe.ts'
import type { MadeVector } from './files.ts'
import { operatorCases } from './operators.ts'

/** Tests for each operator. */
const TESTS = 4
const MAX_BYTES = 50_000
/** Tolerances of the project's own runner (onnx.backend.test.runner); 16-bit floats have 8 to 11 bits. */
const TOLERANCE: Tolerance = { kind: 'close', rtol: 1e-3, atol: 1e-7 }
const HALF_TOLERANCE: Tolerance = { kind: 'close', rtol: 1e-2, atol: 1e-7 }

interface Candidate {
  readonly name: string
  readonly graph: Graph
  readonly inputs: ReadonlyMap<string, Tensor>
  readonly expected: readonly Wanted[]
  readonly operators: readonly string[]
  readonly bytes: number
}

export async function onnxVectors(): Promise<MadeVector[]> {
  const judged = new Map(operatorCases.map(([key]) => [key, TESTS]))
  const vectors: MadeVector[] = []
  for (const { name, graph, inputs, expected, operators } of await candidates()) {
    if (operators.every((key) => (judged.get(key) ?? 0) >= TESTS)) continue
    for (const key of operators) judged.set(key, (judged.get(key) ?? 0) + 1)
    const what = `the test ${name} of the ONNX project: ${operators.join(', ')}`
    vectors.push(await vectorOf({ area: 'onnx', name, what, origin: 'github.com/onnx/onnx, backend node tests', licence: 'Apache-2.0', graph, inputs, expected }))
  }
  return vectors.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Tests with plain tensors in and out that this project passes, the smallest first. */
async function candidates(): Promise<Candidate[]> {
  const failing = new Set(Object.keys(JSON.parse(readFileSync(new URL('../../test/import/onnx/backend-failing.json', import.meta.url), 'utf8')) as object))
  const files = readPack('onnx_backend')
  const tensorAt = (path: string): Tensor | undefined => {
    const bytes = files.get(path)
    return bytes === undefined ? undefined : tensorOf(readTensor(messageOf(bytes)), undefined)
  }
  const found: Candidate[] = []
  for (const [path, bytes] of files) {
    if (!path.endsWith('/model.onnx')) continue
    const folder = path.slice(0, -'/model.onnx'.length)
    const name = folder.slice(folder.lastIndexOf('/') + 1)
    const proto = readModel(messageOf(bytes)).graph
    if (failing.has(name) || proto === undefined || ![...proto.inputs, ...proto.outputs].every(({ type }) => type?.kind === 'tensor')) continue
    const graph = await importModel(bytes, { fileName: 'model.onnx' })
    const known = new Set(graph.inputs.map((info) => info.name))
    const read = (kind: string, names: readonly { readonly name: string }[]): [string, Tensor][] =>
      names.flatMap((value, i): [string, Tensor][] => {
        const tensor = tensorAt(`${folder}/test_data_set_0/${kind}_${i}.pb`)
        return tensor === undefined ? [] : [[value.name, tensor]]
      })
    const inputs = new Map(read('input', proto.inputs).filter(([input]) => known.has(input)))
    const outputs = read('output', proto.outputs)
    const size = [...inputs, ...outputs].reduce((sum, [, tensor]) => sum + 8 * tensor.data.length, bytes.length)
    // Numbers that JSON cannot shape, and outputs of chance, are left to the project's own runner.
    if (size > MAX_BYTES || inputs.size < graph.inputs.length || [...inputs.values()].some(({ dtype, data }) => dtype === 'string' && data.length === 0)) continue
    // Files of arrays have no dtypes of few bits.
    if ([...inputs, ...outputs].some(([, { dtype }]) => isMinifloat(dtype) || narrowRange(dtype) !== undefined || dtype === 'bfloat16')) continue
    const expected = outputs.map(([output, value]): Wanted => ({ name: output, value, dtype: value.dtype, tolerance: toleranceOf(value) }))
    found.push({ name, graph, inputs, expected, operators: operatorsOf(graph), bytes: size })
  }
  return found.sort((a, b) => a.bytes - b.bytes || (a.name < b.name ? -1 : 1))
}

function toleranceOf({ dtype }: Tensor): Tolerance {
  if (!isFloat(dtype)) return { kind: 'exact' }
  return dtype === 'float16' || dtype === 'bfloat16' ? HALF_TOLERANCE : TOLERANCE
}
