// Networks from ONNX files: a residual network for images and an encoder of transformers.
import { readPack } from '../../test/support/fixtures.ts'
import * as ours from '../engines/mle.ts'
import { ortEngines, ortSubject, type OrtInput } from '../engines/ort.ts'
import { compare, type Subject } from '../measure.ts'
import { bertInput, bertOnnx, imageRows } from '../models.ts'
import { joined, type Column, type Table, type Workload } from '../results.ts'

interface Network {
  readonly name: string
  readonly about: string
  readonly onnx: Uint8Array
  readonly output: string
  readonly inputs: (batch: number) => readonly OrtInput[]
  readonly batches: readonly number[]
}

function networks(quick: boolean): Network[] {
  const resnet = readPack('networks').get('resnet18_quarter/model.onnx')
  if (resnet === undefined) throw new Error('the fixtures of the tests have no resnet18_quarter')
  return [
    {
      name: 'resnet18_quarter', about: 'ResNet-18 of a quarter of the channels, 224 x 224 images', onnx: resnet, output: 'output_0',
      inputs: (batch) => [{ type: 'float32', data: imageRows(batch), dims: [batch, 3, 224, 224] }],
      batches: quick ? [1] : [1, 4],
    },
    {
      name: 'bert_mini', about: '4 layers of 256, 4 heads, 64 tokens; weights from a seed', onnx: bertOnnx(), output: 'output_1',
      inputs: (batch) => [0, 1].map((i) => ({ type: 'int64', data: tokens(i as 0 | 1, batch), dims: [batch, 64] })),
      batches: quick ? [1] : [1, 4],
    },
  ]
}

function tokens(index: 0 | 1, batch: number): BigInt64Array {
  const one = bertInput(index)
  return BigInt64Array.from({ length: batch * 64 }, (_, i) => one[i % one.length])
}

export const nets: Workload = async ({ quick, effort }) => {
  const tables: Table[] = []
  const engines = await ortEngines()
  for (const { name, about, onnx, output, inputs, batches } of networks(quick)) {
    const mle = await ours.convert(onnx, 'model.onnx')
    const model = await ours.load(mle)
    const relaxed = await ours.load(mle, { determinism: 'relaxed' })
    const columns: Column[] = []
    for (const batch of batches) {
      const given = inputs(batch)
      const feeds = Object.fromEntries(model.inputs.map((info, i) => [info.name, { dtype: info.dtype, shape: given[i].dims, data: given[i].data }]))
      const subjectOf = (engine: string, own: typeof model): Subject => ({ engine, run: () => own.runSync(feeds), values: () => ours.numbers(own.runSync(feeds)[output]) })
      const subjects = [subjectOf('mle-runtime, runSync', model), subjectOf("mle-runtime, runSync, determinism 'relaxed'", relaxed)]
      for (const engine of engines) subjects.push(await ortSubject(engine, onnx, [given], output))
      console.error(`  ${name}, ${batch}`)
      columns.push({ name: `batch ${batch}`, results: await compare(subjects, effort, 1e-3) })
    }
    tables.push(joined(name, `${about}; device ${model.device.name}`, columns))
    model.dispose()
    relaxed.dispose()
  }
  return tables
}
