// Masks: who makes, joins and drops them, which versions of Keras differ in.
import { test } from 'node:test'
import type { Tensor } from '../../../src/tensor/index.ts'
import { at, close, predict, randoms, range, sum, type Plain, type TestLayer } from './build.ts'

const random = randoms(5)
const STEPS = 4
const FEATURES = 3

/** A sequence whose steps at these places are zeros, which Masking skips. */
function withGaps(places: readonly number[]): Tensor {
  const x = random([2, STEPS, FEATURES])
  return { ...x, data: Float32Array.from(x.data as Float32Array, (value, i) => (places.includes(Math.floor(i / FEATURES)) ? 0 : value)) }
}

const A_GAPS = [0, 3, 5]
const B_GAPS = [0, 1, 5, 7]
const [a, b] = [withGaps(A_GAPS), withGaps(B_GAPS)]
const isKept = (gaps: readonly number[], n: number, t: number): boolean => !gaps.includes(n * STEPS + t)

/** Two masked inputs, layers on them, the outputs named. */
function run(layers: readonly TestLayer[], outputs: readonly string[], version: string): Promise<Tensor[]> {
  const input = (name: string): TestLayer => ({ class_name: 'InputLayer', config: { name, batch_input_shape: [null, STEPS, FEATURES] } })
  const masking = (name: string): TestLayer => ({ class_name: 'Masking', config: { name: `m${name}` }, inbound_nodes: [[[name, 0, 0, {}]]] })
  return predict([input('a'), input('b'), masking('a'), masking('b'), ...layers], [a, b], { input_layers: [['a', 0, 0], ['b', 0, 0]], output_layers: outputs.map((name) => [name, 0, 0]) }, version)
}

const merged = (class_name: string, more: { readonly [key: string]: Plain } = {}): TestLayer => ({ class_name, config: { name: 'merged', ...more }, inbound_nodes: [[['ma', 0, 0, {}], ['mb', 0, 0, {}]]] })
const mean: TestLayer = { class_name: 'GlobalAveragePooling1D', config: { name: 'mean' }, inbound_nodes: [[['merged', 0, 0, {}]]] }

function meansOver(values: (n: number, t: number, c: number) => number, kept: (n: number, t: number) => boolean, features = FEATURES): number[] {
  return range(2).flatMap((n) => range(features).map((c) => {
    const steps = range(STEPS).filter((t) => kept(n, t))
    return sum(steps.map((t) => values(n, t, c))) / steps.length
  }))
}

test('merging layers count steps that all inputs keep, from Keras 3.4 on those that any does', async () => {
  const both = (n: number, t: number): boolean => isKept(A_GAPS, n, t) && isKept(B_GAPS, n, t)
  const either = (n: number, t: number): boolean => isKept(A_GAPS, n, t) || isKept(B_GAPS, n, t)
  for (const [version, kept] of [['2.15.0', both], ['3.3.3', both], ['3.4.1', either], ['3.10.0', either]] as const) {
    const [sums, total] = await run([merged('Add'), mean], ['merged', 'mean'], version)
    close(sums, range(2).flatMap((n) => range(STEPS).flatMap((t) => range(FEATURES).map((c) => at(a, n, t, c) + at(b, n, t, c)))), [2, STEPS, FEATURES])
    close(total, meansOver((n, t, c) => at(a, n, t, c) + at(b, n, t, c), kept), [2, FEATURES])
    const [, beside] = await run([merged('Concatenate', { axis: -1 }), mean], ['merged', 'mean'], version)
    close(beside, meansOver((n, t, c) => (c < FEATURES ? at(a, n, t, c) : at(b, n, t, c - FEATURES)), kept, 2 * FEATURES), [2, 2 * FEATURES])
  }
})

test('from Keras 3.4 on, masked steps take no part in products and extremes', async () => {
  const places = range(2).flatMap((n) => range(STEPS).flatMap((t) => range(FEATURES).map((c) => [n, t, c] as const)))
  for (const version of ['3.3.3', '3.4.0']) {
    const isNew = version === '3.4.0'
    const expected = (step: (x: number, y: number) => number): number[] => places.map(([n, t, c]) => {
      const [x, y] = [at(a, n, t, c), at(b, n, t, c)]
      if (!isNew || isKept(A_GAPS, n, t) === isKept(B_GAPS, n, t)) return step(x, y)
      return isKept(A_GAPS, n, t) ? x : y
    })
    const [product] = await run([merged('Multiply')], ['merged'], version)
    close(product, expected((x, y) => x * y), [2, STEPS, FEATURES])
    const [most] = await run([merged('Maximum')], ['merged'], version)
    close(most, expected(Math.max), [2, STEPS, FEATURES])
    const [least] = await run([merged('Minimum')], ['merged'], version)
    close(least, expected(Math.min), [2, STEPS, FEATURES])
  }
})

test('Bidirectional gives zeros at masked steps since TensorFlow 2.0', async () => {
  const [kernel, recurrent] = [random([FEATURES, 2]), random([2, 2])]
  const cell = { class_name: 'SimpleRNN', config: { name: 'rnn', units: 2, activation: 'tanh', use_bias: false, return_sequences: true } }
  const both: TestLayer = { class_name: 'Bidirectional', config: { name: 'both', merge_mode: 'concat', layer: cell }, weights: [kernel, recurrent, kernel, recurrent], inbound_nodes: [[['ma', 0, 0, {}]]] }
  const direction = (n: number, order: readonly number[], repeats: boolean): number[][] => {
    let state = [0, 0]
    const steps: number[][] = []
    for (const t of order) {
      if (isKept(A_GAPS, n, t)) state = range(2).map((u) => Math.tanh(sum(range(FEATURES).map((c) => at(a, n, t, c) * at(kernel, c, u))) + sum(range(2).map((v) => state[v] * at(recurrent, v, u)))))
      steps[t] = isKept(A_GAPS, n, t) || repeats ? state : [0, 0]
    }
    return steps
  }
  for (const [version, repeats] of [['2.2.4', true], ['2.2.4-tf', false], ['2.15.0', false], ['3.5.0', false]] as const) {
    const [got] = await run([both], ['both'], version)
    close(got, range(2).flatMap((n) => {
      const [forward, backward] = [direction(n, range(STEPS), repeats), direction(n, range(STEPS).reverse(), repeats)]
      return range(STEPS).flatMap((t) => [...forward[t], ...backward[t]])
    }), [2, STEPS, 4])
  }
})

test('a mask that a call passes goes before that of its input', async () => {
  const flags: TestLayer = { class_name: 'TFOpLambda', config: { name: 'flags', function: 'cast' }, inbound_nodes: [['picked', 0, 0, { dtype: 'bool' }]] }
  const picked: TestLayer = { class_name: 'SlicingOpLambda', config: { name: 'picked', function: '__operators__.getitem' }, inbound_nodes: [['b', 0, 0, { slice_spec: [{ start: null, stop: null, step: null }, { start: null, stop: null, step: null }, 0] }]] }
  const own: TestLayer = { class_name: 'GlobalAveragePooling1D', config: { name: 'mean' }, inbound_nodes: [[['ma', 0, 0, { mask: ['flags', 0, 0] }]]] }
  const [got] = await run([picked, flags, own], ['mean'], '2.12.0')
  close(got, meansOver((n, t, c) => at(a, n, t, c), (n, t) => isKept(B_GAPS, n, t)), [2, FEATURES])
})

test('until Keras 2.3 the first masked steps repeat the first state, and states of stacked cells begin with the last', async () => {
  const [kernel, recurrent] = [random([FEATURES, FEATURES]), random([FEATURES, FEATURES])]
  const state: TestLayer = { class_name: 'SlicingOpLambda', config: { name: 'state', function: '__operators__.getitem' }, inbound_nodes: [['b', 0, 0, { slice_spec: [{ start: null, stop: null, step: null }, 2] }]] }
  const rnn: TestLayer = { class_name: 'SimpleRNN', config: { name: 'rnn', units: FEATURES, activation: 'tanh', use_bias: false, return_sequences: true }, weights: [kernel, recurrent], inbound_nodes: [[['ma', 0, 0, {}], ['state', 0, 0, {}]]] }
  const step = (x: (c: number) => number, h: readonly number[], k: Tensor, r: Tensor): number[] => range(FEATURES).map((u) => Math.tanh(sum(range(FEATURES).map((c) => x(c) * at(k, c, u) + h[c] * at(r, c, u)))))
  for (const version of ['2.2.4', '2.15.0']) {
    const want = range(2).flatMap((n) => {
      let h = range(FEATURES).map((c) => at(b, n, 2, c))
      let last = version === '2.2.4' ? h : [0, 0, 0]
      return range(STEPS).flatMap((t) => {
        if (isKept(A_GAPS, n, t)) last = h = step((c) => at(a, n, t, c), h, kernel, recurrent)
        return last
      })
    })
    close((await run([state, rnn], ['rnn'], version))[0], want, [2, STEPS, FEATURES])
  }
  const cells = ['one', 'two'].map((name) => ({ class_name: 'SimpleRNNCell', config: { name, units: FEATURES, activation: 'tanh', use_bias: false } }))
  const more = [random([FEATURES, FEATURES]), random([FEATURES, FEATURES])]
  const stack: TestLayer = { class_name: 'RNN', config: { name: 'stack', return_state: true, cell: { class_name: 'StackedRNNCells', config: { name: 'cells', cells } } }, weights: [kernel, recurrent, ...more], inbound_nodes: [[['a', 0, 0, {}]]] }
  const finals = range(2).map((n) => {
    let [h, g] = [[0, 0, 0], [0, 0, 0]]
    for (const t of range(STEPS)) {
      h = step((c) => at(a, n, t, c), h, kernel, recurrent)
      const below = h
      g = step((c) => below[c], g, more[0], more[1])
    }
    return { h, g }
  })
  const inputs: TestLayer[] = [{ class_name: 'InputLayer', config: { name: 'a', batch_input_shape: [null, STEPS, FEATURES] } }, stack]
  for (const version of ['2.2.4', '2.15.0']) {
    const [, first, second] = await predict(inputs, [a], { input_layers: [['a', 0, 0]], output_layers: [['stack', 0, 0], ['stack', 0, 1], ['stack', 0, 2]] }, version)
    const [h, g] = [finals.flatMap((one) => one.h), finals.flatMap((one) => one.g)]
    close(first, version === '2.2.4' ? g : h, [2, FEATURES])
    close(second, version === '2.2.4' ? h : g, [2, FEATURES])
  }
})
