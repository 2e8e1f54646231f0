// What Deno runs on its own WebGPU: networks, and a chain of two runs whose tensor stays on the GPU. Reads models and inputs from a JSON file and writes one.
import { load } from '../../src/index.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { describeGpu, requestGpu, toGpu } from '../../src/webgpu.ts'

interface Case {
  readonly name: string
  /** The .mle file in base64. */
  readonly model: string
  readonly inputs: Readonly<Record<string, { readonly dtype: string; readonly shape: readonly number[]; readonly data: readonly (number | string)[] }>>
}

interface Host {
  readTextFile(path: string): Promise<string>
  writeTextFile(path: string, text: string): Promise<void>
  readonly args: readonly string[]
}

const { readTextFile, writeTextFile, args: [input, output] } = (globalThis as unknown as { Deno: Host }).Deno
const plain = ({ shape, data }: Tensor): object => ({ shape, data: Array.from(data as ArrayLike<number>, Number) })

async function main(): Promise<object> {
  let gpu: GPUDevice
  try {
    gpu = await requestGpu()
  } catch (error) {
    return { missing: String(error) }
  }
  const results: Record<string, object> = {}
  for (const { name, model: file, inputs } of JSON.parse(await readTextFile(input)) as readonly Case[]) {
    const model = await load(Uint8Array.from(atob(file), (c) => c.charCodeAt(0)), { device: 'webgpu', gpu })
    const feeds = Object.fromEntries(Object.entries(inputs).map(([key, { dtype, shape, data }]) => [key, { dtype, shape, data: dtype === 'int64' ? BigInt64Array.from(data as readonly string[], BigInt) : Float32Array.from(data as readonly number[]) } as Tensor]))
    const host = await model.run(feeds)
    const there = await model.run(Object.fromEntries(Object.entries(feeds).map(([key, value]) => [key, toGpu(gpu, value)])), { onDevice: true })
    const read: Record<string, object> = {}
    for (const [key, value] of Object.entries(there)) read[key] = plain(await value.read())
    results[name] = { outputs: Object.fromEntries(Object.entries(host).map(([key, value]) => [key, plain(value)])), read, places: model.placement({ inputs: feeds }).map(({ place }) => place) }
    model.dispose()
  }
  return { results, report: describeGpu(gpu) }
}

await writeTextFile(output, JSON.stringify(await main()))
