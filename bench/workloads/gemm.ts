// Square matrix products, float32 beside the web runtimes and float64 beside numpy's BLAS.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { graphBuilder } from '../../src/graph/builder.ts'
import * as ours from '../engines/mle.ts'
import { ortEngines, ortSubject } from '../engines/ort.ts'
import { startPython } from '../engines/python.ts'
import { matMulSubject } from '../engines/tfjs.ts'
import { compare, type Subject } from '../measure.ts'
import { DOUBLE, FLOAT, oneNode } from '../onnx.ts'
import { fillUniform } from '../random.ts'
import { joined, type Column, type Table, type Workload } from '../results.ts'

export const gemm: Workload = async ({ quick, effort }) => {
  const tables: Table[] = []
  const sizes = quick ? [64, 256, 512] : [64, 256, 512, 1024]
  const python = startPython()
  const engines = await ortEngines()
  for (const dtype of ['float32', 'float64'] as const) {
    const columns: Column[] = []
    for (const n of sizes) {
      const a = fillUniform(dtype === 'float32' ? new Float32Array(n * n) : new Float64Array(n * n), 5, 2)
      const b = fillUniform(dtype === 'float32' ? new Float32Array(n * n) : new Float64Array(n * n), 6, 2)
      const subjects: Subject[] = [await productSubject(dtype, a, b, n)]
      const type = dtype === 'float32' ? FLOAT : DOUBLE
      const value = (name: string): { name: string; type: number; shape: number[] } => ({ name, type, shape: [n, n] })
      const onnx = oneNode('MatMul', [value('A'), value('B')], value('Y'))
      for (const engine of engines) {
        subjects.push(await ortSubject(engine, onnx, [[a, b].map((data) => ({ type: dtype, data, dims: [n, n] }))], 'Y'))
      }
      if (a instanceof Float32Array && b instanceof Float32Array) subjects.push(await matMulSubject(a, b, n))
      if (python !== undefined) {
        const paths = [a, b].map((data, i) => {
          const path = join(import.meta.dirname, `../.cache/gemm-${i}.${dtype}`)
          writeFileSync(path, new Uint8Array(data.buffer))
          return path
        })
        const id = `${dtype}${n}`
        const engine = String(await python.ask({ do: 'gemm', id, n, dtype, paths }))
        subjects.push({ engine, measure: async (ms) => Number(await python.ask({ do: 'measure', id, ms })), values: async () => (await python.ask({ do: 'values', id })) as number[] })
      }
      console.error(`  ${dtype} ${n}`)
      columns.push({ name: `${n}`, results: await compare(subjects, effort) })
    }
    const table = joined(`${dtype} product of square matrices`, 'both matrices are inputs; GFLOP/s', columns)
    tables.push({ ...table, unit: 'GFLOP/s', rows: table.rows.map(({ engine, cells }) => ({ engine, cells: cells.map((cell, i) => (cell === null ? null : { ...cell, value: (2 * sizes[i] ** 3) / cell.value / 1000 })) })) })
  }
  python?.close()
  return tables
}

async function productSubject(dtype: 'float32' | 'float64', a: Float32Array | Float64Array, b: Float32Array | Float64Array, n: number): Promise<Subject> {
  const builder = graphBuilder()
  const type = { dtype, shape: [n, n] }
  const product = builder.add('MatMul', [builder.input('A', type), builder.input('B', type)])
  builder.output('Y', product, type)
  const model = await ours.load(builder.build(), { device: 'wasm' })
  const session = model.session()
  ;(session.inputs.A.data as Float64Array).set(a)
  ;(session.inputs.B.data as Float64Array).set(b)
  return { engine: 'mle-runtime, session', run: () => session.run(), values: () => (session.run(), ours.numbers(session.outputs.Y)) }
}
