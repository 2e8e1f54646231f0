// Random graphs for the container's tests: every dtype, attribute kind and value type; right in names and order.
import fc from 'fast-check'
import type { Graph, Metadata, Node, ValueInfo } from '../../src/graph/graph.ts'
import type { Attribute, ValueType } from '../../src/ops/types.ts'
import { bytesPerElement, viewData, type DType } from '../../src/tensor/dtype.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

const DTYPES: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'string', 'float8e4m3fn', 'float4e2m1', 'int4', 'uint2']

const text = fc.string({ unit: 'grapheme', maxLength: 8 })
/** Names that have tripped up loaders. */
const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', 'length', 'hasOwnProperty', '0', 'é', '\u{10000}', '\uffff', 'a"b\\c', '\u0000'), text.filter((value) => value !== ''))
const number = fc.oneof(
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, 5e-324, 1e300, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 0.1),
)
const integer = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(2 ** 53, -(2 ** 60), 2 ** 62)).map((value) => value + 0)

const shape = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom([200], [3, 100]) },
)

/** All bit patterns, so that NaN payloads, infinities and -0 occur. */
const tensor: fc.Arbitrary<Tensor> = fc.tuple(fc.constantFrom(...DTYPES), shape).chain(([dtype, dims]): fc.Arbitrary<Tensor> => {
  const size = dims.reduce((product, dim) => product * dim, 1)
  if (dtype === 'string') return fc.array(text, { minLength: size, maxLength: size }).map((data) => ({ dtype, shape: dims, data }))
  const length = size * bytesPerElement(dtype)
  return fc.uint8Array({ minLength: length, maxLength: length, max: dtype === 'bool' ? 1 : dtype === 'uint2' ? 3 : dtype === 'int4' ? 7 : dtype === 'float4e2m1' ? 15 : 255 }).map((bytes) => ({ dtype, shape: dims, data: viewData(dtype, bytes.slice().buffer, 0, size) }))
})

const dim = fc.oneof(fc.nat(1000), text, fc.constant(null))
const { type }: { type: fc.Arbitrary<ValueType> } = fc.letrec<{ type: ValueType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'type' },
    fc.constantFrom(...DTYPES).map((dtype) => ({ dtype })),
    fc.record({ dtype: fc.constantFrom(...DTYPES), shape: fc.array(dim, { maxLength: 4 }) }),
    fc.record({ sequence: tie('type') }),
    fc.record({ optional: tie('type') }),
    fc.record({ map: fc.record({ key: fc.constantFrom<DType>('int64', 'string'), value: tie('type') }) }),
  ),
}))

const listOf = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.oneof(fc.array(item, { maxLength: 5 }), fc.array(item, { minLength: 63, maxLength: 67 }))

const plainAttribute: fc.Arbitrary<Attribute> = fc.oneof(
  integer.map((value) => ({ kind: 'int' as const, value })),
  number.map((value) => ({ kind: 'float' as const, value })),
  text.map((value) => ({ kind: 'string' as const, value })),
  listOf(integer).map((value) => ({ kind: 'ints' as const, value })),
  listOf(number).map((value) => ({ kind: 'floats' as const, value })),
  listOf(text).map((value) => ({ kind: 'strings' as const, value })),
  tensor.map((value) => ({ kind: 'tensor' as const, value })),
  type.map((value) => ({ kind: 'type' as const, value })),
)

interface NodePlan {
  readonly op: string
  readonly domain: string
  readonly version: number
  readonly name: string | undefined
  readonly picks: readonly number[]
  readonly outputCount: number
  readonly attributes: readonly (readonly [string, Attribute])[]
  readonly body: readonly [string, BodyPlan] | undefined
}

interface BodyPlan {
  readonly inputs: readonly { readonly type: ValueType; readonly sourceDtype: string | undefined }[]
  readonly tensors: readonly Tensor[]
  readonly nodes: readonly NodePlan[]
  readonly outputPicks: readonly number[]
  readonly names: readonly string[]
}

const { body } = fc.letrec<{ body: BodyPlan; node: NodePlan }>((tie) => ({
  node: fc.record({
    op: name,
    domain: fc.constantFrom('ai.onnx', 'mle', ''),
    version: fc.integer({ min: 1, max: 30 }),
    name: fc.option(text, { nil: undefined }),
    picks: fc.array(fc.nat(100), { maxLength: 4 }),
    outputCount: fc.integer({ min: 0, max: 3 }),
    attributes: fc.uniqueArray(fc.tuple(name, plainAttribute), { maxLength: 4, selector: ([key]) => key }),
    body: fc.option(fc.tuple(name, tie('body')), { nil: undefined, maxDepth: 2, depthIdentifier: 'graph' }),
  }),
  body: fc.record({
    inputs: fc.array(fc.record({ type, sourceDtype: fc.option(fc.constantFrom('int32', '<U5'), { nil: undefined }) }), { maxLength: 3 }),
    tensors: fc.array(tensor, { maxLength: 4 }),
    nodes: fc.array(tie('node'), { maxLength: 4, depthIdentifier: 'graph' }),
    outputPicks: fc.array(fc.nat(100), { maxLength: 3 }),
    names: fc.array(name, { maxLength: 6 }),
  }),
}))

/** Turns a plan into a graph: picks become names that are defined by then. */
function build(plan: BodyPlan, outer: readonly string[], metadata: Metadata): Graph {
  const defined: string[] = []
  let fresh = 0
  const define = (): string => {
    const wanted = plan.names[fresh++]
    const own = wanted !== undefined && !defined.includes(wanted) && !outer.includes(wanted) ? wanted : `v${outer.length}_${fresh}`
    defined.push(own)
    return own
  }
  const pick = (index: number): string => {
    const visible = [...outer, ...defined]
    return visible.length === 0 ? '' : visible[index % visible.length]
  }
  const inputs: ValueInfo[] = plan.inputs.map(({ type: valueType, sourceDtype }) => (sourceDtype === undefined ? { name: define(), type: valueType } : { name: define(), type: valueType, sourceDtype }))
  const initializers = new Map(plan.tensors.map((value) => [define(), value]))
  const nodes = plan.nodes.map((item): Node => {
    const nodeInputs = item.picks.map((index) => (index % 7 === 0 ? '' : pick(index)))
    const attributes = new Map(item.attributes)
    if (item.body !== undefined) attributes.set(item.body[0], { kind: 'graph', value: build(item.body[1], [...outer, ...defined], {}) })
    const outputs = Array.from({ length: item.outputCount }, define)
    const { op, domain, version } = item
    return item.name === undefined
      ? { op, domain, version, inputs: nodeInputs, outputs, attributes }
      : { op, domain, version, name: item.name, inputs: nodeInputs, outputs, attributes }
  })
  const outputNames = [...new Set(plan.outputPicks.map(pick))].filter((value) => value !== '')
  return { inputs, outputs: outputNames.map((value) => ({ name: value, type: { dtype: 'float32' } })), nodes, initializers, metadata }
}

const metadataOf: fc.Arbitrary<Metadata> = fc.record(
  {
    name: text,
    framework: text,
    frameworkVersion: text,
    estimator: text,
    methods: fc.array(fc.record({ name: text, outputs: fc.array(text, { maxLength: 2 }) }), { maxLength: 2 }),
    columns: fc.array(fc.record({ name, input: text, index: fc.nat() }), { maxLength: 3 }),
    classes: fc.array(fc.array(fc.oneof(text, number), { maxLength: 4 }), { maxLength: 2 }),
    modelId: text,
    modelVersion: fc.nat(),
    properties: fc.array(fc.tuple(name, text), { maxLength: 3 }),
    notes: fc.array(text, { maxLength: 2 }),
  },
  { requiredKeys: [] },
)

// fast-check makes records without a prototype; ours are plain.
const plain = <T>(value: T): T => {
  if (ArrayBuffer.isView(value)) return value
  if (Array.isArray(value)) return value.map(plain) as T
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, plain(item)])) as T
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)])) as T
  return value
}

export const randomGraph: fc.Arbitrary<Graph> = fc.tuple(body, metadataOf).map(([plan, metadata]) => plain(build(plan, [], metadata)))
