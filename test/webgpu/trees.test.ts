// Tree ensembles of training libraries on webgpu: float32 inputs take the same leaves as on cpu.
import assert from 'node:assert/strict'
import { importModel } from '../../src/import/index.ts'
import { load, MleError, tensor } from '../../src/index.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { text } from '../../src/ops/attributes.ts'
import { FEATURE_MASK, nodeWords } from '../../src/ops/trees/layout.ts'
import { plainNodes } from '../../src/ops/trees/stored.ts'
import { readCases } from '../support/fixtures.ts'
import { gpuTest } from '../support/gpu.ts'

const NAN = Number.NaN
/** Rows with missing values, zeros and numbers at float32 neighbours. */
function rowsFor(features: number, count: number): Float32Array {
  return Float32Array.from({ length: features * count }, (_, i) => {
    const kind = (i * 2654435761) % 11
    return kind === 0 ? NAN : kind === 1 ? 0 : kind === 2 ? Math.round(((i * 40503) % 13) - 3) : (((i * 40503) % 20011) / 20011) * 6 - 2
  })
}

/** The leaves and the sums of the ensembles of a model, as a graph of their own with float32 inputs. */
function ensemblesOf(graph: Graph): { readonly graph: Graph; readonly features: number } | undefined {
  const node = graph.nodes.find(({ op, domain }) => op === 'TreeEnsemble' && domain === 'mle')
  if (node === undefined) return undefined
  const constants = node.inputs.slice(1).map((name) => (name === '' ? undefined : graph.initializers.get(name)))
  if (constants.some((tensor_, i) => tensor_ === undefined && node.inputs[i + 1] !== '')) return undefined
  const b = graphBuilder()
  const [nodes, , roots, , , categories] = constants
  if (nodes === undefined || roots === undefined) return undefined
  const layout = text(node.attributes, 'layout', '')
  const { words } = nodeWords(plainNodes(layout, nodes.data as Uint8Array, roots.data as Uint32Array).nodes)
  let features = 1
  for (let i = 0; i < words.length; i += 4) features = Math.max(features, (words[i + 2] & FEATURE_MASK) + 1)
  const x = b.input('X', { dtype: 'float32', shape: ['rows', features] })
  const names = constants.map((constant) => (constant === undefined ? '' : b.constant(constant)))
  const attributes = Object.fromEntries([...node.attributes].map(([name, { value }]) => [name, value])) as Record<string, never>
  b.output('sums', b.add('mle.TreeEnsemble', [x, ...names], { ...attributes, accumulate: 'float32' as never }), { dtype: 'float32' })
  const rounding = node.attributes.get('rounding')?.value
  b.output('leaves', b.add('mle.TreeLeaves', [x, names[0], names[2], categories === undefined ? '' : names[5]].filter((name, i) => i < 3 || name !== ''), { layout, ...(typeof rounding === 'string' ? { rounding } : {}) }), { dtype: 'int32' })
  return { graph: b.build(), features }
}

for (const pack of ['xgboost', 'lightgbm', 'catboost']) {
  gpuTest(`ensembles of ${pack} take the same leaves as on cpu`, async (gpu, t) => {
    let models = 0
    let leaves = 0
    for (const fixture of readCases(pack).slice(0, 14)) {
      let own: ReturnType<typeof ensemblesOf>
      try {
        own = ensemblesOf(await importModel(fixture.bytes(fixture.description.file), { fileName: fixture.description.file }))
      } catch (error) {
        if (error instanceof MleError) continue
        throw error
      }
      if (own === undefined) continue
      const [model, cpu] = [await load(own.graph, { device: 'webgpu', gpu }), await load(own.graph, { device: 'cpu' })]
      const X = tensor(rowsFor(own.features, 97), [97, own.features])
      const [actual, expected] = [await model.run({ X }), await cpu.run({ X })]
      assert.deepEqual(model.placement().map(({ place }) => place), ['device'], fixture.name)
      assert.deepEqual(actual.leaves.data, expected.leaves.data, fixture.name)
      const sums = expected.sums.data as Float32Array
      const largest = sums.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
      // Sums of float32 in tree order; leaf values of float64 are rounded first.
      sums.forEach((value, i) => assert.ok(Math.abs((actual.sums.data as Float32Array)[i] - value) <= 1e-5 * largest, `${fixture.name}: ${(actual.sums.data as Float32Array)[i]} against ${value}`))
      models++
      leaves += expected.leaves.data.length
      model.dispose()
    }
    t.diagnostic(`${models} models of ${pack}, ${leaves} leaves`)
    assert.ok(models >= 3)
  })
}
