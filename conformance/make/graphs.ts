// Graphs of several operators, with outputs worked out by hand: control flow, sequences, shapes that depend on inputs or data,
// several outputs, texts; and graphs and inputs that must be refused.
import { graphBuilder, type GraphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import type { Attribute, ValueType } from '../../src/ops/types.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { vectorOf, type Wanted } from './describe.ts'
import type { MadeVector } from './files.ts'
import { refusals } from './refusals.ts'

const INT: ValueType = { dtype: 'int64', shape: [] }
const BOOL: ValueType = { dtype: 'bool', shape: [] }
const FLOATS: ValueType = { dtype: 'float32', shape: ['n'] }
const ANY_FLOATS: ValueType = { dtype: 'float32' }
const SEQUENCE: ValueType = { sequence: { dtype: 'float32' } }

export const f32 = (values: readonly number[], shape?: readonly number[]): Tensor => tensor(Float32Array.from(values), shape)
const i64 = (values: readonly number[], shape?: readonly number[]): Tensor => tensor(BigInt64Array.from(values, BigInt), shape)
const int = (value: number): Tensor => i64([value], [])
const bool = (value: boolean): Tensor => tensor(Uint8Array.of(value ? 1 : 0), [], 'bool')
const words = (values: readonly string[], shape: readonly number[] = [values.length]): Tensor => ({ dtype: 'string', shape, data: [...values] })

export function graphOf(define: (b: GraphBuilder) => void): Graph {
  const b = graphBuilder()
  define(b)
  return b.build()
}

const body = (define: (b: GraphBuilder) => void): Attribute => ({ kind: 'graph', value: graphOf(define) })

/** A run of a graph: inputs, outputs; a text is the JSON of a sequence. */
interface Run {
  readonly name: string
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly outputs: Readonly<Record<string, Tensor | string>>
}

interface Example {
  readonly name: string
  readonly what: string
  readonly graph: Graph
  readonly runs: readonly Run[]
}

/** y = x + 10 in one branch, x * 2 in the other; both read x of the graph around them. */
const choose = graphOf((b) => {
  const x = b.input('x', FLOATS)
  const branch = (op: string, value: number): Attribute => body((inner) => inner.output('r', inner.add(op, [x, inner.constant(f32([value], []))]), ANY_FLOATS))
  b.output('y', b.add('If', [b.input('cond', BOOL)], { then_branch: branch('Add', 10), else_branch: branch('Mul', 2) }), FLOATS)
})

const branchShapes = graphOf((b) => {
  const x = b.input('x', { dtype: 'float32', shape: ['n', 2] })
  const three = b.constant(f32([1, 2, 3]))
  b.output('y', b.add('If', [b.input('cond', BOOL)], {
    then_branch: body((inner) => inner.output('r', inner.add('Identity', [x]), ANY_FLOATS)),
    else_branch: body((inner) => inner.output('r', inner.add('Identity', [three]), ANY_FLOATS)),
  }), ANY_FLOATS)
})

/** Powers of x: state = state * x, one scan output for each iteration. */
const powers = graphOf((b) => {
  const m = b.input('M', INT)
  const x = b.input('x', FLOATS)
  const [last, all] = b.addMany('Loop', [m, '', x], 2, {
    body: body((inner) => {
      inner.input('i', INT)
      const cond = inner.input('c', BOOL)
      const state = inner.input('s', ANY_FLOATS)
      const next = inner.add('Mul', [state, x])
      inner.output('c_out', cond, BOOL)
      inner.output('s_out', next, ANY_FLOATS)
      inner.output('scan', next, ANY_FLOATS)
    }),
  })
  b.output('last', last, FLOATS)
  b.output('all', all, { dtype: 'float32', shape: [null, 'n'] })
})

/** Doubles until above 100; how often is decided by the data. */
const doubling = graphOf((b) => {
  const x = b.input('x', { dtype: 'float32', shape: [] })
  const hundred = b.constant(f32([100], []))
  const [last, seen] = b.addMany('Loop', ['', b.add('Less', [x, hundred]), x], 2, {
    body: body((inner) => {
      const i = inner.input('i', INT)
      inner.input('c', BOOL)
      const state = inner.input('s', ANY_FLOATS)
      const next = inner.add('Add', [state, state])
      inner.output('c_out', inner.add('Less', [next, hundred]), BOOL)
      inner.output('s_out', next, ANY_FLOATS)
      inner.output('at', i, INT)
    }),
  })
  b.output('last', last, { dtype: 'float32', shape: [] })
  b.output('iterations', seen, { dtype: 'int64', shape: [null] })
})

/** A triangle: row i has the sum of 0..i, by a Loop in a Loop that reads both graphs around it. */
const triangle = graphOf((b) => {
  const n = b.input('N', INT)
  const x = b.input('x', { dtype: 'float32', shape: [] })
  const zero = b.constant(f32([0], []))
  b.output('y', b.add('Loop', [n, ''], {
    body: body((outer) => {
      const i = outer.input('i', INT)
      const cond = outer.input('c', BOOL)
      const sum = outer.add('Loop', [i, '', zero], {
        body: body((inner) => {
          inner.input('j', INT)
          const c = inner.input('c2', BOOL)
          const s = inner.input('s', ANY_FLOATS)
          inner.output('c2_out', c, BOOL)
          inner.output('s_out', inner.add('Add', [s, inner.add('Mul', [x, inner.add('Cast', [i], { to: 'float32' })])]), ANY_FLOATS)
        }),
      })
      outer.output('c_out', cond, BOOL)
      outer.output('row', sum, ANY_FLOATS)
    }),
  }), { dtype: 'float32', shape: [null] })
})

const scanSum = (attributes: Record<string, readonly number[]>): Graph => graphOf((b) => {
  const x = b.input('x', { dtype: 'float32', shape: ['n', 2] })
  const [last, all] = b.addMany('Scan', [b.input('start', { dtype: 'float32' }), x], 2, {
    num_scan_inputs: 1,
    ...attributes,
    body: body((inner) => {
      const sum = inner.add('Add', [inner.input('s', ANY_FLOATS), inner.input('row', ANY_FLOATS)])
      inner.output('s_out', sum, ANY_FLOATS)
      inner.output('y', sum, ANY_FLOATS)
    }),
  })
  b.output('last', last, ANY_FLOATS)
  b.output('all', all, ANY_FLOATS)
})

const mapped = graphOf((b) => {
  const x = b.input('x', { dtype: 'float32', shape: ['n', 2] })
  const plus = b.input('plus', { dtype: 'float32', shape: [] })
  const parts = b.add('SplitToSequence', [x], { axis: 0, keepdims: 0 })
  const sums = b.add('SequenceMap', [parts, plus], { body: body((inner) => {
    const part = inner.input('part', ANY_FLOATS)
    const more = inner.input('more', ANY_FLOATS)
    inner.output('r', inner.add('Add', [part, more]), ANY_FLOATS)
  }) })
  b.output('y', b.add('ConcatFromSequence', [sums], { axis: 0, new_axis: 1 }), { dtype: 'float32', shape: ['n', 2] })
  b.output('count', b.add('SequenceLength', [sums]), INT)
})

const edited = graphOf((b) => {
  const x = b.input('x', FLOATS)
  const at = b.input('at', INT)
  const two = b.add('SequenceConstruct', [x, b.constant(f32([8, 9]))])
  const three = b.add('SequenceInsert', [two, b.constant(f32([0.5])), at])
  b.output('inserted', three, SEQUENCE)
  b.output('erased', b.add('SequenceErase', [three, b.constant(int(-1))]), SEQUENCE)
  b.output('first', b.add('SequenceAt', [three, b.constant(int(0))]), { dtype: 'float32', shape: [null] })
  b.output('length', b.add('SequenceLength', [three]), INT)
})

const emptied = graphOf((b) => {
  const none = b.add('SequenceEmpty', [], { dtype: 'float32' })
  b.output('none', none, SEQUENCE)
  b.output('length', b.add('SequenceLength', [none]), INT)
  b.output('one', b.add('SequenceInsert', [none, b.input('x', FLOATS)]), SEQUENCE)
})

const splits = graphOf((b) => {
  const parts = b.add('SplitToSequence', [b.input('x', { dtype: 'float32', shape: ['n', 2] }), b.constant(i64([2], []))], { axis: 0 })
  b.output('parts', parts, SEQUENCE)
  b.output('joined', b.add('ConcatFromSequence', [parts], { axis: 0 }), { dtype: 'float32', shape: ['n', 2] })
})

const optional = graphOf((b) => {
  const held = b.add('Optional', [b.input('x', FLOATS)])
  b.output('has', b.add('OptionalHasElement', [held]), BOOL)
  b.output('y', b.add('OptionalGetElement', [held]), FLOATS)
  b.output('empty', b.add('OptionalHasElement', [b.add('Optional', [], { type: { kind: 'type', value: { dtype: 'float32' } } })]), BOOL)
})

/** x as rows of 2, by a shape computed from x. */
const reshaped = graphOf((b) => {
  const x = b.input('x', { dtype: 'float32', shape: ['n', 'm'] })
  const size = b.add('Size', [x])
  const rows = b.add('Div', [size, b.constant(int(2))])
  const shape = b.add('Concat', [b.add('Unsqueeze', [rows, b.constant(i64([0]))]), b.constant(i64([2]))], { axis: 0 })
  b.output('y', b.add('Reshape', [x, shape]), { dtype: 'float32', shape: [null, 2] })
  b.output('shape', b.add('Shape', [x]), { dtype: 'int64', shape: [2] })
})

/** The positive elements of x and where they are: as many as the data say. */
const positives = graphOf((b) => {
  const x = b.input('x', FLOATS)
  const found = b.add('NonZero', [b.add('Greater', [x, b.constant(f32([0], []))])])
  const at = b.add('Squeeze', [found, b.constant(i64([0]))])
  b.output('at', at, { dtype: 'int64', shape: [null] })
  b.output('values', b.add('Gather', [x, at]), { dtype: 'float32', shape: [null] })
  b.output('sum', b.add('ReduceSum', [b.add('Gather', [x, at])], { keepdims: 0 }), { dtype: 'float32', shape: [] })
})

const ranged = graphOf((b) => {
  const limit = b.input('limit', INT)
  b.output('y', b.add('Range', [b.constant(int(0)), limit, b.constant(int(3))]), { dtype: 'int64', shape: [null] })
})

/** An input, a constant and one value under two names as outputs. */
const plumbing = graphOf((b) => {
  const x = b.input('x', FLOATS)
  b.input('unused', FLOATS)
  const twice = b.add('Add', [x, x])
  b.output('same', x, FLOATS)
  b.output('constant', b.constant(f32([3, 4])), { dtype: 'float32', shape: [2] })
  b.output('one', twice, FLOATS)
  b.output('two', twice, FLOATS)
})

/** x is used by two ways that meet again. */
const diamond = graphOf((b) => {
  const x = b.input('x', { dtype: 'float64', shape: ['n'] })
  const a = b.add('Abs', [x])
  b.output('y', b.add('Sub', [b.add('Mul', [a, a]), b.add('Add', [a, x])]), { dtype: 'float64', shape: ['n'] })
})

/** Both inputs have n rows. */
const together = graphOf((b) => {
  const x = b.input('x', { dtype: 'float32', shape: ['n', 2] })
  const y = b.input('y', { dtype: 'float32', shape: ['n', 1] })
  b.output('z', b.add('Concat', [x, y], { axis: 1 }), { dtype: 'float32', shape: ['n', 3] })
})

const classifier = graphOf((b) => {
  const x = b.input('X', { dtype: 'float32', shape: ['batch', 2] })
  const hidden = b.add('Relu', [b.add('Gemm', [x, b.constant(f32([1, -1, 2, 0, 1, -2], [2, 3])), b.constant(f32([0, 1, 0]))])])
  const scores = b.add('MatMul', [hidden, b.constant(f32([1, 0, 0, 1, 1, 0], [3, 2]))])
  const index = b.add('ArgMax', [scores], { axis: 1, keepdims: 0 })
  b.output('decision', scores, { dtype: 'float32', shape: ['batch', 2] })
  b.output('label', b.add('mle.LabelLookup', [index, b.constant(words(['maybe', 'ja, ćß 漢 🙂']))]), { dtype: 'string', shape: ['batch'] })
})

/** Rows as maps from class to number. */
const maps = graphOf((b) => {
  const x = b.input('x', { dtype: 'float32', shape: ['n', 2] })
  b.output('y', b.add('ai.onnx.ml.ZipMap', [x], { classlabels_strings: ['no', 'a "b"'] }), { sequence: { map: { key: 'string', value: { dtype: 'float32' } } } })
})

const texts = graphOf((b) => {
  const x = b.input('x', { dtype: 'string', shape: ['n'] })
  const more = b.constant(words(['', 'tail\n']))
  const all = b.add('Concat', [x, more], { axis: 0 })
  b.output('all', all, { dtype: 'string', shape: [null] })
  b.output('picked', b.add('Gather', [all, b.constant(i64([-1, 0, 0, -2], [2, 2]))]), { dtype: 'string', shape: [2, 2] })
})

const EXAMPLES: readonly Example[] = [
  { name: 'if', what: 'a branch by condition; both read a value of the graph around', graph: choose, runs: [
    { name: 'then', inputs: { x: f32([1, 2]), cond: bool(true) }, outputs: { y: f32([11, 12]) } },
    { name: 'else', inputs: { x: f32([1, 2]), cond: bool(false) }, outputs: { y: f32([2, 4]) } },
  ] },
  { name: 'if-shapes', what: 'branches whose results differ in rank', graph: branchShapes, runs: [
    { name: 'then', inputs: { x: f32([1, 2, 3, 4], [2, 2]), cond: bool(true) }, outputs: { y: f32([1, 2, 3, 4], [2, 2]) } },
    { name: 'else', inputs: { x: f32([1, 2, 3, 4], [2, 2]), cond: bool(false) }, outputs: { y: f32([1, 2, 3]) } },
  ] },
  { name: 'loop', what: 'a loop with a carried value and a scan output', graph: powers, runs: [
    { name: 'three', inputs: { M: int(3), x: f32([2, -3]) }, outputs: { last: f32([16, 81]), all: f32([4, 9, 8, -27, 16, 81], [3, 2]) } },
    { name: 'one', inputs: { M: int(1), x: f32([2, -3]) }, outputs: { last: f32([4, 9]), all: f32([4, 9], [1, 2]) } },
  ] },
  { name: 'loop-condition', what: 'a loop that ends by a condition computed in it', graph: doubling, runs: [
    { name: 'some', inputs: { x: f32([30], []) }, outputs: { last: f32([120], []), iterations: i64([0, 1]) } },
    { name: 'none', inputs: { x: f32([100], []) }, outputs: { last: f32([100], []), iterations: i64([], [0]) } },
  ] },
  { name: 'loop-nested', what: 'a loop in a loop that reads values of both graphs around it', graph: triangle, runs: [
    { name: 'four', inputs: { N: int(4), x: f32([0.5], []) }, outputs: { y: f32([0, 0.5, 2, 4.5]) } },
  ] },
  { name: 'scan', what: 'running sums of rows', graph: scanSum({}), runs: [
    { name: 'rows', inputs: { start: f32([100, 0]), x: f32([1, 2, 3, 4, 5, 6], [3, 2]) }, outputs: { last: f32([109, 12]), all: f32([101, 2, 104, 6, 109, 12], [3, 2]) } },
  ] },
  { name: 'scan-backwards', what: 'running sums of columns from the last to the first, stacked along axis 1', graph: scanSum({ scan_input_axes: [1], scan_input_directions: [1], scan_output_axes: [1], scan_output_directions: [1] }), runs: [
    { name: 'columns', inputs: { start: f32([0, 0, 0]), x: f32([1, 2, 3, 4, 5, 6], [3, 2]) }, outputs: { last: f32([3, 7, 11]), all: f32([3, 2, 7, 4, 11, 6], [3, 2]) } },
  ] },
  { name: 'sequence-map', what: 'a subgraph for each tensor of a sequence', graph: mapped, runs: [
    { name: 'rows', inputs: { x: f32([1, 2, 3, 4], [2, 2]), plus: f32([10], []) }, outputs: { y: f32([11, 12, 13, 14], [2, 2]), count: int(2) } },
  ] },
  { name: 'sequence', what: 'a sequence made, changed and read; its tensors differ in length', graph: edited, runs: [
    { name: 'front', inputs: { x: f32([1]), at: int(0) }, outputs: { inserted: '[[0.5],[1],[8,9]]', erased: '[[0.5],[1]]', first: f32([0.5]), length: int(3) } },
    { name: 'end', inputs: { x: f32([1]), at: int(2) }, outputs: { inserted: '[[1],[8,9],[0.5]]', erased: '[[1],[8,9]]', first: f32([1]), length: int(3) } },
    { name: 'counted-from-end', inputs: { x: f32([1]), at: int(-1) }, outputs: { inserted: '[[1],[0.5],[8,9]]', erased: '[[1],[0.5]]', first: f32([1]), length: int(3) } },
  ] },
  { name: 'sequence-empty', what: 'a sequence of nothing, and what grows from it', graph: emptied, runs: [
    { name: 'one', inputs: { x: f32([1, NaN]) }, outputs: { none: '[]', length: int(0), one: '[[1,"NaN"]]' } },
  ] },
  { name: 'sequence-split', what: 'rows by twos, the last part smaller, and joined again', graph: splits, runs: [
    { name: 'three', inputs: { x: f32([1, 2, 3, 4, 5, 6], [3, 2]) }, outputs: { parts: '[[[1,2],[3,4]],[[5,6]]]', joined: f32([1, 2, 3, 4, 5, 6], [3, 2]) } },
  ] },
  { name: 'optional', what: 'an optional that holds a tensor and one that does not', graph: optional, runs: [
    { name: 'both', inputs: { x: f32([1, 2]) }, outputs: { has: bool(true), y: f32([1, 2]), empty: bool(false) } },
  ] },
  { name: 'shape-computed', what: 'a Reshape whose shape is computed from the shape of its input', graph: reshaped, runs: [
    { name: 'wide', inputs: { x: f32([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]) }, outputs: { y: f32([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]), shape: i64([2, 4]) } },
    { name: 'tall', inputs: { x: f32([1, 2, 3, 4, 5, 6], [6, 1]) }, outputs: { y: f32([1, 2, 3, 4, 5, 6], [3, 2]), shape: i64([6, 1]) } },
  ] },
  { name: 'shape-from-data', what: 'as many elements as the data say', graph: positives, runs: [
    { name: 'some', inputs: { x: f32([1, -2, 3, NaN, Infinity]) }, outputs: { at: i64([0, 2, 4]), values: f32([1, 3, Infinity]), sum: f32([Infinity], []) } },
    { name: 'none', inputs: { x: f32([-1, 0]) }, outputs: { at: i64([], [0]), values: f32([], [0]), sum: f32([0], []) } },
    { name: 'no-input', inputs: { x: f32([], [0]) }, outputs: { at: i64([], [0]), values: f32([], [0]), sum: f32([0], []) } },
  ] },
  { name: 'range-from-input', what: 'a Range whose length an input decides', graph: ranged, runs: [
    { name: 'ten', inputs: { limit: int(10) }, outputs: { y: i64([0, 3, 6, 9]) } },
    { name: 'nine', inputs: { limit: int(9) }, outputs: { y: i64([0, 3, 6]) } },
    { name: 'zero', inputs: { limit: int(0) }, outputs: { y: i64([], [0]) } },
  ] },
  { name: 'plumbing', what: 'an input and a constant as outputs, one value under two names, an input that nothing reads', graph: plumbing, runs: [
    { name: 'two', inputs: { x: f32([1, 2]), unused: f32([9, 9]) }, outputs: { same: f32([1, 2]), constant: f32([3, 4]), one: f32([2, 4]), two: f32([2, 4]) } },
  ] },
  { name: 'diamond', what: 'a value that several nodes read is not overwritten by the first', graph: diamond, runs: [
    { name: 'values', inputs: { x: tensor(Float64Array.of(3, -3, 0.5)) }, outputs: { y: tensor(Float64Array.of(3, 9, -0.75)) } },
  ] },
  { name: 'batch', what: 'one symbolic dimension of two inputs: 0, 1 and 3 rows', graph: together, runs: [
    { name: 'none', inputs: { x: f32([], [0, 2]), y: f32([], [0, 1]) }, outputs: { z: f32([], [0, 3]) } },
    { name: 'one', inputs: { x: f32([1, 2], [1, 2]), y: f32([7], [1, 1]) }, outputs: { z: f32([1, 2, 7], [1, 3]) } },
    { name: 'three', inputs: { x: f32([1, 2, 3, 4, 5, 6], [3, 2]), y: f32([7, 8, 9], [3, 1]) }, outputs: { z: f32([1, 2, 7, 3, 4, 8, 5, 6, 9], [3, 3]) } },
  ] },
  { name: 'classifier', what: 'a network of two layers in small whole numbers, with labels that are texts', graph: classifier, runs: [
    { name: 'three', inputs: { X: f32([1, 2, 0, -1, 3, 0], [3, 2]) }, outputs: { decision: f32([1, 2, 2, 0, 9, 0], [3, 2]), label: words(['ja, ćß 漢 🙂', 'maybe', 'maybe']) } },
  ] },
  { name: 'maps', what: 'rows as maps', graph: maps, runs: [
    { name: 'two', inputs: { x: f32([0.25, 0.75, 1, 0], [2, 2]) }, outputs: { y: '[{"no":0.25,"a \\"b\\"":0.75},{"no":1,"a \\"b\\"":0}]' } },
  ] },
  { name: 'texts', what: 'texts joined and picked; empty ones, quotes and line ends', graph: texts, runs: [
    { name: 'three', inputs: { x: words(['a "b"', '漢字\\', 'NaN']) }, outputs: { all: words(['a "b"', '漢字\\', 'NaN', '', 'tail\n']), picked: words(['tail\n', 'a "b"', 'a "b"', ''], [2, 2]) } },
  ] },
]

const EXACT = { kind: 'exact' } as const

export async function graphVectors(): Promise<MadeVector[]> {
  const vectors: MadeVector[] = []
  for (const { name, what, graph, runs } of EXAMPLES) {
    for (const run of runs) {
      const expected = Object.entries(run.outputs).map(([output, value]): Wanted => ({ name: output, value, tolerance: EXACT, ...(typeof value === 'string' ? {} : { dtype: value.dtype }) }))
      vectors.push(await vectorOf({ area: 'graphs', name: `${name}/${run.name}`, what, origin: 'worked out by hand', graph, inputs: new Map(Object.entries(run.inputs)), expected }))
    }
  }
  for (const { name, what, graph, inputs, error } of refusals()) {
    vectors.push(await vectorOf({ area: 'graphs', name: `refused/${name}`, what, origin: 'worked out by hand', graph, inputs: new Map(Object.entries(inputs)), error }))
  }
  return vectors.sort((a, b) => (a.path < b.path ? -1 : 1))
}
