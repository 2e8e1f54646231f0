// The backend tests of the ONNX project (the part that is packed): their models and values, and when a result is right.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readModel, type GraphProto, type ValueInfoProto } from '../../src/import/onnx/proto.ts'
import { messageOf } from '../../src/import/protobuf.ts'
import { MleError, type InputRecord, type OutputValue } from '../../src/index.ts'
import { bitsReader } from '../../src/tensor/minifloat.ts'
import { isTensor, type Tensor } from '../../src/tensor/tensor.ts'
import { readPack } from './fixtures.ts'
import { valueOf, type OnnxValue } from './onnx-values.ts'

/** Tolerances of the suite's own runner (onnx.backend.test.runner): 1e-3 relative; 16-bit floats have 8 to 11 bits. */
const RTOL = 1e-3
const ATOL = 1e-7
const HALF_RTOL = 1e-2

/** Tests that do not pass on any device, with the code of their error. */
export const FAILING: ReadonlyMap<string, string> = new Map(Object.entries(JSON.parse(readFileSync(new URL('../import/onnx/backend-failing.json', import.meta.url), 'utf8')) as Record<string, string>))

/** Code of what a test threw, as backend-failing.json has it. */
export function failureOf(error: unknown): string {
  return error instanceof MleError ? error.code : error instanceof assert.AssertionError ? 'WRONG' : `CRASH ${String(error)}`
}

export interface OnnxCase {
  readonly name: string
  readonly model: Uint8Array
  /** The graph as its file declares it. */
  readonly graph: GraphProto
  /** Values by name; `known` are the inputs that the imported model has. */
  readonly feeds: (known: ReadonlySet<string>) => InputRecord
  /** Outputs that the suite has values for. */
  readonly expected: () => readonly (readonly [name: string, value: OnnxValue])[]
}

/** Every packed test, in the order of the pack. */
export function onnxCases(): OnnxCase[] {
  const files = readPack('onnx_backend')
  return [...files.entries()].flatMap(([path, model]) => {
    if (!path.endsWith('/model.onnx')) return []
    const folder = path.slice(0, -'/model.onnx'.length)
    const { graph } = readModel(messageOf(model))
    assert.ok(graph, `${path} has no graph`)
    const values = (kind: 'input' | 'output', infos: readonly ValueInfoProto[]): (readonly [string, OnnxValue])[] =>
      infos.flatMap(({ name, type }, i) => {
        const bytes = files.get(`${folder}/test_data_set_0/${kind}_${i}.pb`)
        return bytes === undefined ? [] : [[name, valueOf(bytes, type)] as const]
      })
    return [{
      name: folder.slice(folder.indexOf('/') + 1), model, graph,
      feeds: (known) => Object.assign(Object.create(null), Object.fromEntries(values('input', graph.inputs).filter(([name]) => known.has(name)))),
      expected: () => values('output', graph.outputs),
    }]
  })
}

/** Throws AssertionError where a result is not what the suite expects. */
export function assertClose(got: OutputValue, want: OnnxValue, where: string): void {
  if (!isTensor(want)) {
    if (want === null) assert.equal(got, null, where)
    else {
      assert.ok(Array.isArray(got), where)
      assert.equal(got.length, want.length, `${where}: length`)
      want.forEach((one, i) => assertClose(got[i] as OutputValue, one, `${where}[${i}]`))
    }
    return
  }
  assert.ok(isTensor(got), where)
  assertTensor(got, want, where)
}

function assertTensor(got: Tensor, want: Tensor, where: string): void {
  assert.equal(got.dtype, want.dtype, `${where}: dtype`)
  assert.deepEqual(got.shape, want.shape, `${where}: shape`)
  const rtol = want.dtype === 'float16' || want.dtype === 'bfloat16' ? HALF_RTOL : RTOL
  const decode = bitsReader(want.dtype) ?? ((value: number): number => value)
  for (let i = 0; i < want.data.length; i++) {
    if (want.dtype === 'string') {
      assert.equal(got.data[i], want.data[i], `${where}: element ${i}`)
      continue
    }
    const a = decode(Number(got.data[i]))
    const b = decode(Number(want.data[i]))
    const isSame = a === b || (Number.isNaN(a) && Number.isNaN(b))
    assert.ok(isSame || Math.abs(a - b) <= ATOL + rtol * Math.abs(b), `${where}: element ${i} is ${a}, expected ${b}`)
  }
}
