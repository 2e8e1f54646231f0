// Vectors of single operators: a graph with one node, its inputs, and what the operator's formula gives in float64.
import { elementwiseFormulas } from '../../src/ops/formula/elementwise.ts'
import { build, commonShape, num, saturated, spread, type Formula, type Grid } from '../../src/ops/formula/formula.ts'
import { linearFormulas } from '../../src/ops/formula/linear.ts'
import { reduceFormulas } from '../../src/ops/formula/reduce.ts'
import { tensorFormulas } from '../../src/ops/formula/tensor.ts'
import type { Graph, ValueInfo } from '../../src/graph/graph.ts'
import { schemaOf } from '../../src/ops/registry.ts'
import type { OpSchema } from '../../src/ops/schema.ts'
import type { Attribute, Attributes } from '../../src/ops/types.ts'
import { isTensor, type Tensor } from '../../src/tensor/tensor.ts'
import { activationCases, activationFormulas } from './activation-cases.ts'
import type { Cases, OperatorCase } from './cases.ts'
import { vectorOf, type Wanted } from './describe.ts'
import { elementwiseCases } from './elementwise-cases.ts'
import type { MadeVector } from './files.ts'
import { expectation, gridOf } from './grids.ts'
import { ownCases, ownFormulas } from './own-cases.ts'
import { realMath, withRealMath } from './real.ts'
import { signalCases, signalFormulas } from './signal-cases.ts'
import { tensorCases } from './tensor-cases.ts'

/** As the formula of Pow, but with powers that no engine has a say in. */
const pow: Formula = ([x, y]) => {
  if (x === undefined || y === undefined) throw new TypeError('Pow needs two inputs')
  return [build(x.dtype, commonShape([x.shape, y.shape]), (index) => {
    const value = realMath.pow(num(spread(x, index)), num(spread(y, index)))
    return x.dtype.startsWith('int') ? saturated(value, x.dtype) : value
  })]
}

const FORMULAS: ReadonlyMap<string, Formula> = new Map([...elementwiseFormulas, ...reduceFormulas, ...linearFormulas, ...tensorFormulas, ...activationFormulas, ...ownFormulas, ...signalFormulas, ['Pow', pow]])

/**
 * Operators whose result for zeros of both signs is either: which of two equal zeros is the larger or the smaller one,
 * and what remains when a zero is cut off.
 */
const EITHER_ZERO: readonly string[] = ['Max', 'Min', 'Clip', 'Relu', 'LeakyRelu', 'ReduceMax', 'ReduceMin', 'Sign', 'TopK', 'Unique', 'Mod', 'ScatterElements']

export const operatorCases: Cases = [...elementwiseCases, ...tensorCases, ...activationCases, ...ownCases, ...signalCases]

export async function operatorVectors(): Promise<MadeVector[]> {
  const vectors: MadeVector[] = []
  for (const [key, cases] of operatorCases) for (const one of cases) vectors.push(await operatorVector(key, one))
  return vectors.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function operatorVector(key: string, one: OperatorCase): Promise<MadeVector> {
  const schema = schemaOf(key)
  const attributes = attributesOf(schema, one)
  const formula = FORMULAS.get(key)
  if (formula === undefined) throw new TypeError(`${key} has no formula`)
  const tensors = one.inputs.map((input) => (input === undefined ? undefined : isTensor(input) ? input : input.constant))
  const outputs = one.outputs ?? 1
  const grids = withRealMath(() => formula(tensors.map((tensor) => tensor && gridOf(tensor)), attributes, outputs))
  const names = one.inputs.map((input, i) => (input === undefined ? '' : inputName(schema, i)))
  const expected = grids.slice(0, outputs).map((grid, i): Wanted => {
    const { value, tolerance } = expectation(grid, schema.bound, !EITHER_ZERO.includes(key))
    return { name: outputName(schema, i, outputs), value, tolerance, dtype: value.dtype }
  })
  return vectorOf({
    area: 'operators', name: `${key}/${one.name}`, what: describe(key, tensors, attributes), origin: 'the formula of the operator, in float64',
    graph: graphOf(schema, one, attributes, names, expected.map(({ name }) => name), grids), inputs: new Map(one.inputs.flatMap((input, i): [string, Tensor][] => (isTensor(input) ? [[names[i], input]] : []))), expected,
  })
}

function inputName(schema: OpSchema, index: number): string {
  const last = schema.inputs[schema.inputs.length - 1]
  const own = schema.inputs[index]
  return own === undefined || own.variadic ? `${last.name.replace(/_0$/, '')}_${index}` : own.name
}

function outputName(schema: OpSchema, index: number, count: number): string {
  const own = schema.outputs[index] ?? schema.outputs[schema.outputs.length - 1]
  const name = own.variadic ? `${own.name}_${index}` : own.name
  // An operator may call an input and an output the same; values of a graph may not.
  return schema.inputs.some((input) => input.name === name) || (count > 1 && own.variadic) ? `${name}_out` : name
}

function attributesOf(schema: OpSchema, { attributes = {} }: OperatorCase): Attributes {
  return new Map(Object.entries(attributes).flatMap(([name, value]): [string, Attribute][] => {
    if (value === undefined) return []
    const kind = schema.attributes.find((attribute) => attribute.name === name)?.kind
    if (kind === undefined) throw new TypeError(`${schema.name} has no attribute ${name}`)
    return [[name, { kind, value } as Attribute]]
  }))
}

/** Shapes stay open, so that a runtime cannot compute anything before the run. */
function graphOf(schema: OpSchema, one: OperatorCase, attributes: Attributes, names: readonly string[], outputs: readonly string[], grids: readonly Grid[]): Graph {
  const open = (name: string, { dtype, shape }: { readonly dtype: Tensor['dtype']; readonly shape: readonly number[] }): ValueInfo => ({ name, type: { dtype, shape: shape.map(() => null) } })
  const { name: op, domain, version } = schema
  return {
    inputs: one.inputs.flatMap((input, i) => (isTensor(input) ? [open(names[i], input)] : [])),
    outputs: outputs.map((name, i) => open(name, grids[i])),
    nodes: [{ op, domain, version, inputs: names, outputs, attributes }],
    initializers: new Map(one.inputs.flatMap((input, i): [string, Tensor][] => (input === undefined || isTensor(input) ? [] : [[names[i], input.constant]]))),
    metadata: {},
  }
}

function describe(key: string, tensors: readonly (Tensor | undefined)[], attributes: Attributes): string {
  const inputs = tensors.map((tensor) => (tensor === undefined ? 'nothing' : `${tensor.dtype} [${tensor.shape.join(', ')}]`)).join(', ')
  const own = [...attributes].map(([name, { value }]) => `${name} ${isTensor(value) ? value.dtype : String(value)}`).join(', ')
  return `${key} of ${inputs}${own === '' ? '' : ` with ${own}`}`
}
