// Cases of the operators that reduce, multiply, move and select.
import type { DType } from '../../src/tensor/dtype.ts'
import { tensorOf } from './grids.ts'
import { constant, type Cases, type OperatorCase } from './cases.ts'
import { bools, f32, f64, fill, int64, specials, texts, type Kind } from './values.ts'

const axes = (...values: number[]): ReturnType<typeof constant> => constant(int64(values))

function reduction(key: string, kind: Kind, dtypes: readonly DType[], more: readonly OperatorCase[] = []): [string, OperatorCase[]] {
  return [key, [
    ...dtypes.map((dtype, i): OperatorCase => ({ name: dtype, inputs: [fill(dtype, [2, 3, 4], kind, i + 1), axes(1)] })),
    { name: 'all', inputs: [fill('float32', [2, 3], kind, 7)], attributes: { keepdims: 0 } },
    { name: 'two-axes', inputs: [fill('float64', [2, 3, 4], kind, 8), axes(-1, 0)], attributes: { keepdims: 0 } },
    { name: 'axes-at-run', inputs: [fill('float64', [3, 2], kind, 9), int64([0])] },
    { name: 'no-axes-nothing', inputs: [fill('float32', [2, 2], kind, 10)], attributes: { noop_with_empty_axes: 1 } },
    { name: 'long', inputs: [fill('float32', [2, 97], kind, 11), axes(1)] },
    { name: 'scalar', inputs: [fill('float32', [], kind, 12)] },
    ...more,
  ]]
}

const SPECIAL_ROWS = f32([1, NaN, 2, Infinity, -Infinity, 3, -0, 0, 0, Infinity, 1, 2], [4, 3])
const withNaN: OperatorCase = { name: 'special', inputs: [SPECIAL_ROWS, axes(1)] }
const emptyAxis: OperatorCase = { name: 'empty', inputs: [fill('float32', [0, 3]), axes(0)] }
const emptyResult: OperatorCase = { name: 'empty-result', inputs: [fill('float32', [2, 0]), axes(0)] }
const FLOATS: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16']

function arg(key: string): [string, OperatorCase[]] {
  return [key, [
    { name: 'float32', inputs: [fill('float32', [3, 4])], attributes: { axis: 1 } },
    { name: 'int32', inputs: [fill('int32', [3, 4], 'moderate', 2)], attributes: { axis: -1, keepdims: 0 } },
    { name: 'ties-first', inputs: [f64([1, 3, 3, 1, 2, 2, 2, 2], [2, 4])], attributes: { axis: 1 } },
    { name: 'ties-last', inputs: [f64([1, 3, 3, 1, 2, 2, 2, 2], [2, 4])], attributes: { axis: 1, select_last_index: 1 } },
    { name: 'special', inputs: [SPECIAL_ROWS], attributes: { axis: 1 } },
    { name: 'zeros', inputs: [f32([-0, 0, 0, -0], [2, 2])], attributes: { axis: 1 } },
  ]]
}

function alongAxis(key: string, kind: Kind = 'moderate', more: readonly OperatorCase[] = []): [string, OperatorCase[]] {
  return [key, [
    ...FLOATS.map((dtype, i): OperatorCase => ({ name: dtype, inputs: [fill(dtype, [2, 5], kind, i + 1)] })),
    { name: 'middle-axis', inputs: [fill('float64', [2, 3, 2], kind, 6)], attributes: { axis: 1 } },
    { name: 'empty', inputs: [fill('float32', [0, 3])] },
    ...more,
  ]]
}

/** One case for each of a few dtypes. */
const each = (dtypes: readonly DType[], make: (dtype: DType) => Omit<OperatorCase, 'name'>): OperatorCase[] => dtypes.map((dtype) => ({ name: dtype, ...make(dtype) }))
const MOVED: readonly DType[] = ['float32', 'string', 'int64', 'float16', 'bool']
const named = (name: string, inputs: OperatorCase['inputs'], attributes?: OperatorCase['attributes'], outputs?: number): OperatorCase => ({ name, inputs, attributes, outputs })

export const tensorCases: Cases = [
  reduction('ReduceSum', 'moderate', [...FLOATS, 'int32', 'int64'], [withNaN, emptyAxis, emptyResult]),
  reduction('ReduceMean', 'moderate', FLOATS, [withNaN, emptyResult]),
  reduction('ReduceMax', 'moderate', [...FLOATS, 'int32', 'uint8', 'bool'], [withNaN, emptyResult]),
  reduction('ReduceMin', 'moderate', [...FLOATS, 'int32', 'uint8', 'bool'], [withNaN, emptyResult]),
  reduction('ReduceProd', 'unit', ['float32', 'float64'], [emptyAxis]),
  reduction('ReduceSumSquare', 'moderate', ['float32', 'float64', 'int32'], [withNaN, emptyAxis]),
  reduction('ReduceL1', 'moderate', ['float32', 'float64', 'int32'], [withNaN, emptyAxis]),
  reduction('ReduceL2', 'moderate', ['float32', 'float64'], [withNaN, emptyAxis]),
  reduction('ReduceLogSum', 'positive', ['float32', 'float64']),
  reduction('ReduceLogSumExp', 'moderate', ['float32', 'float64'], [named('large', [f64([1000, 1000, -1000, 0], [2, 2]), axes(1)])]),
  arg('ArgMax'), arg('ArgMin'),
  ['CumSum', [
    ...each(['float32', 'float64', 'int32'], (dtype) => ({ inputs: [fill(dtype, [2, 4]), constant(int64([1], []))] })),
    named('exclusive-reverse', [fill('float64', [2, 4]), constant(int64([-1], []))], { exclusive: 1, reverse: 1 }),
    named('empty', [fill('float32', [0, 2]), constant(int64([0], []))]),
  ]],
  ['TopK', [
    ...each(['float32', 'float64', 'int32'], (dtype) => ({ inputs: [fill(dtype, [2, 6]), constant(int64([3]))], outputs: 2 })),
    named('smallest', [fill('float64', [4, 2]), constant(int64([2]))], { axis: 0, largest: 0 }, 2),
    named('ties', [f32([2, 1, 2, 1, 2]), constant(int64([4]))], {}, 2),
    named('none', [fill('float32', [2, 3]), constant(int64([0]))], {}, 2),
  ]],
  alongAxis('Softmax', 'moderate', [named('large', [f32([1000, 1000, -1000, 88], [2, 2])])]),
  alongAxis('LogSoftmax', 'moderate', [named('large', [f64([1000, 1000, -1000, 700], [2, 2])])]),
  alongAxis('Hardmax', 'moderate', [named('ties', [f32([1, 1, 0, 0], [2, 2])])]),
  alongAxis('LpNormalization', 'moderate', [named('p1', [fill('float64', [2, 3])], { p: 1 })]),
  ['MatMul', [
    ...each(['float32', 'float64', 'float16', 'int32'], (dtype) => ({ inputs: [fill(dtype, [3, 4], 'moderate', 1), fill(dtype, [4, 2], 'moderate', 2)] })),
    named('vector-matrix', [fill('float64', [4]), fill('float64', [4, 3], 'moderate', 2)]),
    named('matrix-vector', [fill('float32', [3, 4]), fill('float32', [4], 'moderate', 2)]),
    named('vectors', [fill('float64', [5]), fill('float64', [5], 'moderate', 2)]),
    named('batches', [fill('float32', [2, 1, 2, 3]), fill('float32', [3, 3, 2], 'moderate', 2)]),
    named('deep', [fill('float32', [2, 67]), fill('float32', [67, 3], 'moderate', 2)]),
    named('no-depth', [fill('float32', [2, 0]), fill('float32', [0, 3])]),
    named('no-rows', [fill('float64', [0, 3]), fill('float64', [3, 2])]),
    named('special', [f32([0, 1, NaN, 1, Infinity, 1], [3, 2]), f32([Infinity, 1, 2, -1], [2, 2])]),
  ]],
  ['Gemm', [
    ...each(['float32', 'float64', 'float16'], (dtype) => ({ inputs: [fill(dtype, [3, 4], 'moderate', 1), fill(dtype, [4, 2], 'moderate', 2), fill(dtype, [2], 'moderate', 3)] })),
    named('no-bias', [fill('float32', [2, 3]), fill('float32', [3, 2], 'moderate', 2)]),
    named('transposed', [fill('float64', [4, 3]), fill('float64', [2, 4], 'moderate', 2), fill('float64', [3, 1], 'moderate', 3)], { transA: 1, transB: 1 }),
    named('scaled', [fill('float64', [2, 3]), fill('float64', [3, 2], 'moderate', 2), fill('float64', [], 'moderate', 3)], { alpha: 0.5, beta: 2 }),
    named('no-rows', [fill('float32', [0, 3]), fill('float32', [3, 2]), fill('float32', [2])]),
  ]],
  ['Identity', [...each(MOVED, (dtype) => ({ inputs: [fill(dtype, [2, 3])] })), named('special', [specials('float32')]), named('empty', [fill('float64', [0])])]],
  ['Cast', [
    ...(['float64', 'float16', 'bfloat16', 'int32', 'uint8', 'bool'] as const).map((to) => named(`float32-to-${to}`, [to === 'int32' || to === 'uint8' ? f32([0, -0, 0.5, 1.5, 2.75, 100.99, 3]) : specials('float32')], { to })),
    ...(['float32', 'float16'] as const).map((to) => named(`float64-to-${to}`, [f64([0, -0, 1, 0.1, 1 / 3, 1 + 2 ** -24, 1 + 2 ** -11, 65519, 1e-8, 1e300, NaN, -Infinity])], { to })),
    named('float64-to-int64', [f64([0, -1.9, 1.9, 2 ** 53, -(2 ** 62)])], { to: 'int64' }),
    named('int64-to-float32', [int64([0, 1, 16777217, -16777219, 2 ** 53 - 1])], { to: 'float32' }),
    named('int64-to-int32', [int64([0, -1, 2147483647, 2147483648, -2147483649])], { to: 'int32' }),
    named('int32-to-uint8', [tensorOf('int32', [5], [0n, 255n, 256n, -1n, 1000n])], { to: 'uint8' }),
    named('bool-to-float32', [bools([true, false])], { to: 'float32' }),
    named('string-to-float64', [texts(['0', '-1.5', '1e-3', '12'])], { to: 'float64' }),
    named('string-to-int64', [texts(['0', '-15', '9007199254740991'])], { to: 'int64' }),
    named('int64-to-string', [int64([0, -7, 2 ** 53 - 1])], { to: 'string' }),
    named('empty', [fill('float32', [0, 2])], { to: 'int64' }),
  ]],
  ['Concat', [
    ...each(MOVED, (dtype) => ({ inputs: [fill(dtype, [2, 1]), fill(dtype, [2, 3], 'moderate', 2)], attributes: { axis: 1 } })),
    named('last-axis', [fill('float64', [2, 1, 1]), fill('float64', [2, 1, 2], 'moderate', 2), fill('float64', [2, 1, 0])], { axis: -1 }),
    named('one', [fill('float32', [2])], { axis: 0 }),
  ]],
  ['Split', [
    named('sizes', [fill('float32', [2, 6]), constant(int64([1, 2, 3]))], { axis: 1 }, 3),
    named('equal', [fill('int64', [6])], { num_outputs: 3 }, 3),
    named('uneven', [fill('float64', [7, 2])], { num_outputs: 3 }, 3),
    named('with-none', [fill('string', [3]), constant(int64([3, 0]))], {}, 2),
  ]],
  ['Slice', [
    ...each(['float32', 'string', 'int64'], (dtype) => ({ inputs: [fill(dtype, [4, 5]), ...[[1, 0], [3, 4], [0, 1], [1, 2]].map((list) => constant(int64(list)))] })),
    named('negative', [fill('float64', [5]), constant(int64([-2])), constant(int64([-6])), constant(int64([0])), constant(int64([-2]))]),
    named('beyond', [fill('float32', [3, 2]), constant(int64([-100])), constant(int64([2 ** 31 - 1]))]),
    named('at-run', [fill('float32', [4]), int64([1]), int64([3])]),
    named('empty', [fill('float32', [4]), constant(int64([3])), constant(int64([1]))]),
  ]],
  ['Gather', [
    ...each(MOVED, (dtype) => ({ inputs: [fill(dtype, [3, 2]), int64([2, 0, -1])] })),
    named('matrix-of-indices', [fill('float64', [2, 4]), int64([0, 3, -4, 1], [2, 2])], { axis: 1 }),
    named('scalar-index', [fill('float32', [3, 2]), constant(int64([1], []))]),
    named('no-indices', [fill('float32', [3, 2]), int64([], [0])]),
    named('int32-indices', [fill('float32', [3]), tensorOf('int32', [2], [1n, -1n])]),
  ]],
  ['GatherElements', [...each(['float32', 'string'], (dtype) => ({ inputs: [fill(dtype, [3, 3]), int64([0, -1, 2, 1, 0, 0], [2, 3])] })), named('columns', [fill('float64', [2, 3]), int64([2, 2, -3, 0], [2, 2])], { axis: 1 })]],
  ['ScatterElements', [
    ...each(['float32', 'string', 'int64'], (dtype) => ({ inputs: [fill(dtype, [3, 3]), int64([0, -1, 2], [1, 3]), fill(dtype, [1, 3], 'moderate', 2)] })),
    ...['add', 'mul', 'max', 'min'].map((how) => named(how, [fill('float64', [2, 4]), int64([0, 0, 1, -1, 2, 1], [2, 3]), fill('float64', [2, 3], 'moderate', 2)], { axis: 1, reduction: how })),
  ]],
  ['Reshape', [
    ...each(['float32', 'string', 'float16'], (dtype) => ({ inputs: [fill(dtype, [2, 6]), constant(int64([3, -1]))] })),
    named('copied', [fill('float64', [2, 3, 2]), constant(int64([0, 6]))]),
    named('to-scalar', [fill('float32', [1, 1]), constant(int64([], [0]))]),
    named('allowzero', [fill('float32', [0, 3]), constant(int64([3, 0]))], { allowzero: 1 }),
    named('at-run', [fill('int64', [4]), int64([2, 2])]),
  ]],
  ['Transpose', [...each(MOVED, (dtype) => ({ inputs: [fill(dtype, [2, 3])] })), named('perm', [fill('float32', [2, 3, 4])], { perm: [1, 2, 0] }), named('empty', [fill('float32', [0, 3])])]],
  ['Squeeze', [named('axes', [fill('float32', [1, 2, 1]), constant(int64([-1]))]), named('all', [fill('string', [1, 2, 1])]), named('to-scalar', [fill('int64', [1, 1])])]],
  ['Unsqueeze', [named('axes', [fill('float32', [2, 3]), constant(int64([-1, 0]))]), named('scalar', [fill('int64', []), constant(int64([0]))]), named('string', [fill('string', [2]), constant(int64([1]))])]],
  ['Flatten', [named('axis1', [fill('float32', [2, 3, 2])]), named('axis0', [fill('float64', [2, 3])], { axis: 0 }), named('last', [fill('int64', [2, 3, 2])], { axis: -1 }), named('empty', [fill('float32', [0, 2, 3])])]],
  ['Expand', [...each(['float32', 'string'], (dtype) => ({ inputs: [fill(dtype, [3, 1]), constant(int64([2, 1, 4]))] })), named('smaller', [fill('float64', [2, 3]), constant(int64([1]))]), named('empty', [fill('float32', [1]), constant(int64([0]))])]],
  ['Tile', [...each(['float32', 'string'], (dtype) => ({ inputs: [fill(dtype, [2, 3]), constant(int64([2, 1]))] })), named('none', [fill('float64', [2]), constant(int64([0]))])]],
  ['Pad', [
    named('constant', [fill('float32', [2, 3]), constant(int64([1, 0, 0, 2])), constant(f32([7], []))]),
    named('default-value', [fill('int64', [3]), constant(int64([2, 1]))]),
    named('negative', [fill('float64', [4, 2]), constant(int64([-1, 1, -2, 0]))]),
    ...['reflect', 'edge', 'wrap'].map((mode) => named(mode, [fill('float32', [2, 4]), constant(int64([1, 2, 0, 3]))], { mode })),
    named('axes', [fill('float32', [2, 2]), constant(int64([1, 1])), undefined, constant(int64([-1]))]),
  ]],
  ['Shape', [named('whole', [fill('float32', [2, 0, 3])]), named('part', [fill('string', [2, 3, 4])], { start: 1, end: -1 }), named('scalar', [fill('int64', [])])]],
  ['Size', [named('matrix', [fill('float32', [2, 3])]), named('empty', [fill('float16', [0, 3])]), named('scalar', [fill('bool', [])])]],
  ['ConstantOfShape', [named('default', [constant(int64([2, 3]))]), named('int64', [int64([3])], { value: int64([-7]) }), named('string', [constant(int64([2]))], { value: texts(['x']) }), named('empty', [constant(int64([0, 2]))])]],
  ['Range', [
    named('int64', [0, 10, 3].map((value) => int64([value], []))), named('int32-down', [5, -1, -2].map((value) => tensorOf('int32', [], [BigInt(value)]))),
    named('float64', [0, 2, 0.5].map((value) => f64([value], []))), named('float32', [1, 0, -0.25].map((value) => f32([value], []))), named('empty', [3, 3, 1].map((value) => int64([value], []))),
  ]],
  ['OneHot', [
    named('float32', [int64([0, 2, 1]), constant(int64([3], [])), constant(f32([0, 1]))]),
    named('axis0', [int64([1, 0, 2, 1], [2, 2]), constant(int64([3], [])), constant(f64([-1, 5]))], { axis: 0 }),
    named('outside', [int64([-1, 3, -4]), constant(int64([3], [])), constant(int64([0, 1]))]),
  ]],
  ['NonZero', [named('float32', [f32([0, 1, -0, NaN, 2, 0], [2, 3])]), named('bool', [bools([true, false, true])]), named('none', [f64([0, 0])]), named('empty', [fill('float32', [0, 2])])]],
  ['Compress', [named('rows', [fill('float32', [3, 2]), bools([true, false, true])], { axis: 0 }), named('flat', [fill('int64', [2, 3]), bools([false, true, true, false, true])]), named('short', [fill('string', [4]), bools([true])], { axis: 0 })]],
  ['Unique', [
    named('sorted', [f32([2, 1, 2, 3, 1])], {}, 4), named('in-order', [f64([2, 1, 2, 3, 1])], { sorted: 0 }, 4), named('string', [texts(['b', 'a', 'b', ''])], {}, 4),
    named('rows', [int64([1, 2, 1, 2, 0, 5], [3, 2])], { axis: 0 }, 4),
  ]],
]
