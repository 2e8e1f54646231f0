// Estimators described by hand, as the pickle reader gives them: for versions and settings that no fixture has.
import assert from 'node:assert/strict'
import { isPyObject, readJoblib, type NumericNdArray, type PyObject, type PyValue, type StringNdArray } from '../../../src/import/pickle/index.ts'
import { allowSklearn, importSklearn } from '../../../src/import/sklearn/index.ts'
import { load } from '../../../src/load.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { compareCase, inputOf, readCases, type FixtureCase } from '../../support/fixtures.ts'

export function described(path: string, state: Readonly<Record<string, PyValue>> = {}): PyObject {
  const dot = path.lastIndexOf('.')
  return { kind: 'object', module: path.slice(0, dot), name: path.slice(dot + 1), args: [], state: new Map(Object.entries(state)), offset: 0 }
}

export function floats(values: readonly number[], shape: readonly number[] = [values.length]): NumericNdArray {
  return { kind: 'ndarray', dtype: 'float64', shape, data: Float64Array.from(values) }
}

export function integers(values: readonly number[]): NumericNdArray {
  return { kind: 'ndarray', dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }
}

export function strings(values: readonly string[]): StringNdArray {
  return { kind: 'ndarray', dtype: 'string', shape: [values.length], data: values }
}

/** A logistic regression of one feature and two classes: p = 1 / (1 + exp(-(weight x + bias))). */
export function logistic(weight: readonly number[], bias: number, classes: PyValue): PyObject {
  return described('sklearn.linear_model._logistic.LogisticRegression', {
    coef_: floats(weight, [1, weight.length]), intercept_: floats([bias]), classes_: classes, multi_class: 'auto', solver: 'lbfgs', n_features_in_: weight.length,
  })
}

/** A copy with other attributes; undefined takes one away. */
export function changed(object: PyObject, changes: Readonly<Record<string, PyValue | undefined>>): PyObject {
  const state = new Map(object.state)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) state.delete(name)
    else state.set(name, value)
  }
  return { ...object, state }
}

/** The same with attributes under other names. */
export function renamed(object: PyObject, names: Readonly<Record<string, string>>): PyObject {
  return { ...object, state: new Map([...object.state].map(([name, value]) => [names[name] ?? name, value])) }
}

export async function call(estimator: PyValue, method: string, rows: readonly (readonly number[])[]): Promise<Tensor> {
  const model = await load(importSklearn(estimator), { device: 'cpu' })
  const [result] = await model.call(method, rows)
  model.dispose()
  return result
}

export async function fixtureObject(pack: string, name: string): Promise<{ fixture: FixtureCase; object: PyObject }> {
  const fixture = readCases(pack).find((one) => one.name === name)
  assert.ok(fixture !== undefined, `${pack} has no ${name}`)
  const object = await readJoblib(fixture.bytes(fixture.description.file), { allow: allowSklearn })
  assert.ok(isPyObject(object))
  return { fixture, object }
}

/** Asserts that an estimator predicts what the fixture expects, in every method. */
export async function matchesFixture(fixture: FixtureCase, estimator: PyObject): Promise<void> {
  const model = await load(importSklearn(estimator), { device: 'cpu' })
  for (const expected of fixture.description.expected) {
    const results = await model.call(expected.method, inputOf(fixture, fixture.description.inputs[0]))
    compareCase(fixture, expected, results[expected.output_index ?? 0])
  }
  model.dispose()
}
