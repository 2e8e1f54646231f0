// TensorFlow.js on its wasm backend: dense networks built from the weights of our graph.
import type { Graph } from '../../src/graph/graph.ts'
import { tensorflow, type Tf, type TfTensor } from '../peers.ts'
import type { Subject } from '../measure.ts'

const ENGINE = 'TensorFlow.js wasm'

/** Gemm nodes in order, Relu between them, Softmax behind: logistic regression and perceptrons. */
export async function denseSubject(graph: Graph, rows: Float32Array, count: number): Promise<Subject> {
  const tf = await tensorflow()
  const layers = graph.nodes.filter(({ op }) => op === 'Gemm').map(({ inputs }) => {
    const weights = graph.initializers.get(inputs[1])
    const bias = graph.initializers.get(inputs[2])
    if (weights === undefined || bias === undefined) throw new Error('a layer without constant weights')
    return { weights: transposed(tf, weights.data as Float64Array, weights.shape), bias: tf.tensor1d(Float32Array.from(bias.data as Float64Array)) }
  })
  const x = tf.tensor2d(rows, [count, rows.length / count])
  const predict = (): TfTensor => tf.tidy(() => {
    let value = x
    layers.forEach(({ weights, bias }, i) => {
      value = tf.add(tf.matMul(value, weights), bias)
      if (i < layers.length - 1) value = tf.relu(value)
    })
    return tf.softmax(value)
  })
  return { engine: ENGINE, run: () => read(predict()), values: () => read(predict()) }
}

export async function matMulSubject(a: Float32Array, b: Float32Array, n: number): Promise<Subject> {
  const tf = await tensorflow()
  const left = tf.tensor2d(a, [n, n])
  const right = tf.tensor2d(b, [n, n])
  const run = (): Float32Array => read(tf.matMul(left, right))
  return { engine: ENGINE, run, values: run }
}

function read(tensor: TfTensor): Float32Array {
  const data = tensor.dataSync()
  tensor.dispose()
  return data
}

/** The graph's weights are [outputs, inputs]. */
function transposed(tf: Tf, weights: Float64Array, [outputs, inputs]: readonly number[]): TfTensor {
  const data = new Float32Array(weights.length)
  for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) data[i * outputs + o] = weights[o * inputs + i]
  return tf.tensor2d(data, [inputs, outputs])
}
