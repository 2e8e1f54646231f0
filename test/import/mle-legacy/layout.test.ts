// Sections, records and ids: what damaged and lying files are refused with.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { write } from '../../../src/format/index.ts'
import { importModel } from '../../../src/import/index.ts'
import { brokenCrc32 } from '../../../src/import/mle-legacy/checksums.ts'
import { mapIds } from '../../../src/import/mle-legacy/ids.ts'
import { importMleLegacy } from '../../../src/import/mle-legacy/index.ts'
import { findSections } from '../../../src/import/mle-legacy/layout.ts'
import { operatorName } from '../../../src/import/mle-legacy/operators.ts'
import { readRecords } from '../../../src/import/mle-legacy/records.ts'
import { load } from '../../../src/load.ts'
import { readPack } from '../../support/fixtures.ts'
import { floats, graphSection, legacyFile, pickleFile, placeholder, type FileSpec } from './build.ts'

const files = readPack('legacy_mle')

/** A network of one layer. */
const SPEC: FileSpec = {
  metadata: { framework: 'pytorch', model_name: 'Net' },
  tensors: [placeholder(1, 2), floats([3, 2], 1, 2, 3, 4, 5, 6), floats([3], 0.5, 0, -0.5), placeholder(1, 3)],
  nodes: [{ op: 1, inputs: [0], output: 3, parameters: [1, 2] }],
  output: 3,
}

function sample(path: string): Uint8Array {
  const bytes = files.get(path)
  assert.ok(bytes !== undefined, path)
  return bytes.slice()
}

async function codeOf(bytes: Uint8Array): Promise<string> {
  try {
    await importModel(bytes)
  } catch (error) {
    assert.ok(error instanceof MleError, String(error))
    return error.code
  }
  return 'read'
}

function edited(bytes: Uint8Array, edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice()
  edit(new DataView(copy.buffer), copy)
  return copy
}

/** Offset of a field of the graph section of a file of layout B. */
const inGraph = (bytes: Uint8Array, offset: number): number => new DataView(bytes.buffer).getUint32(24, true) + offset

test('each layout is known by its sizes', () => {
  const layouts = [
    ['g1/Ridge.mle', 'A'], ['g2/Ridge.mle', 'B'], ['g3/SVR.mle', 'B'], ['pkl24/lr.mle', 'C'], ['v2_nozlib/test_model_v2.mle', 'D'], ['fixtures/t1.mle', 'T1'], ['fixtures/t2.mle', 'T2'],
  ] as const
  for (const [path, layout] of layouts) assert.equal(findSections(sample(path)).layout, layout, path)
})

test('files of version 3 are sent to load, other versions refused', async () => {
  const graph = await importModel(legacyFile(SPEC))
  const current = await write(graph)
  await assert.rejects(importModel(current), (error) => error instanceof MleError && error.code === 'LEGACY_VERSION' && error.message.includes('load()'))
  assert.equal(await codeOf(edited(legacyFile(SPEC), (view) => view.setUint32(4, 9, true))), 'LEGACY_VERSION')
  await assert.rejects(importMleLegacy(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), importModel), (error) => error instanceof MleError && error.code === 'LEGACY_MAGIC')
})

test('sizes that do not fit are refused', async () => {
  const file = legacyFile(SPEC)
  assert.equal(await codeOf(file), 'read')
  assert.equal(await codeOf(file.subarray(0, 6)), 'LEGACY_TRUNCATED')
  assert.equal(await codeOf(file.subarray(0, 40)), 'LEGACY_TRUNCATED')
  assert.equal(await codeOf(file.subarray(0, file.length - 1)), 'LEGACY_TRUNCATED')
  assert.equal(await codeOf(new Uint8Array(Buffer.concat([file, Uint8Array.of(0)]))), 'LEGACY_LAYOUT')
  assert.equal(await codeOf(edited(file, (view) => view.setUint32(24, 1, true))), 'LEGACY_LAYOUT')
  assert.equal(await codeOf(edited(file, (view) => view.setUint32(20, 0xffffffff, true))), 'LEGACY_LAYOUT')
  assert.equal(await codeOf(edited(file, (view) => view.setUint32(56, 200, true))), 'LEGACY_FEATURE')
  const pickle = sample('pkl24/lr.mle')
  assert.equal(await codeOf(pickle.subarray(0, 900)), 'LEGACY_TRUNCATED')
  assert.equal(await codeOf(new Uint8Array(Buffer.concat([pickle, Uint8Array.of(0)]))), 'LEGACY_LAYOUT')
  assert.equal(await codeOf(pickleFile({}, new TextEncoder().encode('MLE\0'))), 'LEGACY_PAYLOAD')
})

test('metadata must be a JSON object', async () => {
  assert.equal(await codeOf(legacyFile({ ...SPEC, metadata: '[]' })), 'LEGACY_METADATA')
  assert.equal(await codeOf(legacyFile({ ...SPEC, metadata: '{"a": ' })), 'JSON_SYNTAX')
})

test('layout D: checksums of both builds, and features', async () => {
  const file = legacyFile({ ...SPEC, layout: 'D' })
  assert.equal(await codeOf(file), 'read')
  assert.equal(await codeOf(edited(file, (_, bytes) => (bytes[bytes.length - 1] ^= 1))), 'LEGACY_CHECKSUM')
  assert.equal(await codeOf(edited(file, (_, bytes) => (bytes[125] ^= 1))), 'LEGACY_CHECKSUM')
  assert.equal(brokenCrc32(new Uint8Array(0)), 0)
  // What a build without zlib wrote is in the sample.
  const { metadata } = findSections(sample('v2_nozlib/test_model_v2.mle'))
  assert.equal(brokenCrc32(metadata), 0xffffffff)
  for (const flag of [1, 2, 4, 0x10, 0x40]) {
    const flagged = edited(file, (view, bytes) => {
      view.setUint32(8, flag, true)
      bytes.fill(0, 108, 112)
    })
    assert.equal(await codeOf(flagged), 'LEGACY_FEATURE', String(flag))
  }
})

test('records that are missing or lie are refused', async () => {
  const file = legacyFile(SPEC)
  // What the test suite of the old program wrote: a header that speaks of records which do not follow.
  assert.throws(() => readRecords(graphSection(SPEC).subarray(0, 144), new Uint8Array(400)), (error) => error instanceof MleError && error.code === 'LEGACY_GRAPH')
  assert.throws(() => readRecords(new Uint8Array(100), new Uint8Array(0)), (error) => error instanceof MleError && error.code === 'LEGACY_GRAPH')
  const graph = (offset: number, value: number): Promise<string> => codeOf(edited(file, (view) => view.setUint32(inGraph(file, offset), value, true)))
  assert.equal(await graph(0, 0xffffffff), 'LEGACY_GRAPH')
  assert.equal(await graph(12, 17), 'LEGACY_GRAPH')
  assert.equal(await graph(12, 2), 'LEGACY_GRAPH')
  const tensor = 144 + 56
  assert.equal(await graph(tensor, 0xfffffff0), 'LEGACY_TENSOR')
  assert.equal(await graph(tensor + 4, 1), 'LEGACY_TENSOR')
  assert.equal(await graph(tensor + 16, 9), 'LEGACY_TENSOR')
  assert.equal(await graph(tensor + 20, 4), 'LEGACY_TENSOR')
  assert.equal(await graph(tensor + 52, 4), 'LEGACY_TENSOR')
  // Two tensors over the same bytes.
  assert.equal(await graph(144 + 2 * 56, 12), 'LEGACY_TENSOR')
  const node = 144 + 4 * 56
  assert.equal(await graph(node, 0x00010063), 'LEGACY_OPERATOR')
  // A parameter that is a placeholder, and an id beyond all tensors.
  assert.equal(await graph(node + 136, 0), 'LEGACY_IDS')
  assert.equal(await graph(node + 136, 0xfffffff0), 'LEGACY_IDS')
  assert.equal(await codeOf(legacyFile({ ...SPEC, nodes: [] })), 'LEGACY_EMPTY')
})

test('nodes must form a graph', async () => {
  const relu = (input: number, output: number) => ({ op: 2, inputs: [input], output })
  const [linear] = SPEC.nodes
  const tensors = [...SPEC.tensors, placeholder(1, 3)]
  assert.equal(await codeOf(legacyFile({ ...SPEC, tensors, nodes: [linear, relu(3, 4)], output: 4 })), 'read')
  // Out of order, in a circle, twice.
  assert.equal(await codeOf(legacyFile({ ...SPEC, tensors, nodes: [relu(3, 4), linear], output: 4 })), 'LEGACY_GRAPH')
  assert.equal(await codeOf(legacyFile({ ...SPEC, tensors, nodes: [relu(4, 3), relu(3, 4)], output: 4 })), 'LEGACY_GRAPH')
  assert.equal(await codeOf(legacyFile({ ...SPEC, tensors, nodes: [linear, relu(3, 3)], output: 3 })), 'LEGACY_GRAPH')
  assert.equal(await codeOf(legacyFile({ ...SPEC, output: 1 })), 'LEGACY_GRAPH')
})

test('ids of a file in which only some results are described', () => {
  // A linear model without descriptions, then a tree with one, then a linear model: as one exporter used three times wrote it.
  const tree = [1, 2, 3, 4, 5].map((n) => floats([n], ...Array.from({ length: n }, () => n)))
  const tensors = [floats([1, 2], 0, 0), floats([2, 1], 1, 1), floats([1], 1), placeholder(1, 2), ...tree, placeholder(1, 1), floats([1, 2], 0, 0), floats([2, 1], 2, 2), floats([1], 2)]
  const nodes = [
    { op: 1, inputs: [0], output: 3, parameters: [1, 2] },
    { op: 26, inputs: [4], output: 10, parameters: [5, 6, 7, 8, 9] },
    { op: 1, inputs: [11], output: 14, parameters: [12, 13] },
  ]
  const spec: FileSpec = { metadata: {}, tensors, nodes, output: 14 }
  const weights = Buffer.concat(tensors.map(({ data }) => (data === undefined ? new Uint8Array(0) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength))))
  const map = mapIds(readRecords(graphSection(spec), weights))
  assert.deepEqual([...map.keys()], [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
  assert.deepEqual(map.get(9)?.shape, [5])
  assert.equal(map.get(10)?.data.length, 0)
})

test('operators are numbered by version', () => {
  assert.deepEqual([28, 29, 30, 31, 32, 33, 34].map((number) => operatorName(1, number)), ['Svm', 'NaiveBayes', 'Neighbors', 'Clustering', 'Decomposition', 'XGBoost', 'LightGBM'])
  assert.deepEqual([28, 29, 30, 31, 32, 33, 34].map((number) => operatorName(2, number)), ['GradientBoosting', 'Svm', 'NaiveBayes', 'Neighbors', 'Clustering', 'Dbscan', 'Decomposition'])
  assert.throws(() => operatorName(1, 6), (error) => error instanceof MleError && error.code === 'LEGACY_OPERATOR')
  assert.throws(() => operatorName(2, 20), (error) => error instanceof MleError && error.code === 'LEGACY_OPERATOR')
})

test('every sample cut at every 64 bytes, and with a bit flipped there, ends in a model or a code', async () => {
  let inputs = 0
  const codes = new Set<string>()
  for (const [path, bytes] of files) {
    // The largest are cut at fewer places.
    const step = bytes.length > 20_000 ? 64 * Math.ceil(bytes.length / 8192) : 64
    for (let at = 0; at < bytes.length; at += step) {
      const cut = await codeOf(bytes.slice(0, at))
      assert.notEqual(cut, 'read', `${path} cut at ${at}`)
      codes.add(cut)
      codes.add(await codeOf(edited(bytes, (_, copy) => (copy[at] ^= 1 << (inputs % 8)))))
      inputs += 2
    }
  }
  assert.ok(inputs > 10_000 && codes.size > 8, `${inputs} inputs, codes ${[...codes].join(', ')}`)
})

test('a network of layout D runs by the numbering of version 2', async () => {
  const spec: FileSpec = { ...SPEC, layout: 'D', tensors: [...SPEC.tensors, placeholder(1, 3), placeholder(1, 3)], nodes: [...SPEC.nodes, { op: 12, inputs: [3], output: 4 }, { op: 7, inputs: [4, 3], output: 5 }], output: 5 }
  const model = await load(await importModel(legacyFile(spec)))
  const { output } = model.runSync({ X: [[1, 1]] })
  assert.deepEqual('data' in output ? [...output.data] : [], [7, 14, 21])
  assert.equal(await codeOf(legacyFile({ ...spec, nodes: [...SPEC.nodes, { op: 9, inputs: [3], output: 4 }], output: 4 })), 'LEGACY_OPERATOR')
})
