// The ONNX project's backend tests (the part that is packed) through importModel and load. Plain tests have inputs and outputs that are tensors of
// float, int, bool or string; the others sequences, optionals, or floats and integers of few bits. A test that does not pass stands in
// backend-failing.json with the code of its error; one that starts to pass must leave the list.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { importModel } from '../../../src/import/index.ts'
import { readModel, type TypeProto, type ValueInfoProto } from '../../../src/import/onnx/proto.ts'
import { messageOf } from '../../../src/import/protobuf.ts'
import { load, MleError, type InputRecord, type OutputValue } from '../../../src/index.ts'
import { bitsReader } from '../../../src/tensor/minifloat.ts'
import { isTensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { readPack } from '../../support/fixtures.ts'
import { valueOf, type OnnxValue } from '../../support/onnx-values.ts'

/** Tolerances of the suite's own runner (onnx.backend.test.runner): 1e-3 relative; 16-bit floats have 8 to 11 bits. */
const RTOL = 1e-3
const ATOL = 1e-7
const HALF_RTOL = 1e-2

const FAILING: ReadonlyMap<string, string> = new Map(Object.entries(JSON.parse(readFileSync(new URL('backend-failing.json', import.meta.url), 'utf8')) as Record<string, string>))
/** TensorProto.DataType of bfloat16 and of what has 8 bits or less and is no int8, uint8 or bool. */
const FEW_BITS: ReadonlySet<number> = new Set([16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26])

const files = readPack('onnx_backend')
const read = (path: string, { type }: ValueInfoProto): OnnxValue | undefined => {
  const bytes = files.get(path)
  return bytes === undefined ? undefined : valueOf(bytes, type)
}

function assertClose(got: OutputValue, want: OnnxValue, where: string): void {
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

async function runCase(folder: string): Promise<void> {
  const bytes = files.get(`${folder}/model.onnx`)
  assert.ok(bytes !== undefined)
  const proto = readModel(messageOf(bytes)).graph
  const model = await load(await importModel(bytes, { fileName: 'model.onnx' }), { device: 'cpu' })
  const known = new Set(model.inputs.map((info) => info.name))
  const feeds: Record<string, InputRecord[string]> = Object.create(null)
  proto?.inputs.forEach((info, i) => {
    const value = read(`${folder}/test_data_set_0/input_${i}.pb`, info)
    if (value !== undefined && known.has(info.name)) feeds[info.name] = value as InputRecord[string]
  })
  const results = await model.run(feeds)
  proto?.outputs.forEach((info, i) => {
    const want = read(`${folder}/test_data_set_0/output_${i}.pb`, info)
    if (want !== undefined) assertClose(results[info.name], want, `${folder} ${info.name}`)
  })
  model.dispose()
}

function isPlain(folder: string): boolean {
  const bytes = files.get(`${folder}/model.onnx`)
  const graph = bytes === undefined ? undefined : readModel(messageOf(bytes)).graph
  const plain = (type: TypeProto | undefined): boolean => type?.kind === 'tensor' && !FEW_BITS.has(type.dataType)
  return graph !== undefined && [...graph.inputs, ...graph.outputs].every(({ type }) => plain(type))
}

const folders = [...files.keys()].filter((path) => path.endsWith('/model.onnx')).map((path) => path.slice(0, -'/model.onnx'.length))
const groups: ReadonlyMap<string, readonly string[]> = new Map([['plain', folders.filter(isPlain)], ['other', folders.filter((folder) => !isPlain(folder))]])
const passed = new Map<string, number>()

for (const [group, own] of groups) {
  test(`${own.length} ${group} tests`, async () => {
    const wrong: string[] = []
    for (const folder of own) {
      const name = folder.slice(folder.indexOf('/') + 1)
      const expected = FAILING.get(name)
      try {
        await runCase(folder)
        passed.set(group, (passed.get(group) ?? 0) + 1)
        if (expected !== undefined) wrong.push(`${name} passes now: take it off the list`)
      } catch (error) {
        const code = error instanceof MleError ? error.code : error instanceof assert.AssertionError ? 'WRONG' : `CRASH ${String(error)}`
        if (code !== expected) wrong.push(`${name}: ${code}, ${expected === undefined ? 'expected to pass' : `expected ${expected}`} (${error instanceof Error ? error.message.split('\n')[0] : ''})`)
      }
    }
    if (process.env.BACKEND_LIST !== undefined) console.log(wrong.join('\n'))
    assert.deepEqual(wrong, [])
  })
}

after(() => {
  for (const [group, own] of groups) console.log(`ONNX backend suite, ${group} tests: ${passed.get(group) ?? 0} of ${own.length} pass`)
})
