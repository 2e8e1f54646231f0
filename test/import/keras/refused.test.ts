// Models that are refused, each with a code of its own and a message that says what to do.
import { test } from 'node:test'
import { importKerasH5, importTfjs } from '../../../src/import/keras/index.ts'
import { importModel } from '../../../src/import/index.ts'
import { rejectsCode, throwsCode } from '../../support/errors.ts'
import { readPack } from '../../support/fixtures.ts'
import { layer, modelFiles, randoms, type Plain, type TestLayer } from './build.ts'

const random = randoms(5)
const input: TestLayer = { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 4] } }

function refuse(code: string, message: RegExp, layers: readonly TestLayer[], more: { readonly [key: string]: Plain } = {}): void {
  const { json, weights } = modelFiles(layers, more)
  throwsCode(code, () => importTfjs(json, () => weights), message)
}

test('KERAS_LAYER: Lambda, custom classes, classes of other modules', () => {
  refuse('KERAS_LAYER', /Lambda.*tf2onnx/, [input, layer('Lambda', { function: 'os.system' })])
  refuse('KERAS_LAYER', /MyLayer/, [input, layer('Custom>MyLayer')])
  for (const outside of [{ module: 'subprocess' }, { module: 'keras_evil.layers' }, { module: null, registered_name: 'pkg>Dense' }]) {
    const { json, weights } = modelFiles([input, layer('Dense', { units: 1 }, [random([4, 1]), random([1])])])
    const text = new TextDecoder().decode(json).replace('{"class_name":"Dense"', `{${JSON.stringify(outside).slice(1, -1)},"class_name":"Dense"`)
    throwsCode('KERAS_LAYER', () => importTfjs(new TextEncoder().encode(text), () => weights), /never run/)
  }
})

test('KERAS_ACTIVATION', () => refuse('KERAS_ACTIVATION', /"eval"/, [input, layer('Activation', { activation: 'eval' })]))

test('KERAS_UNSUPPORTED', () => {
  refuse('KERAS_UNSUPPORTED', /renormalization.*tf2onnx/, [input, layer('BatchNormalization', { renorm: true })])
  for (const dtype of [{ module: 'keras', class_name: 'QuantizedDTypePolicy', config: { mode: 'int8', source_name: 'float32' }, registered_name: null }, 'int8_from_mixed_bfloat16']) {
    refuse('KERAS_UNSUPPORTED', /quantize/, [input, layer('Dense', { units: 2, dtype }, [random([4, 2]), random([2])])])
  }
  refuse('KERAS_UNSUPPORTED', /MyCell/, [{ class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 3, 4] } }, layer('RNN', { cell: { class_name: 'MyCell', config: { name: 'cell' } } })])
})

test('KERAS_CONFIG: settings of the wrong kind', () => {
  refuse('KERAS_CONFIG', /units is "many"/, [input, layer('Dense', { units: 'many' }), layer('RepeatVector', { n: 'many', units: 'many' })].slice(0, 1).concat(layer('LSTM', { units: 'many' })))
  refuse('KERAS_CONFIG', /padding/, [input, layer('Conv1D', { filters: 1, kernel_size: [1], padding: 'full' })])
})

test('KERAS_SHAPE: layers that do not fit what they read', () => {
  refuse('KERAS_SHAPE', /Conv2D|dimensions/, [input, layer('Conv2D', { filters: 1, kernel_size: [1, 1] }, [random([1, 1, 4, 1]), random([1])])])
  refuse('KERAS_SHAPE', /dense/, [input, layer('Dense', { units: 2 }, [random([5, 2]), random([2])])])
  refuse('KERAS_SHAPE', /build/, [layer('Dense', { units: 2 }, [random([5, 2]), random([2])])])
})

test('KERAS_WEIGHTS: arrays that are missing', () => refuse('KERAS_WEIGHTS', /arrays/, [input, layer('Dense', { units: 2 }, [random([4, 2])])]))

test('KERAS_GRAPH: layers that depend on themselves or on nothing', () => {
  const ends = { input_layers: [['x', 0, 0]], output_layers: [['b', 0, 0]] }
  const ring = (first: string): TestLayer[] => [input, { class_name: 'Add', config: { name: 'a' }, inbound_nodes: [[[first, 0, 0, {}], ['x', 0, 0, {}]]] }, { class_name: 'Activation', config: { name: 'b', activation: 'relu' }, inbound_nodes: [[['a', 0, 0, {}]]] }]
  refuse('KERAS_GRAPH', /itself/, ring('b'), ends)
  refuse('KERAS_GRAPH', /does not have/, ring('nowhere'), ends)
})

test('TFJS_GRAPH_MODEL', () => {
  throwsCode('TFJS_GRAPH_MODEL', () => importTfjs(new TextEncoder().encode('{"format":"graph-model","modelTopology":{"node":[]}}'), undefined), /tf2onnx/)
})

test('TFJS_SHARD: files that are missing, too short, or lie elsewhere', () => {
  const { json, weights } = modelFiles([input, layer('Dense', { units: 2 }, [random([4, 2]), random([2])])])
  throwsCode('TFJS_SHARD', () => importTfjs(json, undefined), /weights\.bin/)
  throwsCode('TFJS_SHARD', () => importTfjs(json, () => weights.subarray(4)))
  throwsCode('TFJS_SHARD', () => importTfjs(json, () => new Uint8Array([...weights, 0])))
  for (const path of ['../weights.bin', '/etc/passwd', 'a\\\\b', 'C:x', '..', '']) {
    const moved = new TextEncoder().encode(new TextDecoder().decode(json).replace('weights.bin', path))
    throwsCode('TFJS_SHARD', () => importTfjs(moved, () => weights), /plain file name/)
  }
})

test('TFJS_WEIGHT: dtypes that are not read', () => {
  const { json, weights } = modelFiles([input, layer('Dense', { units: 2 }, [random([4, 2]), random([2])])])
  throwsCode('TFJS_WEIGHT', () => importTfjs(new TextEncoder().encode(new TextDecoder().decode(json).replace('"float32"}', '"complex64"}')), () => weights), /complex64/)
})

test('KERAS_WEIGHTS_ONLY: HDF5 without an architecture', async () => {
  const bytes = readPack('hdf5').get('earliest.h5')
  if (bytes === undefined) throw new Error('hdf5.pack has no earliest.h5')
  await rejectsCode('KERAS_WEIGHTS_ONLY', () => importKerasH5(bytes), /model\.save/)
  await rejectsCode('KERAS_WEIGHTS_ONLY', () => importModel(bytes, { fileName: 'weights.h5' }))
})

test('an architecture without weights', () => {
  throwsCode('KERAS_WEIGHTS', () => importTfjs(new TextEncoder().encode('{"class_name":"Sequential","config":{"layers":[]},"keras_version":"2.4.0"}'), undefined), /no weights/)
})

test('models nested deep are read in no time; deeper ones are refused', () => {
  const files = (depth: number): ReturnType<typeof modelFiles> => modelFiles([input, { ...chain(depth), weights: [random([4, 4]), random([4])] }])
  const chain = (depth: number): TestLayer => {
    let made = layer('Dense', { units: 4 })
    for (let i = 1; i <= depth; i++) made = { class_name: 'Sequential', config: { name: `s${i}`, layers: [{ class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 4] } }, { class_name: made.class_name, config: made.config }] } }
    return made
  }
  importTfjs(files(30).json, () => files(30).weights)
  throwsCode('KERAS_GRAPH', () => importTfjs(files(60).json, () => files(60).weights), /nested/)
})

test('IMPORT_LIMIT: an image of a thousand million rows', () => {
  const layers = [
    { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 1e9, 2, 1], dtype: 'float32' } },
    { class_name: 'CenterCrop', config: { name: 'crop', height: 1e9 - 2, width: 2 } },
  ]
  const json = new TextEncoder().encode(JSON.stringify({ generatedBy: 'TensorFlow.js tfjs-layers v4.22.0', modelTopology: { class_name: 'Sequential', keras_version: 'tfjs-layers 4.22.0', config: { name: 'm', layers } }, weightsManifest: [] }))
  throwsCode('IMPORT_LIMIT', () => importTfjs(json, undefined), /999999998 numbers/)
})

test('IMPORT_LIMIT: models that call models twice', () => {
  let inner: { readonly name: string; readonly [key: string]: Plain } = { class_name: 'Activation', name: 'a', config: { name: 'a', activation: 'relu' } }
  for (let i = 0; i < 24; i++) {
    const { name }: { readonly name: string } = inner
    const start = { class_name: 'InputLayer', name: 'x', config: { name: 'x', batch_input_shape: [null, 4] }, inbound_nodes: [] }
    inner = { class_name: 'Functional', name: `m${i}`, config: { name: `m${i}`, layers: [start, { ...inner, inbound_nodes: [[['x', 0, 0, {}]], [[name, i === 0 ? 0 : 1, 0, {}]]] }], input_layers: [['x', 0, 0]], output_layers: [[name, i === 0 ? 1 : 2, 0]] } }
  }
  const json = new TextEncoder().encode(JSON.stringify({ modelTopology: inner, weightsManifest: [] }))
  throwsCode('IMPORT_LIMIT', () => importTfjs(json, undefined), /multiply/)
})
