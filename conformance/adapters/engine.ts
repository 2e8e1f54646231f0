// This project's engine as the runner sees it: a model file and input files in, output files out.
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readInputs } from '../../src/cli/inputs.ts'
import { jsonText } from '../../src/cli/json.ts'
import { asInPython } from '../../src/cli/outputs.ts'
import type { DeviceName } from '../../src/graph/device.ts'
import { importModel } from '../../src/import/index.ts'
import type { ValueInfo } from '../../src/graph/graph.ts'
import { load, type LoadOptions } from '../../src/load.ts'
import type { OutputValue } from '../../src/runs.ts'
import { writeNpy } from '../../src/tensor/npy.ts'
import { isTensor } from '../../src/tensor/tensor.ts'
import type { BatchRequest } from '../runner/batch.ts'
import type { OutputFile, Reply } from '../runner/judge.ts'

/** Every output of a model file for input files, as `mle run --outputs` would write them; never throws. */
export async function runFiles({ model: path, inputs, integrity, policy, key }: Omit<BatchRequest, 'id' | 'outputs'>, device: DeviceName, options: LoadOptions = {}): Promise<Reply> {
  try {
    const bytes = new Uint8Array(readFileSync(path))
    // Files of other formats are imported first, as the command does; those beside them are out of reach.
    const model = await load(path.endsWith('.mle') ? bytes : await importModel(bytes, { fileName: basename(path), externalData: () => undefined }), { ...options, ...trustOf(policy, key), device, integrity })
    try {
      const { graph } = model
      const outputs = graph.outputs.map(({ name }) => name)
      const results = await model.run(await readInputs(graph, inputs.map(({ name, file }) => `${name}=${file}`)), { outputs })
      return { kind: 'outputs', files: new Map(graph.outputs.map((info, i) => [i, fileOf(results[info.name], info)])) }
    } finally {
      model.dispose()
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof Error && error.name === 'MleError' && 'code' in error ? String(error.code) : 'INTERNAL'
    return { kind: 'refused', code, message }
  }
}

/** policy.json and the keys that it names, or the file of a secret key, as `load` takes them. */
function trustOf(policy: string | undefined, key: string | undefined): Pick<LoadOptions, 'verify' | 'key'> {
  if (key !== undefined) return { key: new Uint8Array(readFileSync(key)) }
  if (policy === undefined) return {}
  const { signers, modelId, minVersion, now } = JSON.parse(readFileSync(policy, 'utf8')) as { signers: string[]; modelId: string; minVersion: number; now: string }
  return { verify: { signers: signers.map((name) => readFileSync(join(dirname(policy), name), 'utf8')), modelId, minVersion, now: new Date(now) } }
}

/** An output as `mle run` writes it: arrays as .npy in the training library's dtype, texts and containers as .json. */
export function fileOf(output: OutputValue, info: ValueInfo): OutputFile {
  const value = asInPython(output, info)
  return isTensor(value) && value.dtype !== 'string' ? { format: 'npy', bytes: writeNpy(value) } : { format: 'json', bytes: new TextEncoder().encode(jsonText(value)) }
}
