// From bytes to a model that can run, in a warm process: the file each engine reads, already in memory.
import * as ours from '../engines/mle.ts'
import { ortEngines } from '../engines/ort.ts'
import { compare, type Subject } from '../measure.ts'
import { benchModel } from '../models.ts'
import { joined, type Column, type Workload } from '../results.ts'

const MODELS = ['logreg50', 'mlp_784_128_10', 'xgb500_depth6', 'rf500_depth10', 'rf100_full_depth']

export const load: Workload = async ({ effort }) => {
  const columns: Column[] = []
  const engines = await ortEngines()
  for (const name of MODELS) {
    const model = await benchModel(name)
    const inputs = [{ type: 'float32', data: model.rows.subarray(0, model.features), dims: [1, model.features] }] as const
    const once = [ ...inputs ]
    const subjects: Subject[] = [{
      engine: 'mle-runtime',
      run: async () => (await ours.load(model.mle)).dispose(),
      values: async () => {
        using loaded = await ours.load(model.mle)
        return ours.numbers(loaded.runSync({ X: once[0].data }, model.outputs)[model.outputs[model.outputs.length - 1]])
      },
    }]
    for (const { engine, ort, options } of engines) {
      subjects.push({
        engine,
        run: async () => (await ort.InferenceSession.create(model.onnx, options)).release(),
        values: async () => {
          const session = await ort.InferenceSession.create(model.onnx, options)
          const result = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', once[0].data, once[0].dims) })
          return Float64Array.from(result[model.onnxOutput].data as ArrayLike<number>, Number)
        },
      })
    }
    console.error(`  ${name}`)
    columns.push({ name, results: await compare(subjects, effort) })
  }
  return [joined('Load, warm process', 'bytes in memory to a model that can run, and giving it back', columns)]
}
