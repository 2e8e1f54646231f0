// The ONNX project's backend tests (the part that is packed) with plain tensors in and out, through importModel and load. A test
// that does not pass stands in backend-failing.json with the code of its error; one that starts to pass must leave the list.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { importModel } from '../../../src/import/index.ts'
import { readModel, readTensor } from '../../../src/import/onnx/proto.ts'
import { tensorOf } from '../../../src/import/onnx/tensors.ts'
import { messageOf } from '../../../src/import/protobuf.ts'
import { load, MleError, type InputRecord, type Tensor } from '../../../src/index.ts'
import { bfloatToFloat, halfToFloat } from '../../../src/tensor/half.ts'
import { readPack } from '../../support/fixtures.ts'

/** Tolerances of the suite's own runner (onnx.backend.test.runner): 1e-3 relative; 16-bit floats have 8 to 11 bits. */
const RTOL = 1e-3
const ATOL = 1e-7
const HALF_RTOL = 1e-2

const FAILING: ReadonlyMap<string, string> = new Map(Object.entries(JSON.parse(readFileSync(new URL('backend-failing.json', import.meta.url), 'utf8')) as Record<string, string>))

const files = readPack('onnx_backend')
const read = (path: string): Tensor | undefined => {
  const bytes = files.get(path)
  return bytes === undefined ? undefined : tensorOf(readTensor(messageOf(bytes)), undefined)
}

function numberAt({ dtype, data }: Tensor, i: number): number {
  return dtype === 'float16' ? halfToFloat(Number(data[i])) : dtype === 'bfloat16' ? bfloatToFloat(Number(data[i])) : Number(data[i])
}

function assertClose(got: Tensor, want: Tensor, where: string): void {
  assert.equal(got.dtype, want.dtype, `${where}: dtype`)
  assert.deepEqual(got.shape, want.shape, `${where}: shape`)
  const rtol = want.dtype === 'float16' || want.dtype === 'bfloat16' ? HALF_RTOL : RTOL
  for (let i = 0; i < want.data.length; i++) {
    if (want.dtype === 'string') {
      assert.equal(got.data[i], want.data[i], `${where}: element ${i}`)
      continue
    }
    const a = numberAt(got, i)
    const b = numberAt(want, i)
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
  proto?.inputs.forEach(({ name }, i) => {
    const value = read(`${folder}/test_data_set_0/input_${i}.pb`)
    if (value !== undefined && known.has(name)) feeds[name] = value
  })
  const results = await model.run(feeds)
  proto?.outputs.forEach(({ name }, i) => {
    const want = read(`${folder}/test_data_set_0/output_${i}.pb`)
    if (want !== undefined) assertClose(results[name], want, `${folder} ${name}`)
  })
  model.dispose()
}

function isPlain(folder: string): boolean {
  const bytes = files.get(`${folder}/model.onnx`)
  const graph = bytes === undefined ? undefined : readModel(messageOf(bytes)).graph
  return graph !== undefined && [...graph.inputs, ...graph.outputs].every((value) => value.type?.kind === 'tensor')
}

const folders = [...files.keys()].filter((path) => path.endsWith('/model.onnx')).map((path) => path.slice(0, -'/model.onnx'.length)).filter(isPlain)
let passed = 0

test(`${folders.length} tests with plain tensors`, async () => {
  const wrong: string[] = []
  for (const folder of folders) {
    const name = folder.slice(folder.indexOf('/') + 1)
    const expected = FAILING.get(name)
    try {
      await runCase(folder)
      passed++
      if (expected !== undefined) wrong.push(`${name} passes now: take it off the list`)
    } catch (error) {
      const code = error instanceof MleError ? error.code : error instanceof assert.AssertionError ? 'WRONG' : `CRASH ${String(error)}`
      if (code !== expected) wrong.push(`${name}: ${code}, ${expected === undefined ? 'expected to pass' : `expected ${expected}`} (${error instanceof Error ? error.message.split('\n')[0] : ''})`)
    }
  }
  if (process.env.BACKEND_LIST !== undefined) console.log(wrong.join('\n'))
  assert.deepEqual(wrong, [])
})

after(() => console.log(`ONNX backend suite: ${passed} of ${folders.length} tests with plain tensors pass`))
