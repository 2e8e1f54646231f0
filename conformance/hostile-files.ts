// Files of other programs' formats that attack or lie, each in one way: what an importer must refuse, and by which code.
export interface HostileFile {
  /** With the ending that the format has. */
  readonly file: string
  readonly format: 'pickle' | 'onnx' | 'xgboost' | 'lightgbm' | 'catboost' | 'npy'
  readonly code: string
  readonly why: string
  /** Name of the input that a reader which accepts the file is given; x when absent. */
  readonly input?: string
  readonly bytes: Uint8Array
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

function concat(...parts: readonly (Uint8Array | readonly number[] | string)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? utf8(part) : Uint8Array.from(part)))))
}

function repeated(text: string, count: number): Uint8Array {
  return utf8(text.repeat(count))
}

// ---- pickle

/** bzip2.compress(bytes(64 * 2 ** 20)) of Python. */
const BZIP2_BOMB = 'QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZvAS1wwCidcAAwAAACCAAIKQINjKKiE0qKiE4u5IpwoSFALuD6A=='

const PICKLE: readonly HostileFile[] = [
  pickle('os-system', 'PICKLE_GLOBAL', 'calls os.system (protocol 0)', "cos\nsystem\n(S'true'\ntR."),
  pickle('eval', 'PICKLE_GLOBAL', 'calls builtins.eval through STACK_GLOBAL (protocol 4)', concat([0x80, 4, 0x8c, 8], 'builtins', [0x8c, 4], 'eval', [0x93, 0x8c, 1], '1', [0x85, 0x52, 0x2e])),
  pickle('pop-hidden', 'PICKLE_GLOBAL', 'names os.system and takes it off the stack again, which some scanners do not see', 'cos\nsystem\n0N.'),
  pickle('inst', 'PICKLE_GLOBAL', 'makes an instance of subprocess.Popen by INST', "]0(S'true'\nisubprocess\nPopen\n."),
  pickle('dotted', 'PICKLE_DOTTED_NAME', 'reaches a method of an allowed class by a name with dots', concat([0x80, 4, 0x8c, 5], 'numpy', [0x8c, 17], 'ndarray.__class__', [0x93, 0x2e])),
  pickle('attribute', 'PICKLE_GLOBAL', 'reaches an attribute by operator.attrgetter', "coperator\nattrgetter\n(S'system'\ntRcos\npath\n\x85R."),
  pickle('extension', 'PICKLE_EXTENSION', 'refers to a registry of extensions by EXT1', [0x80, 2, 0x82, 1, 0x2e]),
  pickle('truncated', 'PICKLE_TRUNCATED', 'ends inside a string', concat([0x80, 4, 0x8c, 200], 'short')),
  pickle('long-string', 'PICKLE_TRUNCATED', 'a string claims 2^62 bytes', [0x80, 4, 0x8d, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x2e]),
  pickle('no-stop', 'PICKLE_TRUNCATED', 'does not end with STOP', [0x80, 2, 0x4e]),
  pickle('empty-stack', 'PICKLE_STACK', 'takes more from the stack than is there', [0x80, 2, 0x52, 0x2e]),
  pickle('memo', 'PICKLE_MEMO', 'reads a memo entry that was never written', [0x80, 2, 0x68, 9, 0x2e]),
  pickle('deep', 'PICKLE_LIMIT', 'nests lists 20,000 deep', concat(repeated(']', 20_000), repeated('a', 19_999), '.')),
  pickle('array-shape', 'PICKLE_ARRAY', 'an array of 2^40 elements made from 8 bytes', arrayPickle(2 ** 40)),
  { file: 'joblib-bomb.joblib', format: 'pickle', code: 'CODEC_LIMIT', why: 'bzip2: 64 MiB of zeros in 113 bytes', bytes: new Uint8Array(Buffer.from(BZIP2_BOMB, 'base64')) },
]

function pickle(name: string, code: string, why: string, content: string | Uint8Array | readonly number[]): HostileFile {
  return { file: `pickle-${name}.pkl`, format: 'pickle', code, why, bytes: concat(typeof content === 'string' ? Buffer.from(content, 'latin1') : content) }
}

/** A numpy array of protocol 2 whose state says so many float64 elements and gives one. */
function arrayPickle(elements: number): Uint8Array {
  const long = new Uint8Array(8)
  new DataView(long.buffer).setBigInt64(0, BigInt(elements), true)
  const reconstruct = concat('cnumpy.core.multiarray\n_reconstruct\n', 'cnumpy\nndarray\n', 'K', [0], [0x85], 'U', [1], 'b', [0x87, 0x52])
  const dtype = concat('cnumpy\ndtype\n', 'U', [2], 'f8', 'K', [0], 'K', [1], [0x87, 0x52], '(K', [3], 'U', [1], '<', 'NNN', 'J', [255, 255, 255, 255], 'J', [255, 255, 255, 255], 'K', [0], 'tb')
  return concat([0x80, 2], reconstruct, '(K', [1], [0x8a, 8], long, [0x85], dtype, [0x89], 'U', [8], new Uint8Array(8), 'tb.')
}

// ---- ONNX, as protobuf

function varint(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}

/** A field: a varint for numbers, else a length and bytes. */
function field(number: number, content: number | bigint | string | Uint8Array): Uint8Array {
  if (typeof content === 'number' || typeof content === 'bigint') return concat(varint(number * 8), varint(content))
  const bytes = typeof content === 'string' ? utf8(content) : content
  return concat(varint(number * 8 + 2), varint(bytes.length), bytes)
}

function valueInfo(name: string, dims: readonly (number | bigint)[] = [1], dtype: number = 1): Uint8Array {
  return concat(field(1, name), field(2, field(1, concat(field(1, dtype), field(2, concat(...dims.map((dim) => field(1, field(1, dim)))))))))
}

function node(op: string, inputs: readonly string[], outputs: readonly string[], ...attributes: readonly Uint8Array[]): Uint8Array {
  return field(1, concat(...inputs.map((name) => field(1, name)), ...outputs.map((name) => field(2, name)), field(4, op), ...attributes.map((attribute) => field(5, attribute))))
}

function model(...graph: readonly Uint8Array[]): Uint8Array {
  return concat(field(1, 8), field(8, concat(field(1, ''), field(2, 17))), field(7, concat(field(2, 'g'), ...graph)))
}

const X = field(11, valueInfo('x', [1, 2]))
const Y = field(12, valueInfo('y', [1, 2]))

function externalTensor(location: string): Uint8Array {
  return field(5, concat(field(1, 1), field(2, 1), field(8, 'w'), field(13, concat(field(1, 'location'), field(2, location))), field(14, 1)))
}

function onnx(name: string, code: string, why: string, bytes: Uint8Array): HostileFile {
  return { file: `onnx-${name}.onnx`, format: 'onnx', code, why, bytes }
}

/** If in If, so many deep. */
function nestedIf(depth: number): Uint8Array {
  let body = concat(node('Identity', ['x'], ['r']), field(12, valueInfo('r')))
  for (let i = 0; i < depth; i++) {
    const branch = (label: string): Uint8Array => concat(field(1, label), field(20, 5), field(6, body))
    body = concat(node('If', ['c'], ['r'], branch('then_branch')), field(12, valueInfo('r')))
  }
  return body
}

const useW = [X, Y, node('Add', ['x', 'w'], ['y'])]

const ONNX: readonly HostileFile[] = [
  ...(
    [
      ['parent', '../../etc/passwd', 'above the folder of the model'],
      ['absolute', '/etc/passwd', 'at an absolute path'],
      ['drive', 'C:\\Windows\\win.ini', 'on another drive'],
      ['backslash', '..\\secret.bin', 'above the folder, with backslashes'],
      ['inner-parent', 'data/../../secret.bin', 'above the folder, through a folder in it'],
      ['url', 'file:///etc/passwd', 'at a URL'],
      ['nul', 'w.bin\0.txt', 'whose name holds a NUL'],
      ['empty', '', 'without a name'],
    ] as const
  ).map(([name, location, where]) => onnx(`external-${name}`, 'ONNX_EXTERNAL', `external data ${where}`, model(...useW, externalTensor(location)))),
  onnx('cycle', 'GRAPH_UNDEFINED', 'two nodes that need each other', model(X, Y, node('Add', ['x', 'b'], ['y']), node('Relu', ['y'], ['b']))),
  onnx('twice', 'GRAPH_NAME', 'two nodes that make the same value', model(X, Y, node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y']))),
  onnx('no-name', 'GRAPH_NAME', 'an input without a name', model(X, Y, field(11, valueInfo('', [1, 2])), node('Relu', ['x'], ['y']))),
  onnx('operator', 'GRAPH_OPERATOR', 'an operator that does not exist', model(X, Y, node('Explode', ['x'], ['y']))),
  onnx('length', 'PROTOBUF_LENGTH', 'a length that leads beyond the file', concat(field(1, 8), [0x3a, 0xff, 0xff, 0xff, 0x7f, 0])),
  onnx('varint', 'PROTOBUF_VARINT', 'a varint of eleven bytes', concat(model(X, Y), [0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01])),
  onnx('dims', 'SHAPE_DIMENSION', 'a tensor of 2^53 elements in 4 bytes', model(...useW, field(5, concat(field(1, 2n ** 53n), field(2, 1), field(8, 'w'), field(9, new Uint8Array(4)))))),
  onnx('dims-product', 'SHAPE_TOO_LARGE', 'a tensor whose dimensions multiply to 2^64', model(...useW, field(5, concat(field(1, 2n ** 32n), field(1, 2n ** 32n), field(2, 1), field(8, 'w'), field(9, new Uint8Array(4)))))),
  onnx('dims-negative', 'SHAPE_DIMENSION', 'a tensor with a negative dimension', model(...useW, field(5, concat(field(1, -1), field(2, 1), field(8, 'w'), field(9, new Uint8Array(4)))))),
  onnx('raw-size', 'ONNX_TENSOR', 'a tensor with fewer bytes than elements', model(...useW, field(5, concat(field(1, 9), field(2, 1), field(8, 'w'), field(9, new Uint8Array(4)))))),
  onnx('nested', 'PROTOBUF_DEPTH', 'subgraphs 500 deep', model(X, Y, field(11, valueInfo('c', [], 9)), nestedIf(500), node('Identity', ['r'], ['y']))),
]

// ---- boosters

const BOOSTERS: readonly HostileFile[] = [
  json('deep', 'JSON_DEPTH', 'arrays 100,000 deep', `{"learner":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  json('proto', 'XGBOOST_FIELD', 'a learner behind the key __proto__', `{"learner":{"__proto__":${JSON.stringify(JSON.parse(xgboostText()).learner)}},"version":[1,7,4]}`),
  json('duplicate', 'JSON_DUPLICATE', 'a key twice', `{"learner":1,"learner":{},"version":[1,7,4]}`),
  json('cycle', 'TREE_CHILD', 'a tree whose child is its root', xgboostText({ left: [1, 0, -1], right: [2, 2, -1] })),
  json('child', 'TREE_CHILD', 'a child that does not exist', xgboostText({ left: [7, -1, -1] })),
  { ...json('feature', 'TREE_FEATURE', 'a split by a feature that X does not have', xgboostText({ feature: [1_000_000, 0, 0] })), input: 'X' },
  json('classes', 'XGBOOST_LIMIT', 'a billion classes', xgboostText({ classes: 1e9 })),
  json('lengths', 'XGBOOST_TREE', 'lists of a tree that are of different lengths', xgboostText({ right: [2] })),
  json('base-score', 'XGBOOST_FIELD', 'a base_score that is no number', xgboostText({ base: 'much' })),
  { file: 'xgboost-count.ubj', format: 'xgboost', code: 'UBJ_TRUNCATED', why: 'an array of 2^40 numbers in a file of 40 bytes', bytes: concat('{L', int64(7), 'learner', '[$d#L', int64(2 ** 40)) },
  { file: 'xgboost-negative.ubj', format: 'xgboost', code: 'UBJ_LENGTH', why: 'a string of negative length', bytes: concat('{L', int64(-5), 'learner}') },
  { file: 'xgboost-deep.ubj', format: 'xgboost', code: 'UBJ_DEPTH', why: 'UBJSON arrays 100,000 deep', bytes: concat('{L', int64(7), 'learner', repeated('[', 100_000)) },
  lightgbm('leaves', 'LIGHTGBM_TREE', 'a tree of a billion leaves', { leaves: 1e9 }),
  lightgbm('cycle', 'TREE_CHILD', 'a tree whose child is its root', { left: '0' }),
  lightgbm('child', 'LIGHTGBM_TREE', 'a child that does not exist', { left: '-9' }),
  lightgbm('features', 'LIGHTGBM_FIELD', 'a negative number of features', { features: -2 }),
  lightgbm('cut', 'LIGHTGBM_TRUNCATED', 'the file ends after its last tree', { end: '' }),
  { file: 'catboost-offset.cbm', format: 'catboost', code: 'FLATBUFFER_OFFSET', why: 'a root table outside the buffer', bytes: concat('CBM1', [16, 0, 0, 0, 0xf0, 0xff, 0xff, 0x7f], new Uint8Array(12)) },
  { file: 'catboost-length.cbm', format: 'catboost', code: 'FLATBUFFER_OFFSET', why: 'a model of 4 GiB in a file of 32 bytes', bytes: concat('CBM1', [0xff, 0xff, 0xff, 0xff], new Uint8Array(24)) },
]

function int64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value))
  return bytes
}

function json(name: string, code: string, why: string, text: string): HostileFile {
  return { file: `xgboost-${name}.json`, format: 'xgboost', code, why, bytes: utf8(text) }
}

interface XgboostParts {
  readonly left?: readonly number[]
  readonly right?: readonly number[]
  readonly feature?: readonly number[]
  readonly classes?: number
  readonly base?: string
}

/** A stump over two features, with one thing wrong. */
function xgboostText({ left = [1, -1, -1], right = [2, -1, -1], feature = [0, 0, 0], classes = 0, base = '5E-1' }: XgboostParts = {}): string {
  const zeros = [0, 0, 0]
  const tree = { left_children: left, right_children: right, split_indices: feature, split_conditions: [0.5, 1, 2], default_left: zeros, base_weights: zeros, sum_hessian: [2, 1, 1], loss_changes: zeros, tree_param: { num_nodes: '3', size_leaf_vector: '0' } }
  const learner = {
    learner_model_param: { base_score: base, num_class: String(classes), num_feature: '2' }, objective: { name: classes > 0 ? 'multi:softprob' : 'reg:squarederror' },
    gradient_booster: { name: 'gbtree', model: { gbtree_model_param: { num_trees: '1' }, trees: [tree], tree_info: [0] } },
  }
  return JSON.stringify({ learner, version: [1, 7, 4] })
}

interface LightgbmParts {
  readonly leaves?: number
  readonly left?: string
  readonly features?: number
  readonly end?: string
}

function lightgbm(name: string, code: string, why: string, { leaves = 2, left = '-1', features = 1, end = 'end of trees\n' }: LightgbmParts): HostileFile {
  const text = `tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=${features - 1}\nobjective=regression\nfeature_names=a\nfeature_infos=[0:1]\n\nTree=0\nnum_leaves=${leaves}\nnum_cat=0\nsplit_feature=0\nthreshold=0.5\ndecision_type=2\nleft_child=${left}\nright_child=-2\nleaf_value=1 2\nshrinkage=1\n${end}`
  return { file: `lightgbm-${name}.txt`, format: 'lightgbm', code, why, bytes: utf8(text) }
}

/** All of them, by format. */
export function hostileFiles(): readonly HostileFile[] {
  return [...PICKLE, ...ONNX, ...BOOSTERS]
}
