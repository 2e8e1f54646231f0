// The vectors made from the sources do not drift, and nothing that a runtime can be asked for goes without one.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { allFiles, type MadeVector } from '../../conformance/make/files.ts'
import { graphVectors } from '../../conformance/make/graphs.ts'
import { operatorVectors } from '../../conformance/make/operators.ts'
import { filesOf, readIndex, type Area } from '../../conformance/runner/vectors.ts'
import { allSchemas } from '../../src/ops/registry.ts'

const root = fileURLToPath(new URL('../../conformance/', import.meta.url))
const index = readIndex(root)

/** Operators that no vector has, with the reason. One that gets a vector must leave the list. */
const UNJUDGED: ReadonlyMap<string, string> = new Map([
  ['mle.FusedMatMul', 'no case of the training libraries of at most 100 KB uses it'],
  ['mle.WeightMatMul', '`load` makes it of Cast and DequantizeLinear, which have vectors; no file need name it'],
  ['mle.LinearLeaves', 'no case of the training libraries of at most 100 KB uses it'],
  ['GlobalLpPool', 'no formula in float64, and no packed test of the ONNX project uses it'],
  ['MaxRoiPool', 'no formula in float64, and no packed test of the ONNX project uses it'],
  ['MaxUnpool', 'no formula in float64, and no packed test of the ONNX project uses it'],
  ['Bernoulli', 'its random numbers are of this runtime alone'],
  ['Multinomial', 'its random numbers are of this runtime alone'],
  ['RandomNormal', 'its random numbers are of this runtime alone'],
  ['RandomNormalLike', 'its random numbers are of this runtime alone'],
  ['RandomUniform', 'its random numbers are of this runtime alone'],
  ['RandomUniformLike', 'its random numbers are of this runtime alone'],
])

async function assertCurrent(area: Area, make: () => Promise<MadeVector[]>): Promise<void> {
  const made = new Map((await make()).flatMap((vector) => allFiles(vector).map(([name, bytes]) => [`${vector.path.slice(area.length + 1)}/${name}`, bytes] as const)))
  assert.deepEqual(filesOf(join(root, area)), [...made.keys()].sort(), `run: npm run build:vectors -- ${area}`)
  for (const [name, bytes] of made) assert.ok(Buffer.from(bytes).equals(readFileSync(join(root, area, name))), `${area}/${name} has changed; run: npm run build:vectors -- ${area}`)
}

test('operators are what the formulas give today', () => assertCurrent('operators', operatorVectors))

test('graphs are what make/graphs.ts says', () => assertCurrent('graphs', graphVectors))

test('every operator of the registry is in a vector, or on a list with the reason', () => {
  const judged = new Set(index.flatMap(({ operators }) => operators))
  assert.deepEqual([...allSchemas().keys()].filter((key) => !judged.has(key) && !UNJUDGED.has(key)), [], 'add a case in conformance/make/ and run npm run build:vectors; or run npm run build:vectors -- onnx models; or say in UNJUDGED why not')
  assert.deepEqual([...UNJUDGED.keys()].filter((key) => judged.has(key) || !allSchemas().has(key)), [], 'these are judged or gone; take them off UNJUDGED')
})

test('vectors name operators that exist', () => {
  const refused = (path: string): boolean => path.startsWith('graphs/refused/')
  assert.deepEqual(index.filter(({ path, operators }) => !refused(path) && operators.some((key) => !allSchemas().has(key))).map(({ path }) => path), [])
})

test('what others have computed names its origin and licence', () => {
  for (const { path, area } of index) {
    if (area !== 'models' && area !== 'onnx') continue
    const { origin, licence, expected }: Record<string, unknown> = JSON.parse(readFileSync(join(root, path, 'case.json'), 'utf8'))
    assert.match(String(origin), /^(predicted by [\w-]+ [\d.]+|.*github[:.].+)$/, path)
    assert.match(String(licence), /^(MIT|Apache-2\.0)/, path)
    assert.ok(Array.isArray(expected) && expected.length > 0, path)
  }
})

test('the vectors stay small', () => {
  const bytes = filesOf(root).reduce((sum, name) => sum + readFileSync(join(root, name)).length, 0)
  assert.ok(bytes < 8e6, `${bytes} bytes`)
})
