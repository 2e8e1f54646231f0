// Keras models for tests, in the form that takes least to write: model.json of TensorFlow.js with one file of weights.
import assert from 'node:assert/strict'
import { importTfjs } from '../../../src/import/keras/index.ts'
import { load } from '../../../src/index.ts'
import type { Tensor } from '../../../src/tensor/index.ts'

export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain }

export interface TestLayer {
  readonly class_name: string
  readonly config: { readonly [key: string]: Plain }
  readonly weights?: readonly Tensor[]
  readonly inbound_nodes?: Plain
}

/** Numbers from a seed, each between -1 and 1. */
export function randoms(seed: number): (shape: readonly number[]) => Tensor {
  let state = seed
  return (shape) => {
    const data = Float32Array.from({ length: shape.reduce((product, dim) => product * dim, 1) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 0x8000_0000 - 1
    })
    return { dtype: 'float32', shape, data }
  }
}

interface Json {
  readonly json: Uint8Array
  readonly weights: Uint8Array
}

/** The files of a model; a list of layers is a Sequential, an object is a Functional model's configuration. */
export function modelFiles(layers: readonly TestLayer[], more: { readonly [key: string]: Plain } = {}, version = '2.4.0'): Json {
  const isFunctional = 'output_layers' in more
  const entries = layers.map(({ class_name, config, inbound_nodes }) => ({ class_name, config, ...(isFunctional ? { name: config.name, inbound_nodes: inbound_nodes ?? [] } : {}) }))
  const named = layers.flatMap(({ config, weights = [] }) => weights.map((tensor, i) => ({ name: `${String(config.name)}/w${i}`, shape: tensor.shape, dtype: tensor.dtype, data: tensor.data })))
  const parts = named.map(({ data }) => {
    if (Array.isArray(data)) throw new TypeError('texts are not weights')
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  })
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  const topology = { class_name: isFunctional ? 'Functional' : 'Sequential', config: { name: 'model', layers: entries, ...more }, keras_version: version }
  const manifest = [{ paths: ['weights.bin'], weights: named.map(({ name, shape, dtype }) => ({ name, shape, dtype })) }]
  return { json: new TextEncoder().encode(JSON.stringify({ format: 'layers-model', modelTopology: topology, weightsManifest: manifest })), weights: bytes }
}

/** What a model computes; inputs in the order of the graph. */
export async function predict(layers: readonly TestLayer[], inputs: readonly Tensor[], more: { readonly [key: string]: Plain } = {}, version?: string): Promise<Tensor[]> {
  const { json, weights } = modelFiles(layers, more, version)
  const model = await load(importTfjs(json, (name) => (name === 'weights.bin' ? weights : undefined)))
  const results = await model.run(Object.fromEntries(model.inputs.map(({ name }, i) => [name, inputs[i]])))
  const list = model.outputs.map(({ name }) => results[name])
  model.dispose()
  return list
}

/** A Sequential of an input and one or more layers on one input. */
export async function apply(input: Tensor, ...layers: readonly TestLayer[]): Promise<Tensor> {
  const first: TestLayer = { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, ...input.shape.slice(1)], dtype: input.dtype } }
  return (await predict([first, ...layers], [input]))[0]
}

export function layer(class_name: string, config: TestLayer['config'] = {}, weights: readonly Tensor[] = []): TestLayer {
  return { class_name, config: { name: `${class_name.toLowerCase()}_${JSON.stringify(config).length}`, ...config }, weights }
}

/** Within what float32 rounding of sums of this size gives. */
export function close(got: Tensor, want: readonly number[], shape: readonly number[]): void {
  assert.deepEqual(got.shape, shape)
  assert.equal(got.data.length, want.length)
  want.forEach((value, i) => {
    const own = Number(got.data[i])
    assert.ok(Math.abs(own - value) <= 1e-5 + 1e-5 * Math.abs(value), `element ${i} is ${own}, expected ${value}`)
  })
}

/** Numbers of a row-major tensor by indices; 0 outside. */
export function at(tensor: Tensor, ...index: number[]): number {
  let offset = 0
  for (let axis = 0; axis < index.length; axis++) {
    if (index[axis] < 0 || index[axis] >= tensor.shape[axis]) return 0
    offset = offset * tensor.shape[axis] + index[axis]
  }
  return Number(tensor.data[offset])
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
export const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
