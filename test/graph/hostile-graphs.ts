// Graphs of a few nodes that ask for more than any machine has: each ends in a coded error, or within the limits.
import type { GraphBuilder, ValueName } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { tensor, type Tensor } from '../../src/index.ts'
import type { DType } from '../../src/index.ts'
import { body, BOOL, float32, graph, INT, int64, scalar } from '../skeleton/graphs.ts'

/** A value that is a constant of the graph in one variant, and an input in the other. */
export type Give = (value: Tensor) => ValueName

export interface HostileGraph {
  readonly name: string
  /** Codes that it may end with under the limits of `LIMITS`; '' where it may also run. */
  readonly codes: readonly string[]
  readonly make: (b: GraphBuilder, give: Give) => ValueName
  /** Of the output. */
  readonly dtype?: DType
}

/** The graph of a case, and its inputs. */
export function hostile({ make, dtype = 'float32' }: HostileGraph, areGiven: boolean): { graph: Graph; inputs: Record<string, Tensor> } {
  const inputs: Record<string, Tensor> = {}
  const made = graph((b) => {
    const give: Give = (value) => {
      if (!areGiven) return b.constant(value)
      const name = `given${Object.keys(inputs).length}`
      inputs[name] = value
      return b.input(name, { dtype: value.dtype, shape: value.shape })
    }
    b.output('y', make(b, give), { dtype })
  })
  return { graph: made, inputs }
}

/** Small ones, so that little is computed before they are reached. */
export const LIMITS: { readonly maxMemoryBytes: number; readonly maxObjectBytes: number; readonly maxIterations: number } = { maxMemoryBytes: 64 * 2 ** 20, maxObjectBytes: 16 * 2 ** 20, maxIterations: 20_000 }

const MEMORY = ['MEMORY_LIMIT'] as const
const TOO_LARGE = ['MEMORY_LIMIT', 'SHAPE_TOO_LARGE', 'OP_DIMENSION'] as const
const LOOP = ['LOOP_LIMIT'] as const
const f = (value: number): Tensor => float32([value], [])
const HUGE = 2 ** 62

/** A Loop over one carried value. */
function loop(b: GraphBuilder, count: ValueName, start: ValueName, type: { dtype: DType; shape?: (number | null)[] }, step: (t: GraphBuilder, v: ValueName) => ValueName): ValueName {
  return b.addMany('Loop', [count, '', start], 1, {
    body: body((t) => {
      t.input('i', INT)
      const cond = t.input('cond', BOOL)
      const v = t.input('v', type)
      const next = step(t, v)
      t.output('goOn', cond, BOOL)
      t.output('next', next, type)
    }),
  })[0]
}

const text = (...values: string[]): Tensor => tensor(values)

export const HOSTILE: readonly HostileGraph[] = [
  { name: 'Loop of 2^62 iterations that do nothing', codes: LOOP, make: (b, give) => loop(b, give(scalar(HUGE)), give(f(1)), { dtype: 'float32', shape: [] }, (t, v) => t.add('Neg', [v])) },
  {
    name: 'Loop in a Loop', codes: LOOP,
    make: (b, give) => {
      const count = give(scalar(100_000))
      return loop(b, count, give(f(1)), { dtype: 'float32', shape: [] }, (t, v) => loop(t, count, v, { dtype: 'float32', shape: [] }, (u, w) => u.add('Neg', [w])))
    },
  },
  {
    name: 'Scan over a million elements', codes: [...LOOP, ...MEMORY], dtype: 'uint8',
    make: (b, give) => b.addMany('Scan', [b.add('Expand', [give(tensor(Uint8Array.of(1))), give(int64(2 ** 20))])], 1, {
      num_scan_inputs: 1, body: body((t) => t.output('s', t.add('Identity', [t.input('x', { dtype: 'uint8', shape: [] })]), { dtype: 'uint8', shape: [] })),
    })[0],
  },
  { name: 'Loop that doubles a tensor', codes: MEMORY, make: (b, give) => loop(b, give(scalar(100)), give(float32([1])), { dtype: 'float32', shape: [null] }, (t, v) => t.add('Concat', [v, v], { axis: 0 })) },
  { name: 'Loop that tiles a tensor', codes: [...MEMORY, 'SHAPE_TOO_LARGE'], make: (b, give) => loop(b, give(scalar(100)), give(float32([1])), { dtype: 'float32', shape: [null] }, (t, v) => t.add('Tile', [v, t.constant(int64(1000))])) },
  {
    name: 'Loop that collects large scan outputs', codes: MEMORY,
    make: (b, give) => b.addMany('Loop', [give(scalar(1e6)), '', give(f(1))], 2, {
      body: body((t) => {
        t.input('i', INT)
        const cond = t.input('cond', BOOL)
        const v = t.input('v', { dtype: 'float32', shape: [] })
        t.output('goOn', cond, BOOL)
        t.output('next', t.add('Neg', [v]), { dtype: 'float32', shape: [] })
        t.output('slice', t.add('Expand', [v, t.constant(int64(1 << 20))]), { dtype: 'float32', shape: [1 << 20] })
      }),
    })[1],
  },
  {
    name: 'Loop that puts tensors into a sequence', codes: [...MEMORY, ...LOOP], dtype: 'int64',
    make: (b, give) => b.add('SequenceLength', [b.addMany('Loop', [give(scalar(1e6)), '', b.add('SequenceEmpty', [], { dtype: 'float32' })], 1, {
      body: body((t) => {
        t.input('i', INT)
        const cond = t.input('cond', BOOL)
        const list = t.input('list', { sequence: { dtype: 'float32' } })
        t.output('goOn', cond, BOOL)
        t.output('next', t.add('SequenceInsert', [list, t.constant(float32(new Array<number>(1 << 16).fill(1)))]), { sequence: { dtype: 'float32' } })
      }),
    })[0]]),
  },
  {
    name: 'Loop that puts a million scalars into a sequence', codes: [...MEMORY, ...LOOP], dtype: 'int64',
    make: (b, give) => b.add('SequenceLength', [b.addMany('Loop', [give(scalar(999_999)), '', b.add('SequenceEmpty', [], { dtype: 'float32' })], 1, {
      body: body((t) => {
        t.input('i', INT)
        const cond = t.input('cond', BOOL)
        const list = t.input('list', { sequence: { dtype: 'float32' } })
        t.output('goOn', cond, BOOL)
        t.output('next', t.add('SequenceInsert', [list, t.constant(f(1))]), { sequence: { dtype: 'float32' } })
      }),
    })[0]]),
  },
  { name: 'Loop that doubles a text', codes: MEMORY, dtype: 'string', make: (b, give) => loop(b, give(scalar(100)), give(text('ab')), { dtype: 'string', shape: [1] }, (t, v) => t.add('StringConcat', [v, v])) },
  { name: 'Loop that doubles an array of texts', codes: MEMORY, dtype: 'string', make: (b, give) => loop(b, give(scalar(100)), give(text('ab')), { dtype: 'string', shape: [null] }, (t, v) => t.add('Concat', [v, v], { axis: 0 })) },
  { name: 'Expand of a text', codes: TOO_LARGE, dtype: 'string', make: (b, give) => b.add('Expand', [give(text('ab')), give(int64(2 ** 31))]) },
  { name: 'Expand', codes: TOO_LARGE, make: (b, give) => b.add('Expand', [give(f(1)), give(int64(2 ** 40))]) },
  { name: 'Expand to 2^63 elements', codes: TOO_LARGE, make: (b, give) => b.add('Expand', [give(f(1)), give(int64(2 ** 31, 2 ** 31, 2 ** 31))]) },
  { name: 'Tile', codes: TOO_LARGE, make: (b, give) => b.add('Tile', [give(float32([1])), give(int64(2 ** 40))]) },
  { name: 'ConstantOfShape', codes: TOO_LARGE, make: (b, give) => b.add('ConstantOfShape', [give(int64(2 ** 40))]) },
  { name: 'ConstantOfShape of a negative size', codes: TOO_LARGE, make: (b, give) => b.add('ConstantOfShape', [give(int64(-1))]) },
  { name: 'Range', codes: TOO_LARGE, make: (b, give) => b.add('Range', [give(f(0)), give(f(1e18)), give(f(1))]) },
  { name: 'Range by 0', codes: ['OP_DIMENSION'], make: (b, give) => b.add('Range', [give(f(0)), give(f(1e18)), give(f(0))]) },
  { name: 'Pad', codes: TOO_LARGE, make: (b, give) => b.add('Pad', [give(float32([1])), give(int64(2 ** 40, 2 ** 40))]) },
  { name: 'Pad by reflection', codes: [...TOO_LARGE, ''], make: (b, give) => b.add('Pad', [give(float32([1])), give(int64(2 ** 40, 2 ** 40))], { mode: 'reflect' }) },
  { name: 'Pad that leaves no elements', codes: TOO_LARGE, make: (b, give) => b.add('Pad', [give(float32([1])), give(int64(-(2 ** 40), 0))]) },
  { name: 'Resize by sizes', codes: TOO_LARGE, make: (b, give) => b.add('Resize', [give(float32([1], [1, 1, 1, 1])), '', '', give(int64(1, 1, 2 ** 20, 2 ** 20))]) },
  { name: 'Resize by scales', codes: TOO_LARGE, make: (b, give) => b.add('Resize', [give(float32([1], [1, 1, 1, 1])), '', give(float32([1, 1, 1e9, 1e9]))]) },
  { name: 'Resize of a plane to a wide line', codes: TOO_LARGE, make: (b, give) => b.add('Resize', [give(float32([1, 2, 3, 4], [1, 1, 2, 2])), '', '', give(int64(1, 1, 1, 2 ** 31))], { mode: 'cubic' }) },
  { name: 'OneHot', codes: TOO_LARGE, make: (b, give) => b.add('OneHot', [give(int64(1)), give(scalar(2 ** 40)), give(float32([0, 1]))]) },
  { name: 'TopK of more than there are', codes: ['OP_DIMENSION'], make: (b, give) => b.addMany('TopK', [give(float32([1, 2])), give(int64(2 ** 40))], 2)[0] },
  { name: 'SplitToSequence of single elements', codes: MEMORY, dtype: 'int64', make: (b, give) => b.add('SequenceLength', [b.add('SplitToSequence', [b.add('Expand', [give(tensor(Uint8Array.of(1))), give(int64(2 ** 24))])])]) },
  { name: 'SplitToSequence by a size', codes: MEMORY, dtype: 'int64', make: (b, give) => b.add('SequenceLength', [b.add('SplitToSequence', [b.add('Expand', [give(tensor(Uint8Array.of(1))), give(int64(2 ** 24))]), give(scalar(2))])]) },
  { name: 'Unique of 2^22 elements', codes: MEMORY, dtype: 'uint8', make: (b, give) => b.addMany('Unique', [b.add('Expand', [give(tensor(Uint8Array.of(1))), give(int64(2 ** 22))])], 1)[0] },
  { name: 'NonZero of 2^24 elements', codes: MEMORY, dtype: 'int64', make: (b, give) => b.add('NonZero', [b.add('Expand', [give(tensor(Uint8Array.of(1))), give(int64(2 ** 24))])]) },
  { name: 'Einsum over a huge space', codes: TOO_LARGE, make: (b, give) => b.add('Einsum', [b.add('Expand', [give(f(1)), give(int64(2 ** 20))]), b.add('Expand', [give(f(1)), give(int64(2 ** 20))])], { equation: 'a,b->ab' }) },
  { name: 'RandomUniformLike', codes: TOO_LARGE, make: (b, give) => b.add('RandomUniformLike', [b.add('Expand', [give(f(1)), give(int64(2 ** 40))])]) },
  { name: 'RandomNormal', codes: TOO_LARGE, make: (b) => b.add('RandomNormal', [], { shape: [2 ** 20, 2 ** 20] }) },
  { name: 'MatMul to a huge product', codes: TOO_LARGE, make: (b, give) => b.add('MatMul', [b.add('Expand', [give(f(1)), give(int64(2 ** 20, 1))]), b.add('Expand', [give(f(1)), give(int64(1, 2 ** 20))])]) },
  { name: 'ConvTranspose by huge strides', codes: TOO_LARGE, make: (b, give) => b.add('ConvTranspose', [give(float32([1, 1, 1, 1], [1, 1, 2, 2])), give(float32([1], [1, 1, 1, 1]))], { strides: [2 ** 20, 2 ** 20] }) },
  { name: 'ConvTranspose with huge output padding', codes: [...TOO_LARGE, 'OP_ATTRIBUTE'], make: (b, give) => b.add('ConvTranspose', [give(float32([1], [1, 1, 1, 1])), give(float32([1], [1, 1, 1, 1]))], { output_padding: [2 ** 30, 2 ** 30], strides: [2 ** 31, 2 ** 31] }) },
  { name: 'Conv with huge paddings', codes: TOO_LARGE, make: (b, give) => b.add('Conv', [give(float32([1], [1, 1, 1, 1])), give(float32([1], [1, 1, 1, 1]))], { pads: [2 ** 20, 2 ** 20, 2 ** 20, 2 ** 20] }) },
  { name: 'Conv with huge dilations', codes: TOO_LARGE, make: (b, give) => b.add('Conv', [give(float32([1], [1, 1, 1, 1])), give(float32([1, 1, 1, 1], [1, 1, 2, 2]))], { dilations: [2 ** 40, 2 ** 40] }) },
  { name: 'Conv with huge dilations that fit', codes: [...TOO_LARGE, ''], make: (b, give) => b.add('Conv', [give(float32([1], [1, 1, 1, 1])), give(float32([1, 1, 1, 1], [1, 1, 2, 2]))], { dilations: [2 ** 30, 2 ** 30], pads: [0, 0, 2 ** 30, 2 ** 30] }) },
  { name: 'MaxPool of a huge kernel', codes: [...TOO_LARGE, 'OP_ATTRIBUTE', ''], make: (b, give) => b.add('MaxPool', [give(float32([1], [1, 1, 1, 1]))], { kernel_shape: [2 ** 30, 2 ** 30], pads: [2 ** 30 - 1, 2 ** 30 - 1, 0, 0] }) },
  { name: 'AveragePool of a huge kernel', codes: [...TOO_LARGE, 'OP_ATTRIBUTE', ''], make: (b, give) => b.add('AveragePool', [give(float32([1], [1, 1, 1, 1]))], { kernel_shape: [2 ** 20, 2 ** 20], pads: [2 ** 20 - 1, 2 ** 20 - 1, 0, 0], count_include_pad: 1 }) },
  { name: 'LpPool of a huge kernel', codes: [...TOO_LARGE, 'OP_ATTRIBUTE', ''], make: (b, give) => b.add('LpPool', [give(float32([1], [1, 1, 1, 1]))], { kernel_shape: [2 ** 20, 2 ** 20], pads: [2 ** 20 - 1, 2 ** 20 - 1, 0, 0] }) },
  { name: 'MaxUnpool to a huge shape', codes: TOO_LARGE, make: (b, give) => b.add('MaxUnpool', [give(float32([1], [1, 1, 1, 1])), give(tensor(BigInt64Array.of(0n), [1, 1, 1, 1])), give(int64(1, 1, 2 ** 20, 2 ** 20))], { kernel_shape: [1, 1] }) },
  { name: 'Col2Im to a huge image', codes: TOO_LARGE, make: (b, give) => b.add('Col2Im', [give(float32([1], [1, 1, 1])), give(int64(2 ** 20, 2 ** 20)), give(int64(2 ** 20, 2 ** 20))]) },
  { name: 'DFT of a huge length', codes: TOO_LARGE, make: (b, give) => b.add('DFT', [give(float32([1], [1, 1, 1])), give(scalar(2 ** 40)), give(scalar(1))]) },
  { name: 'DFT of a length that fits', codes: [...TOO_LARGE, ''], make: (b, give) => b.add('DFT', [give(float32([1], [1, 1, 1])), give(scalar(2 ** 27)), give(scalar(1))]) },
  { name: 'STFT by many frames', codes: [...TOO_LARGE, ''], make: (b, give) => b.add('STFT', [b.add('Expand', [give(f(1)), give(int64(1, 2 ** 22, 1))]), give(scalar(1)), '', give(scalar(2 ** 21))]) },
  { name: 'HannWindow', codes: TOO_LARGE, make: (b, give) => b.add('HannWindow', [give(scalar(2 ** 40))]) },
  { name: 'MelWeightMatrix', codes: TOO_LARGE, make: (b, give) => b.add('MelWeightMatrix', [give(scalar(2 ** 20)), give(scalar(2 ** 30)), give(scalar(16000)), give(f(0)), give(f(8000))]) },
  { name: 'MelWeightMatrix of no bins', codes: [...TOO_LARGE, ''], make: (b, give) => b.add('MelWeightMatrix', [give(scalar(0)), give(scalar(2)), give(scalar(1)), give(f(0)), give(f(8e30))]) },
  { name: 'MelWeightMatrix of edges far outside', codes: [...TOO_LARGE, ''], make: (b, give) => b.add('MelWeightMatrix', [give(scalar(4)), give(scalar(512)), give(scalar(1)), give(f(0)), give(f(1e30))]) },
  { name: 'CenterCropPad', codes: TOO_LARGE, make: (b, give) => b.add('CenterCropPad', [give(float32([1])), give(int64(2 ** 40))]) },
  { name: 'AffineGrid', codes: TOO_LARGE, make: (b, give) => b.add('AffineGrid', [give(float32([1, 0, 0, 0, 1, 0], [1, 2, 3])), give(int64(1, 1, 2 ** 20, 2 ** 20))]) },
  { name: 'RoiAlign of huge outputs', codes: TOO_LARGE, make: (b, give) => b.add('RoiAlign', [give(float32([1], [1, 1, 1, 1])), give(float32([0, 0, 1, 1], [1, 4])), give(int64(0))], { output_height: 2 ** 20, output_width: 2 ** 20 }) },
  { name: 'RoiAlign of huge regions', codes: LOOP, make: (b, give) => b.add('RoiAlign', [give(float32([1], [1, 1, 1, 1])), give(float32([0, 0, 1e9, 1e9], [1, 4])), give(int64(0))], { output_height: 1, output_width: 1, sampling_ratio: 0 }) },
  { name: 'RoiAlign of many samples', codes: LOOP, make: (b, give) => b.add('RoiAlign', [give(float32([1], [1, 1, 1, 1])), give(float32([0, 0, 1, 1], [1, 4])), give(int64(0))], { output_height: 1, output_width: 1, sampling_ratio: 2 ** 30 }) },
  { name: 'MaxRoiPool of huge outputs', codes: TOO_LARGE, make: (b, give) => b.add('MaxRoiPool', [give(float32([1], [1, 1, 1, 1])), give(float32([0, 0, 0, 1, 1], [1, 5]))], { pooled_shape: [2 ** 20, 2 ** 20] }) },
  { name: 'GridSample of a huge grid', codes: TOO_LARGE, make: (b, give) => b.add('GridSample', [give(float32([1], [1, 1, 1, 1])), b.add('Expand', [give(f(0)), give(int64(1, 2 ** 20, 2 ** 20, 2))])]) },
  { name: 'NonMaxSuppression of many boxes', codes: [...MEMORY, ...LOOP], dtype: 'int64', make: (b, give) => b.add('NonMaxSuppression', [b.add('Expand', [give(f(0)), give(int64(1, 2 ** 17, 4))]), b.add('Expand', [give(f(0)), give(int64(1, 1, 2 ** 17))]), give(scalar(2 ** 40)), give(f(1))]) },
  { name: 'RegexFullMatch that goes back and forth', codes: [''], dtype: 'bool', make: (b, give) => b.add('RegexFullMatch', [give(text('a'.repeat(64)))], { pattern: '(a*)*b' }) },
  { name: 'DFT of a prime length', codes: LOOP, make: (b, give) => b.add('DFT', [give(float32([1], [1, 1, 1])), give(scalar(100_003)), give(scalar(1))]) },
  { name: 'RegexFullMatch of nested repeats', codes: ['', 'TEXT_PATTERN'], dtype: 'bool', make: (b, give) => b.add('RegexFullMatch', [give(text('a'.repeat(64)))], { pattern: '((a{1,1000}){1,1000}){1,1000}b' }) },
  { name: 'StringSplit of a long text', codes: MEMORY, dtype: 'string', make: (b, give) => b.addMany('StringSplit', [loop(b, give(scalar(26)), give(text('a ')), { dtype: 'string', shape: [1] }, (t, v) => t.add('StringConcat', [v, v]))], 2)[0] },
  { name: 'TfIdfVectorizer of huge n-grams', codes: ['', 'OP_ATTRIBUTE'], make: (b, give) => b.add('TfIdfVectorizer', [b.add('Expand', [give(int64(1)), give(int64(100_000))])], { mode: 'TF', min_gram_length: 1, max_gram_length: 2 ** 30, max_skip_count: 2 ** 30, ngram_counts: [0], ngram_indexes: [0], pool_int64s: [1] }) },
  { name: 'TfIdfVectorizer of many skips', codes: ['', 'OP_ATTRIBUTE', 'LOOP_LIMIT'], make: (b, give) => b.add('TfIdfVectorizer', [b.add('Expand', [give(int64(1)), give(int64(100_000))])], { mode: 'TF', min_gram_length: 1, max_gram_length: 2, max_skip_count: 2 ** 30, ngram_counts: [0, 1], ngram_indexes: [0, 1], pool_int64s: [1, 1, 1] }) },
  { name: 'TfIdfVectorizer of overlapping pools', codes: ['OP_ATTRIBUTE'], make: (b, give) => b.add('TfIdfVectorizer', [give(int64(1))], { mode: 'TF', min_gram_length: 1, max_gram_length: 2, max_skip_count: 0, ngram_counts: Array.from({ length: 20_000 }, (_, i) => (i % 2) * 20_000), ngram_indexes: [0], pool_int64s: new Array(20_000).fill(1) }) },
  { name: 'Reshape to 2^18 dimensions', codes: ['OP_DIMENSION', 'SHAPE_RANK'], make: (b, give) => b.add('Reshape', [give(float32([1])), b.add('Expand', [give(int64(1)), give(int64(2 ** 18))])]) },
  { name: 'ConstantOfShape of 2^18 dimensions', codes: ['OP_DIMENSION', 'SHAPE_RANK'], make: (b, give) => b.add('ConstantOfShape', [b.add('Expand', [give(int64(1)), give(int64(2 ** 18))])]) },
  { name: 'Unsqueeze along many axes', codes: ['OP_DIMENSION', 'SHAPE_RANK'], make: (b, give) => b.add('Unsqueeze', [give(float32([1])), b.add('Range', [give(scalar(0)), give(scalar(2 ** 18)), give(scalar(1))])]) },
  { name: 'Upsample', codes: TOO_LARGE, make: (b, give) => b.add('Resize', [give(float32([1], [1, 1, 1, 1])), '', give(float32([1, 1, 1e30, 1e30]))]) },
  { name: 'CumSum', codes: TOO_LARGE, make: (b, give) => b.add('CumSum', [b.add('Expand', [give(f(1)), give(int64(2 ** 40))]), give(scalar(0))]) },
  { name: 'Mul of what broadcasts to a huge shape', codes: TOO_LARGE, make: (b, give) => b.add('Mul', [b.add('Expand', [give(f(1)), give(int64(2 ** 20, 1))]), b.add('Expand', [give(f(1)), give(int64(1, 2 ** 20))])]) },
  { name: 'Gather of many rows', codes: TOO_LARGE, make: (b, give) => b.add('Gather', [b.add('Expand', [give(f(1)), give(int64(1, 2 ** 20))]), b.add('Expand', [give(scalar(0)), give(int64(2 ** 20))])]) },
  { name: 'Multinomial of many samples', codes: [...TOO_LARGE, 'OP_ATTRIBUTE'], dtype: 'int32', make: (b, give) => b.add('Multinomial', [give(float32([1, 1], [1, 2]))], { sample_size: 2 ** 40 }) },
  { name: 'DepthToSpace of huge blocks', codes: [...TOO_LARGE, 'OP_ATTRIBUTE'], make: (b, give) => b.add('DepthToSpace', [give(float32([1], [1, 1, 1, 1]))], { blocksize: 2 ** 30 }) },
  { name: 'ImageDecoder of a lie about its size', codes: ['OP_IMAGE'], dtype: 'uint8', make: (b, give) => b.add('ImageDecoder', [give(tensor(Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 255, 255, 0, 0, 255, 255, 8, 2, 0, 0, 0, 0, 0, 0, 0])))]) },
]
