// Every sample of the old layouts: read, with predictions as computed apart from the importer, or refused with a given code.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { importModel } from '../../../src/import/index.ts'
import { load } from '../../../src/load.ts'
import { isTensor } from '../../../src/tensor/tensor.ts'
import { readPack } from '../../support/fixtures.ts'

interface Expected {
  readonly inputs: Readonly<Record<string, number[][]>>
  readonly cases: Readonly<Record<string, { readonly input: string; readonly expected: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>> }>>
}

const files = readPack('legacy_mle')
const { inputs, cases }: Expected = JSON.parse(readFileSync(new URL('../../fixtures/legacy_mle/expected.json', import.meta.url), 'utf8'))

/** Files that lack what predictions need, and files that hold no model. */
const REFUSED: readonly (readonly [pattern: RegExp, code: string, count: number])[] = [
  [/^(fixtures|v2_nozlib)\//, 'LEGACY_EMPTY', 3],
  [/\/AdaBoostRegressor/, 'LEGACY_LOST', 3],
  [/\/BaggingClassifierLR/, 'LEGACY_LOST', 6],
  [/\/(DBSCAN|AgglomerativeClustering)/, 'LEGACY_LOST', 3],
  // Gradient boosting lost all its trees in the first generation of layout B.
  [/^g2\/GradientBoosting/, 'LEGACY_LOST', 7],
  // gamma='scale' of regressors.
  [/\/(SVR|NuSVR)(_noshape)?\.mle$/, 'LEGACY_LOST', 6],
]

/** Read without expected values: scikit-learn 1.2.1 cannot read this pickle. */
const UNCHECKED = ['pkl24/rf_noshape.mle']

function codeOf(path: string): string | undefined {
  return REFUSED.find(([pattern]) => pattern.test(path))?.[1]
}

/** Error allowed: float64 where the file says all; networks run in float32; recovered weights of members have 6 digits, a recovered gamma 3. */
function tolerance(path: string): number {
  if (/\/(SVC|NuSVC)_/.test(path)) return 2e-3
  if (path.includes('/AdaBoost')) return 1e-6
  return /torch_|example_model/.test(path) ? 2e-6 : 1e-9
}

test('every sample is listed once', () => {
  assert.equal(files.size, 221)
  for (const [pattern, , count] of REFUSED) assert.equal([...files.keys()].filter((path) => pattern.test(path)).length, count, String(pattern))
  const read = [...files.keys()].filter((path) => codeOf(path) === undefined)
  assert.deepEqual(read.filter((path) => cases[path] === undefined), UNCHECKED)
  assert.equal(Object.keys(cases).filter((path) => codeOf(path) !== undefined).length, 0)
})

test('every sample is read or refused', async (context) => {
  const counts = new Map<string, number>()
  for (const [path, bytes] of files) {
    const code = codeOf(path)
    counts.set(code ?? 'read', (counts.get(code ?? 'read') ?? 0) + 1)
    if (code !== undefined) {
      await assert.rejects(importModel(bytes, { fileName: path }), (error) => error instanceof MleError && error.code === code, path)
      continue
    }
    const graph = await importModel(bytes, { fileName: path })
    const expected = cases[path]
    const model = await load(graph, { device: 'cpu' })
    const width = graph.inputs[0].type
    if (expected === undefined) {
      assert.ok('shape' in width)
      const { probabilities } = await model.run({ X: [[0, 0, 0, 0, 0]] })
      assert.ok(isTensor(probabilities))
      assert.ok(Math.abs(Array.from(probabilities.data, Number).reduce((sum, one) => sum + one, 0) - 1) < 1e-12, path)
      continue
    }
    const results = await model.run({ X: inputs[expected.input] })
    for (const [name, { shape, data }] of Object.entries(expected.expected)) {
      const result = results[name]
      assert.ok(isTensor(result), `${path} has no output ${name}, only ${graph.outputs.map((info) => info.name).join(', ')}`)
      assert.deepEqual([...result.shape], shape, `${path} ${name}`)
      const scale = Math.max(1, ...data.map(Math.abs))
      for (let i = 0; i < data.length; i++) {
        const got = Number(result.data[i])
        const isRight = result.dtype === 'int32' ? got === data[i] : Math.abs(got - data[i]) <= tolerance(path) * scale
        assert.ok(isRight, `${path} ${name}: element ${i} is ${got}, expected ${data[i]}`)
      }
    }
  }
  context.diagnostic([...counts].map(([what, count]) => `${what}: ${count}`).join(', '))
  assert.equal(counts.get('read'), 193)
})
