// Layers of torch.nn one by one, as printed models over state dicts, checkpoints and safetensors, or as TorchScript, against what torch computes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importModel } from '../../../src/import/index.ts'
import { load, type InputRecord, type Tensor } from '../../../src/index.ts'
import { viewData, type DType } from '../../../src/tensor/index.ts'
import { readPack } from '../../support/fixtures.ts'

interface Recorded {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: string
}

interface Case {
  readonly fileName: string
  readonly architecture?: string
  /** Of the inputs in order. */
  readonly shapes: readonly (readonly number[])[]
  readonly feeds: readonly Recorded[]
  readonly expected: readonly Recorded[]
}

function tensorOf({ dtype, shape, data }: Recorded): Tensor {
  return { dtype, shape, data: viewData(dtype, Uint8Array.from(Buffer.from(data, 'base64')).buffer, 0, shape.reduce((count, dim) => count * dim, 1)) }
}

const files = readPack('pytorch_layers')
const names = [...files.keys()].filter((path) => path.endsWith('/case.json')).map((path) => path.slice(0, -'/case.json'.length))

/** Inputs by the name that the file has for them; a module of one input calls it `input` unless it says otherwise. */
async function inputNames(bytes: Uint8Array, { fileName, architecture, shapes }: Case): Promise<string[]> {
  try {
    return (await importModel(bytes, { fileName, architecture })).inputs.map(({ name }) => name)
  } catch (error) {
    if (shapes.length > 1) throw error
    return ['input']
  }
}

test(`${names.length} layers`, async () => {
  for (const name of names) {
    const one = JSON.parse(new TextDecoder().decode(files.get(`${name}/case.json`))) as Case
    const bytes = files.get(`${name}/${one.fileName}`)
    assert.ok(bytes, name)
    const { fileName, architecture, shapes } = one
    const inputShapes = Object.fromEntries((await inputNames(bytes, one)).map((input, i) => [input, [...shapes[i]]]))
    const model = await load(await importModel(bytes, { fileName, architecture, inputShapes }), { device: 'cpu' })
    const results = Object.values(await model.run(Object.fromEntries(model.inputs.map((input, i) => [input.name, tensorOf(one.feeds[i])])) as InputRecord))
    one.expected.map(tensorOf).forEach((want, i) => {
      const got = results[i]
      assert.deepEqual([got.dtype, got.shape], [want.dtype, want.shape], `${name}: output ${i}`)
      const [a, b] = [got, want].map(({ data }) => Array.from(data as ArrayLike<number>, Number))
      const largest = b.reduce((size, value) => Math.max(size, Math.abs(value)), 0)
      b.forEach((value, k) => assert.ok(Math.abs(a[k] - value) <= 1e-5 * largest + 1e-4 * Math.abs(value), `${name}: output ${i}, element ${k} is ${a[k]}, expected ${value}`))
    })
    model.dispose()
  }
})
