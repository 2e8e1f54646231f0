// Files that every reader must refuse, each wrong in one way. Hashes and sums are right unless they are what is wrong, so that
// a reader gets as far as the rule that is broken.
import type { Graph } from '../src/graph/graph.ts'
import { crc32 } from '../src/platform/crc32.ts'
import { sha256 } from '../src/platform/sha256.ts'
import { encodePrefix, type SectionContent } from '../src/format/encode-prefix.ts'
import { prefixCrc } from '../src/format/prefix.ts'
import { alignUp, KIND_CHUNKS, KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS, OPTIONAL_KIND } from '../src/format/layout.ts'

export interface MalformedFile {
  /** File name without its ending. */
  readonly name: string
  readonly code: string
  /** The level that finds it; crc32 unless said otherwise. */
  readonly integrity?: 'sha256'
  /** What is wrong. */
  readonly why: string
  readonly bytes: Uint8Array
}

/** y = Add(x, w), w = [1, 2] in float32. */
export const tinyGraph: Graph = {
  inputs: [{ name: 'x', type: { dtype: 'float32', shape: ['batch', 2] } }],
  outputs: [{ name: 'y', type: { dtype: 'float32', shape: ['batch', 2] } }],
  nodes: [{ op: 'Add', domain: 'ai.onnx', version: 14, inputs: ['x', 'w'], outputs: ['y'], attributes: new Map() }],
  initializers: new Map([['w', { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }]]),
  metadata: { name: 'tiny' },
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Concatenates an aligned prefix, an optional signature block and aligned sections. */
export function layOut(sections: readonly SectionContent[], requiredFeatures: number = 0, signature: Uint8Array = new Uint8Array(0)): Uint8Array {
  const prefix = encodePrefix(sections, requiredFeatures, signature.length)
  const parts = [prefix, signature, ...sections.map((section) => section.bytes)]
  const file = new Uint8Array(parts.reduce((sum, part) => sum + alignUp(part.length), 0))
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += alignUp(part.length)
  }
  return file
}

/** An entry of the chunk table for uncompressed bytes. */
export function chunkEntry(raw: Uint8Array, elementBytes: number = 4, codec: number = 0, filter: number = 0): Uint8Array {
  const entry = new Uint8Array(96)
  const view = new DataView(entry.buffer)
  entry.set([codec, filter, elementBytes])
  view.setUint32(4, crc32(raw), true)
  view.setUint32(8, raw.length, true)
  view.setUint32(16, raw.length, true)
  entry.set(sha256(raw), 32)
  entry.set(sha256(raw), 64)
  return entry
}

/** An entry of the chunk table for compressed bytes. */
function packedEntry(stored: Uint8Array, raw: Uint8Array, codec: number, filter: number = 0): Uint8Array {
  const entry = chunkEntry(stored, 4, codec, filter)
  new DataView(entry.buffer).setUint32(16, raw.length, true)
  entry.set(sha256(raw), 64)
  return entry
}

const TINY_WEIGHTS: readonly number[] = [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]

function weightsOf(bytes: readonly number[]): Uint8Array {
  const out = new Uint8Array(alignUp(bytes.length))
  out.set(bytes)
  return out
}

interface Parts {
  readonly metadata?: string | Uint8Array
  readonly graph?: string | Uint8Array
  readonly weights?: Uint8Array
  readonly chunks?: Uint8Array
  readonly features?: number
  readonly signature?: Uint8Array
  readonly more?: readonly SectionContent[]
}

const VALUE = (name: string): string => `{"name":"${name}","type":{"dtype":"float32","shape":["batch",2]}}`
const TENSOR = '{"dtype":"float32","shape":[2],"offset":0}'
const NODE = '{"op":"Add","domain":"ai.onnx","version":14,"inputs":["x","w"],"outputs":["y"],"attributes":[]}'
const INITIALIZER = '{"name":"w","tensor":0}'

interface GraphText {
  readonly inputs?: string
  readonly outputs?: string
  readonly nodes?: string
  readonly initializers?: string
  readonly subgraphs?: string
  readonly tensors?: string
}

function graphText(parts: GraphText): string {
  const { inputs = VALUE('x'), outputs = VALUE('y'), nodes = NODE, initializers = INITIALIZER, subgraphs = '', tensors = TENSOR } = parts
  return `{"inputs":[${inputs}],"outputs":[${outputs}],"nodes":[${nodes}],"initializers":[${initializers}],"subgraphs":[${subgraphs}],"tensors":[${tensors}]}`
}

const nodeWith = (attribute: string): string => NODE.replace('"attributes":[]', `"attributes":[${attribute}]`)

/** A right file but for the parts given. */
function file(parts: Parts): Uint8Array {
  const { metadata = '{"name":"tiny"}', graph = graphText({}), weights = weightsOf(TINY_WEIGHTS), features = 0, signature, more = [] } = parts
  const chunks = parts.chunks ?? (weights.length === 0 ? new Uint8Array(0) : chunkEntry(weights))
  const sections: SectionContent[] = [
    { kind: KIND_METADATA, bytes: typeof metadata === 'string' ? utf8(metadata) : metadata },
    { kind: KIND_GRAPH, bytes: typeof graph === 'string' ? utf8(graph) : graph },
    { kind: KIND_CHUNKS, bytes: chunks },
    { kind: KIND_WEIGHTS, bytes: weights },
    ...more,
  ]
  return layOut(sections.sort((a, b) => (a.kind % OPTIONAL_KIND) - (b.kind % OPTIONAL_KIND)), features, signature)
}

/** Changes the prefix and repairs its CRC. */
function withPrefix(bytes: Uint8Array, change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const view = new DataView(bytes.buffer)
  const length = 64 + 48 * view.getUint32(16, true)
  change(bytes, view)
  view.setUint32(24, prefixCrc(bytes.subarray(0, length)), true)
  return bytes
}

function changed(bytes: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  change(bytes)
  return bytes
}

function sectionOffset(bytes: Uint8Array, index: number): number {
  const view = new DataView(bytes.buffer)
  let at = alignUp(64 + 48 * view.getUint32(16, true)) + view.getUint32(20, true)
  for (let i = 0; i < index; i++) at += alignUp(view.getUint32(64 + 48 * i + 8, true))
  return at
}

const float32s = (tensors: string, weights: Uint8Array, count: number): Parts => ({
  graph: graphText({
    tensors,
    initializers: Array.from({ length: count }, (_, i) => `{"name":"${['v', 'w', 'z'][i + (count === 1 ? 1 : 0)]}","tensor":${i}}`).join(','),
  }),
  weights,
})

const stringTable = (offsets: readonly number[], text: readonly number[]): Parts => {
  const table = [...offsets.flatMap((offset) => [offset & 255, (offset >> 8) & 255, 0, 0]), ...text]
  const weights = weightsOf(table)
  return { graph: graphText({ tensors: `{"dtype":"string","shape":[${offsets.length - 1}],"offset":0,"bytes":${table.length}}` }), weights, chunks: chunkEntry(weights, 1) }
}

const subgraphText = (nodes: string = ''): string => `{"inputs":[],"outputs":[],"nodes":[${nodes}],"initializers":[]}`
const branch = (index: number): string => nodeWith(`{"name":"body","graph":${index}}`).replace('"outputs":["y"]', '"outputs":[]')

/** The rightful file that the others depart from. */
export function wellFormedFile(): Uint8Array {
  return file({})
}

/** The same with other metadata. */
export function withMetadata(metadata: string): Uint8Array {
  return file({ metadata })
}

/** All malformed files, in the order of docs/format.md. */
export function malformedFiles(): MalformedFile[] {
  const out: MalformedFile[] = []
  const add = (name: string, code: string, why: string, bytes: Uint8Array, integrity?: 'sha256'): void => {
    out.push(integrity === undefined ? { name, code, why, bytes } : { name, code, integrity, why, bytes })
  }
  addPrefixFaults(add)
  addIntegrityFaults(add)
  addJsonFaults(add)
  addNameFaults(add)
  addTensorFaults(add)
  addChunkFaults(add)
  addCodecFaults(add)
  return out
}

type Add = (name: string, code: string, why: string, bytes: Uint8Array, integrity?: 'sha256') => void

function addPrefixFaults(add: Add): void {
  add('empty', 'FORMAT_TRUNCATED', 'no bytes at all', new Uint8Array(0))
  add('magic-other', 'FORMAT_MAGIC', 'a zip archive', changed(file({}), (bytes) => bytes.set([0x50, 0x4b, 3, 4])))
  add('magic-lower-case', 'FORMAT_MAGIC', 'magic in lower case', changed(file({}), (bytes) => bytes.set([0x6d, 0x6c, 0x65])))
  for (const version of [0, 1, 2, 4, 0xffffffff]) {
    add(`version-${version}`, 'FORMAT_VERSION', `version ${version}`, withPrefix(file({}), (_, view) => view.setUint32(4, version, true)))
  }
  add('truncated-header', 'FORMAT_TRUNCATED', 'ends within the header', file({}).subarray(0, 40))
  add('truncated-table', 'FORMAT_TRUNCATED', 'ends within the section table', file({}).subarray(0, 200))
  add('truncated-weights', 'FORMAT_TRUNCATED', 'ends before the weights', changed(file({}), () => {}).subarray(0, file({}).length - 64))
  add('trailing-bytes', 'FORMAT_TRAILING', '64 zeros after the end', Uint8Array.of(...file({}), ...new Uint8Array(64)))
  add('trailing-byte', 'FORMAT_TRAILING', 'one byte after the end', Uint8Array.of(...file({}), 0))
  add('reserved-header', 'FORMAT_RESERVED', 'a reserved byte of the header is 1', withPrefix(file({}), (bytes) => bytes.fill(1, 60, 61)))
  add('feature-unknown', 'FORMAT_FEATURE', 'required feature bits 2 and 31', withPrefix(file({}), (_, view) => view.setUint32(8, 0x80000004, true)))
  add('section-count-huge', 'FORMAT_LIMIT', '4294967295 sections', withPrefix(file({}), (_, view) => {
    view.setUint32(16, 0xffffffff, true)
  }))
  add('section-unknown', 'FORMAT_SECTION', 'an unknown section that may not be skipped', file({ more: [{ kind: 0x60, bytes: utf8('?') }] }))
  add('section-missing', 'FORMAT_SECTION', 'no metadata', layOut([
    { kind: KIND_GRAPH, bytes: utf8(graphText({})) },
    { kind: KIND_CHUNKS, bytes: chunkEntry(weightsOf(TINY_WEIGHTS)) },
    { kind: KIND_WEIGHTS, bytes: weightsOf(TINY_WEIGHTS) },
  ]))
  add('section-twice', 'FORMAT_SECTION', 'two graphs', file({ more: [{ kind: KIND_GRAPH, bytes: utf8(graphText({})) }] }))
  add('section-order', 'FORMAT_SECTION', 'graph before metadata', layOut([
    { kind: KIND_GRAPH, bytes: utf8(graphText({})) },
    { kind: KIND_METADATA, bytes: utf8('{}') },
    { kind: KIND_CHUNKS, bytes: chunkEntry(weightsOf(TINY_WEIGHTS)) },
    { kind: KIND_WEIGHTS, bytes: weightsOf(TINY_WEIGHTS) },
  ]))
  add('section-shadows-known', 'FORMAT_SECTION', 'an optional kind with the number of the graph', file({ more: [{ kind: KIND_GRAPH + OPTIONAL_KIND, bytes: utf8('{}') }] }))
  add('section-length-huge', 'FORMAT_LIMIT', 'a section of 2^60 bytes', withPrefix(file({}), (_, view) => view.setUint32(64 + 12, 0x10000000, true)))
  add('section-length-long', 'FORMAT_TRUNCATED', 'a section of 2^40 bytes', withPrefix(file({}), (_, view) => view.setUint32(64 + 12, 256, true)))
  add('weights-crc-set', 'FORMAT_RESERVED', 'a CRC for the weights section', withPrefix(file({}), (_, view) => view.setUint32(64 + 3 * 48 + 4, 1, true)))
  add('encryption-without-feature', 'FORMAT_SECTION', 'an encryption section, but no feature bit', file({ more: [{ kind: KIND_ENCRYPTION, bytes: new Uint8Array(96) }] }))
  add('feature-without-encryption', 'FORMAT_SECTION', 'the feature bit, but no encryption section', file({ features: 1 }))
  add('encrypted', 'FORMAT_ENCRYPTED', 'an encrypted file, which nobody gave a key for', file({ features: 1, more: [{ kind: KIND_ENCRYPTION, bytes: new Uint8Array(96) }] }))
  add('signature-length', 'FORMAT_SIGNATURE', 'a signature block of 1 byte', withPrefix(file({}), (_, view) => view.setUint32(20, 1, true)))
  add('signature-crc', 'FORMAT_SIGNATURE', 'a signature block with a wrong CRC', file({ signature: new Uint8Array(64).fill(7) }))
}

function addIntegrityFaults(add: Add): void {
  add('crc-prefix', 'FORMAT_CRC32', 'one bit of the section table flipped', changed(file({}), (bytes) => bytes.fill(bytes[90] ^ 1, 90, 91)))
  add('crc-metadata', 'FORMAT_CRC32', 'one letter of the metadata changed', changed(file({}), (bytes) => bytes.fill(0x54, sectionOffset(bytes, 0) + 9, sectionOffset(bytes, 0) + 10)))
  add('crc-graph', 'FORMAT_CRC32', 'one letter of the graph changed', changed(file({}), (bytes) => bytes.fill(0x7a, sectionOffset(bytes, 1) + 20, sectionOffset(bytes, 1) + 21)))
  add('crc-chunk-table', 'FORMAT_CRC32', 'one bit of the chunk table flipped', changed(file({}), (bytes) => bytes.fill(1, sectionOffset(bytes, 2) + 40, sectionOffset(bytes, 2) + 41)))
  add('crc-weights', 'FORMAT_CRC32', 'one bit of the weights flipped', changed(file({}), (bytes) => bytes.fill(1, sectionOffset(bytes, 3), sectionOffset(bytes, 3) + 1)))
  add('padding-section', 'FORMAT_PADDING', 'a byte between sections is not zero', changed(file({}), (bytes) => bytes.fill(1, sectionOffset(bytes, 1) - 1, sectionOffset(bytes, 1))))
  add('sha256-section', 'FORMAT_SHA256', 'a wrong hash of the graph in the section table', withPrefix(file({}), (bytes) => bytes.fill(0, 64 + 48 + 16, 64 + 48 + 48)), 'sha256')
  add('sha256-weights', 'FORMAT_SHA256', 'a wrong hash of the weights in the section table', withPrefix(file({}), (bytes) => bytes.fill(0, 64 + 3 * 48 + 16, 64 + 3 * 48 + 48)), 'sha256')
  add('sha256-chunk', 'FORMAT_SHA256', 'a wrong hash of a chunk', file({ chunks: changed(chunkEntry(weightsOf(TINY_WEIGHTS)), (entry) => entry.fill(0, 32, 64)) }), 'sha256')
  add('sha256-chunk-raw', 'FORMAT_SHA256', 'a wrong hash of the raw bytes of a chunk', file({ chunks: changed(chunkEntry(weightsOf(TINY_WEIGHTS)), (entry) => entry.fill(0, 64, 96)) }), 'sha256')
  add('crc-unknown', 'FORMAT_CRC32', 'a changed section of an unknown, optional kind', changed(file({ more: [{ kind: 0x80000060, bytes: utf8('note') }] }), (bytes) => bytes.fill(0x4e, sectionOffset(bytes, 4), sectionOffset(bytes, 4) + 1)), 'sha256')
}

function addJsonFaults(add: Add): void {
  add('utf8', 'FORMAT_UTF8', 'a byte that is not UTF-8', file({ metadata: Uint8Array.of(...utf8('{"name":"'), 0xff, ...utf8('"}')) }))
  add('utf8-overlong', 'FORMAT_UTF8', 'a slash in two bytes', file({ metadata: Uint8Array.of(...utf8('{"name":"'), 0xc0, 0xaf, ...utf8('"}')) }))
  add('json-bom', 'FORMAT_JSON', 'a byte order mark', file({ metadata: '\ufeff{}' }))
  add('json-empty', 'FORMAT_JSON', 'no text', file({ metadata: '' }))
  add('json-open', 'FORMAT_JSON', 'a record that does not end', file({ metadata: '{"name":"tiny"' }))
  add('json-string-open', 'FORMAT_JSON', 'a string that does not end', file({ metadata: '{"name":"tiny' }))
  add('json-deep', 'FORMAT_LIMIT', '100 nested arrays', file({ metadata: '['.repeat(100) + ']'.repeat(100) }))
  add('canonical-space', 'FORMAT_CANONICAL', 'white space', file({ metadata: '{ "name":"tiny"}' }))
  add('canonical-twice', 'FORMAT_CANONICAL', 'a key twice', file({ metadata: '{"name":"tiny","name":"other"}' }))
  add('canonical-escape', 'FORMAT_CANONICAL', 'an escape for a letter', file({ metadata: '{"name":"\\u0074iny"}' }))
  add('canonical-surrogate', 'FORMAT_CANONICAL', 'a lone surrogate', file({ metadata: '{"name":"\\ud800"}' }))
  add('canonical-number', 'FORMAT_CANONICAL', '1.0 for 1', file({ metadata: '{"modelVersion":1.0}' }))
  add('canonical-minus-zero', 'FORMAT_CANONICAL', '-0 that is not tagged', file({ metadata: '{"modelVersion":-0}' }))
  add('key-unknown', 'FORMAT_KEY', 'a key that metadata does not have', file({ metadata: '{"names":"tiny"}' }))
  add('key-order', 'FORMAT_KEY', 'keys out of order', file({ metadata: '{"framework":"a","name":"b"}' }))
  add('key-missing', 'FORMAT_KEY', 'a graph without tensors', file({ graph: '{"inputs":[],"outputs":[],"nodes":[],"initializers":[],"subgraphs":[]}', weights: new Uint8Array(0) }))
  add('key-proto', 'FORMAT_KEY', 'a key __proto__', file({ metadata: '{"__proto__":{"name":"x"}}' }))
  add('key-constructor', 'FORMAT_KEY', 'a key constructor', file({ metadata: '{"name":"x","constructor":{"prototype":{}}}' }))
  add('key-attribute-kind', 'FORMAT_KEY', 'an attribute of the kind toString', file({ graph: graphText({ nodes: nodeWith('{"name":"a","toString":1}') }) }))
  add('value-type', 'FORMAT_VALUE', 'a number for a name', file({ metadata: '{"name":5}' }))
  add('value-null', 'FORMAT_VALUE', 'null for the whole metadata', file({ metadata: 'null' }))
  add('value-version', 'FORMAT_VALUE', 'version 0 of an operator', file({ graph: graphText({ nodes: NODE.replace('14', '0') }) }))
  add('value-large-integer', 'FORMAT_VALUE', 'an integer beyond 2^53 that is not tagged', file({ graph: graphText({ nodes: nodeWith('{"name":"a","int":9007199254740992}') }) }))
  add('value-tag-loose', 'FORMAT_VALUE', 'a tagged number that needs no tag', file({ graph: graphText({ nodes: nodeWith('{"name":"a","float":"0x10"}') }) }))
  add('value-int-fraction', 'FORMAT_VALUE', 'an int of 1.5', file({ graph: graphText({ nodes: nodeWith('{"name":"a","int":1.5}') }) }))
  add('value-list-long', 'FORMAT_VALUE', 'a list of 65 in the text', file({ graph: graphText({ nodes: nodeWith(`{"name":"a","ints":[${new Array(65).fill(1).join()}]}`) }) }))
}

function addNameFaults(add: Add): void {
  add('name-twice', 'FORMAT_NAME', 'a node output with the name of an input', file({ graph: graphText({ nodes: NODE.replace('["y"]', '["x"]'), outputs: VALUE('x') }) }))
  add('name-empty', 'FORMAT_NAME', 'an input without a name', file({ graph: graphText({ inputs: `${VALUE('x')},${VALUE('')}` }) }))
  add('name-output-twice', 'FORMAT_NAME', 'a graph output twice', file({ graph: graphText({ outputs: `${VALUE('y')},${VALUE('y')}` }) }))
  add('name-after-capture', 'FORMAT_NAME', 'a subgraph that defines a name after using the outer one', file({
    graph: graphText({ nodes: `${NODE},${branch(0)}`, subgraphs: subgraphText(NODE.replace('["y"]', '["x"]')) }),
  }))
  add('undefined-input', 'FORMAT_UNDEFINED', 'a node input that nothing defines', file({ graph: graphText({ nodes: NODE.replace('"x"', '"__proto__"') }) }))
  add('confusable-cyrillic', 'FORMAT_UNDEFINED', 'a node input that looks like x and is a Cyrillic letter', file({ graph: graphText({ nodes: NODE.replace('"x"', '"\u0445"') }) }))
  add('confusable-width', 'FORMAT_UNDEFINED', 'a node input that is x only after compatibility normalization', file({ graph: graphText({ nodes: NODE.replace('"x"', '"\uff58"') }) }))
  add('confusable-joiner', 'FORMAT_UNDEFINED', 'a node input that is x and a character without width', file({ graph: graphText({ nodes: NODE.replace('"x"', '"x\u200d"') }) }))
  add('undefined-order', 'FORMAT_UNDEFINED', 'two nodes in the wrong order', file({ graph: graphText({ nodes: `${NODE.replace('"x"', '"h"')},${NODE.replace('"y"', '"h"')}` }) }))
  add('undefined-cycle', 'FORMAT_UNDEFINED', 'a node that needs its own output', file({ graph: graphText({ nodes: NODE.replace('"x"', '"y"') }) }))
  add('undefined-output', 'FORMAT_UNDEFINED', 'a graph output that nothing defines', file({ graph: graphText({ outputs: VALUE('toString') }) }))
  add('order-initializers', 'FORMAT_ORDER', 'initializers out of order', file({ graph: graphText({ initializers: '{"name":"w","tensor":0},{"name":"v","tensor":0}' }) }))
  add('order-attributes', 'FORMAT_ORDER', 'an attribute twice', file({ graph: graphText({ nodes: nodeWith('{"name":"a","int":1},{"name":"a","int":2}') }) }))
  add('reference-tensor', 'FORMAT_REFERENCE', 'an initializer that refers to tensor 1 of 1', file({ graph: graphText({ initializers: '{"name":"w","tensor":1}' }) }))
  add('reference-unused', 'FORMAT_REFERENCE', 'a tensor that nothing refers to', file({ graph: graphText({ initializers: '', nodes: NODE.replace('"w"', '"x"') }) }))
  add('reference-list', 'FORMAT_REFERENCE', 'a long list that refers to a float32 tensor', file({ graph: graphText({ nodes: nodeWith('{"name":"a","ints":{"tensor":0}}') }) }))
  add('reference-subgraph', 'FORMAT_REFERENCE', 'an attribute that refers to subgraph 0 of 0', file({ graph: graphText({ nodes: `${NODE},${branch(0)}` }) }))
  add('reference-subgraph-cycle', 'FORMAT_REFERENCE', 'a subgraph that holds itself', file({ graph: graphText({ nodes: `${NODE},${branch(0)}`, subgraphs: subgraphText(branch(0)) }) }))
  add('reference-subgraph-unused', 'FORMAT_REFERENCE', 'a subgraph that nothing refers to', file({ graph: graphText({ subgraphs: subgraphText() }) }))
  add('subgraphs-deep', 'FORMAT_LIMIT', '20 nested subgraphs', file({
    graph: graphText({ nodes: `${NODE},${branch(0)}`, subgraphs: Array.from({ length: 20 }, (_, i) => subgraphText(i < 19 ? branch(i + 1) : '')).join() }),
  }))
}

function addTensorFaults(add: Add): void {
  add('dtype-unknown', 'FORMAT_DTYPE', 'dtype complex64', file(float32s('{"dtype":"complex64","shape":[2],"offset":0}', weightsOf(TINY_WEIGHTS), 1)))
  add('dtype-prototype', 'FORMAT_DTYPE', 'dtype constructor', file(float32s('{"dtype":"constructor","shape":[2],"offset":0}', weightsOf(TINY_WEIGHTS), 1)))
  add('shape-overflow', 'FORMAT_SHAPE', 'a product of 2^64 elements', file(float32s('{"dtype":"float32","shape":[4294967296,4294967296],"offset":0}', weightsOf(TINY_WEIGHTS), 1)))
  add('shape-overflow-zero', 'FORMAT_SHAPE', 'an overflow next to a zero', file(float32s('{"dtype":"float32","shape":[0,4294967296,4294967296],"offset":0}', new Uint8Array(0), 1)))
  add('shape-2-53', 'FORMAT_VALUE', 'a dimension of 2^53', file(float32s('{"dtype":"float32","shape":[9007199254740992],"offset":0}', weightsOf(TINY_WEIGHTS), 1)))
  add('shape-large', 'FORMAT_LIMIT', 'a dimension of 2^53 - 1 bytes', file(float32s('{"dtype":"uint8","shape":[9007199254740991],"offset":0}', weightsOf(TINY_WEIGHTS), 1)))
  add('shape-negative', 'FORMAT_VALUE', 'a dimension of -2', file(float32s('{"dtype":"float32","shape":[-2],"offset":0}', weightsOf(TINY_WEIGHTS), 1)))
  add('shape-rank', 'FORMAT_LIMIT', '33 dimensions', file(float32s(`{"dtype":"float32","shape":[${new Array(33).fill(1).join()}],"offset":0}`, weightsOf(TINY_WEIGHTS), 1)))
  add('shape-strings', 'FORMAT_SHAPE', '2^40 strings in 8 bytes', file({ graph: graphText({ tensors: '{"dtype":"string","shape":[1099511627776],"offset":0,"bytes":8}' }), chunks: chunkEntry(weightsOf(TINY_WEIGHTS), 1) }))
  const two = new Uint8Array(128)
  two.set(TINY_WEIGHTS)
  add('offset-overlap', 'FORMAT_OFFSET', 'two tensors at one place', file(float32s(`${TENSOR},${TENSOR}`, weightsOf(TINY_WEIGHTS), 2)))
  add('offset-hole', 'FORMAT_OFFSET', '64 unused bytes between tensors', file(float32s(`${TENSOR},${TENSOR.replace('"offset":0', '"offset":128')}`, weightsOf([...two, ...TINY_WEIGHTS]), 2)))
  add('offset-unaligned', 'FORMAT_OFFSET', 'a tensor right after the last byte of another', file(float32s(`${TENSOR},${TENSOR.replace('"offset":0', '"offset":8')}`, weightsOf(TINY_WEIGHTS), 2)))
  add('offset-first', 'FORMAT_OFFSET', 'a first tensor that does not start at 0', file(float32s(TENSOR.replace('"offset":0', '"offset":64'), two, 1)))
  add('padding-tensor', 'FORMAT_PADDING', 'a byte after a tensor is not zero', file({ weights: weightsOf([...TINY_WEIGHTS, 1]) }))
  const bools = weightsOf([1, 2])
  add('bool', 'FORMAT_BOOL', 'a bool of 2', file({ graph: graphText({ tensors: TENSOR.replace('float32', 'bool') }), weights: bools, chunks: chunkEntry(bools, 1) }))
  const narrow = weightsOf([100])
  add('element-beyond', 'FORMAT_ELEMENT', 'an int4 of 100', file({ graph: graphText({ tensors: TENSOR.replace('float32', 'int4') }), weights: narrow, chunks: chunkEntry(narrow, 1) }))
  add('strings-first', 'FORMAT_STRINGS', 'a first offset of 1', file(stringTable([1, 2], [65, 66])))
  add('strings-falling', 'FORMAT_STRINGS', 'falling offsets', file(stringTable([0, 2, 1, 2], [65, 66])))
  add('strings-last', 'FORMAT_STRINGS', 'a last offset beyond the text', file(stringTable([0, 3], [65, 66])))
  add('strings-utf8', 'FORMAT_STRINGS', 'a text that is not UTF-8', file(stringTable([0, 1, 2], [0xc3, 0xa9])))
}

function addChunkFaults(add: Add): void {
  const weights = weightsOf(TINY_WEIGHTS)
  const entry = chunkEntry(weights)
  const withEntry = (change: (bytes: Uint8Array) => void, features: number = 0): Uint8Array => file({ chunks: changed(entry.slice(), change), features })
  add('chunk-missing', 'FORMAT_CHUNK', 'an empty chunk table', file({ chunks: new Uint8Array(0) }))
  add('chunk-twice', 'FORMAT_CHUNK', 'the same chunk twice', file({ chunks: Uint8Array.of(...entry, ...entry) }))
  add('chunk-table-length', 'FORMAT_CHUNK', 'a chunk table of 95 bytes', file({ chunks: entry.subarray(0, 95) }))
  add('chunk-raw-bytes', 'FORMAT_CHUNK', 'a chunk of other raw bytes than its tensors', withEntry((bytes) => bytes.fill(128, 16, 17)))
  add('chunk-stored-bytes', 'FORMAT_CHUNK', 'an uncompressed chunk of other stored bytes', withEntry((bytes) => bytes.fill(128, 8, 9)))
  add('chunk-element-bytes', 'FORMAT_CHUNK', 'a chunk with elements of 8 bytes for float32', withEntry((bytes) => bytes.fill(8, 2, 3)))
  add('chunk-huge', 'FORMAT_LIMIT', 'a chunk of 2^62 bytes', withEntry((bytes) => bytes.fill(0x40, 23, 24)))
  add('chunk-weights-longer', 'FORMAT_CHUNK', 'a weights section that is longer than its chunks', file({ weights: new Uint8Array(128), chunks: chunkEntry(new Uint8Array(64)) }))
  add('chunk-reserved', 'FORMAT_RESERVED', 'a reserved byte of a chunk is 1', withEntry((bytes) => bytes.fill(1, 24, 25)))
  add('codec-unknown', 'FORMAT_CODEC', 'codec 4', withEntry((bytes) => bytes.fill(4, 0, 1), 2))
  add('codec-unannounced', 'FORMAT_CODEC', 'codec lz4 in a file that does not announce compression', withEntry((bytes) => bytes.fill(1, 0, 1)))
  add('codec-announced', 'FORMAT_CODEC', 'a file that announces compression and has none', withEntry(() => {}, 2))
  add('filter-unknown', 'FORMAT_CODEC', 'filter 2', withEntry((bytes) => bytes.fill(2, 1, 2)))
  add('filter-without-codec', 'FORMAT_CODEC', 'filter shuffle with codec none', withEntry((bytes) => bytes.fill(1, 1, 2)))
  const other = weightsOf([3, 0, 0, 0, 4, 0, 0, 0])
  const pair = float32s(`${TENSOR},{"dtype":"int32","shape":[2],"offset":64}`, Uint8Array.of(...other, ...weights), 2)
  add('chunks-swapped', 'FORMAT_CRC32', 'the bytes of two chunks swapped', file({ ...pair, chunks: Uint8Array.of(...entry, ...chunkEntry(other)) }))
}

const LZ4 = 1
const ZSTD = 2
const BROTLI = 3

/** The tiny weights as zstd: a frame of one segment, its 8 bytes as they are and a run of 56 zeros. */
const ZSTD_TINY = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 64, 0x40, 0, 0, ...TINY_WEIGHTS, 0xc3, 1, 0, 0)
/** The same as brotli, and as lz4: nine literals, 50 zeros, five literals. */
const BROTLI_TINY = Uint8Array.from(Buffer.from('1b3f00f8a7017e8000c73f81c0e06100', 'hex'))
const LZ4_TINY = Uint8Array.from(Buffer.from('9f0000803f000000400001001f500000000000', 'hex'))

function addCodecFaults(add: Add): void {
  const weights = weightsOf(TINY_WEIGHTS)
  const packed = (stored: Uint8Array, codec: number, change: (entry: Uint8Array) => void = () => {}): Uint8Array =>
    file({ weights: stored, chunks: changed(packedEntry(stored, weights, codec), change), features: 2 })
  const fault = (name: string, why: string, stored: Uint8Array, codec: number): void => add(name, 'FORMAT_DECODE', why, packed(stored, codec))
  const with1 = (bytes: Uint8Array, at: number, value: number): Uint8Array => changed(bytes.slice(), (copy) => copy.fill(value, at, at + 1))
  const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7)

  add('chunk-not-smaller', 'FORMAT_CHUNK', 'a compressed chunk of as many bytes as it holds', packed(new Uint8Array(64), LZ4))
  add('chunk-empty', 'FORMAT_CHUNK', 'a compressed chunk of no bytes', packed(new Uint8Array(0), LZ4))
  add('codec-data-unannounced', 'FORMAT_CODEC', 'a zstd chunk in a file that does not announce compression', file({ weights: ZSTD_TINY, chunks: packedEntry(ZSTD_TINY, weights, ZSTD) }))
  add('sha256-chunk-decoded', 'FORMAT_SHA256', 'a wrong hash of the decoded bytes of a chunk', packed(ZSTD_TINY, ZSTD, (entry) => entry.fill(0, 64, 96)), 'sha256')
  fault('lz4-long', 'an lz4 block of more bytes than the chunk holds', Uint8Array.from(Buffer.from('9f0000803f0000004000010049500000000000', 'hex')), LZ4)
  fault('lz4-short', 'an lz4 block of fewer bytes', Uint8Array.from(Buffer.from('800000803f00000040', 'hex')), LZ4)
  fault('lz4-trailing', 'a byte after the end of an lz4 block', Uint8Array.of(...LZ4_TINY, 0), LZ4)
  fault('lz4-distance', 'an lz4 match that reaches before the data', Uint8Array.from(Buffer.from('9f0000803f00000040000a001f500000000000', 'hex')), LZ4)
  fault('lz4-distance-zero', 'an lz4 match of distance 0', Uint8Array.from(Buffer.from('9f0000803f000000400000001f500000000000', 'hex')), LZ4)
  fault('lz4-cut', 'an lz4 block that is cut short', LZ4_TINY.subarray(0, 12), LZ4)
  fault('zstd-magic', 'no zstd frame', with1(ZSTD_TINY, 0, 0x29), ZSTD)
  fault('zstd-trailing', 'a byte after the zstd frame', Uint8Array.of(...ZSTD_TINY, 0), ZSTD)
  fault('zstd-two-frames', 'two zstd frames', Uint8Array.of(...ZSTD_TINY, ...ZSTD_TINY), ZSTD)
  fault('zstd-skippable-before', 'a frame to skip before the zstd frame', Uint8Array.of(...skippable, ...ZSTD_TINY), ZSTD)
  fault('zstd-skippable-after', 'a frame to skip after the zstd frame', Uint8Array.of(...ZSTD_TINY, ...skippable), ZSTD)
  fault('zstd-window', 'a zstd window of 16 MiB', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 14 << 3, ...ZSTD_TINY.subarray(6)), ZSTD)
  fault('zstd-window-huge', 'a zstd window of 3.75 TiB', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, ...ZSTD_TINY.subarray(6)), ZSTD)
  fault('zstd-dictionary', 'a zstd frame that needs a dictionary', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x21, 1, ...ZSTD_TINY.subarray(5)), ZSTD)
  fault('zstd-reserved', 'a reserved bit of the zstd frame header', with1(ZSTD_TINY, 4, 0x28), ZSTD)
  fault('zstd-block-reserved', 'a zstd block of the reserved type', with1(ZSTD_TINY, 17, 0xc7), ZSTD)
  fault('zstd-size', 'a zstd frame that claims another size', with1(ZSTD_TINY, 5, 65), ZSTD)
  fault('zstd-bomb', 'a zstd frame of 56 MB', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0x02, 0, 0x10, 0, 0x03, 0, 0x10, 0), ZSTD)
  fault('zstd-checksum', 'a zstd frame with a wrong checksum', Uint8Array.of(...with1(ZSTD_TINY, 4, 0x24), 1, 2, 3, 4), ZSTD)
  fault('zstd-cut', 'a zstd frame that is cut short', ZSTD_TINY.subarray(0, 18), ZSTD)
  fault('brotli-trailing', 'a byte after the brotli stream', Uint8Array.of(...BROTLI_TINY, 0), BROTLI)
  fault('brotli-two-streams', 'two brotli streams', Uint8Array.of(...BROTLI_TINY, ...BROTLI_TINY), BROTLI)
  fault('brotli-cut', 'a brotli stream that is cut short', BROTLI_TINY.subarray(0, -2), BROTLI)
  fault('brotli-large-window', 'a brotli window of more than 24 bits', Uint8Array.of(0x11, 0x1a, ...BROTLI_TINY.subarray(1)), BROTLI)
  fault('brotli-empty', 'a brotli stream of no bytes', Uint8Array.of(0x06), BROTLI)
  const claim = new Uint8Array(64)
  add('expansion', 'FORMAT_LIMIT', '32 chunks of 64 bytes that claim 1 MiB each', file({
    graph: graphText({ tensors: TENSOR.replace('[2]', '[8388608]') }),
    weights: new Uint8Array(64 * 32),
    chunks: Uint8Array.from(Array.from({ length: 32 }, () => [...claimingEntry(claim, 1048576)]).flat()),
    features: 2,
  }))
}

function claimingEntry(stored: Uint8Array, rawBytes: number): Uint8Array {
  const entry = chunkEntry(stored, 4, LZ4)
  new DataView(entry.buffer).setUint32(16, rawBytes, true)
  return entry
}
