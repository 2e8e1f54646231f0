// What lowerings of whole domains share: nodes added one by one, attributes read.
import type { Attribute } from '../../ops/types.ts'
import { tensor, type DType, type Tensor } from '../../tensor/index.ts'
import { int64s, type Draft, type DraftNode } from './draft.ts'
import type { UpgradeContext } from './node-edits.ts'
import { onnxError } from './tensors.ts'

/** Attributes as numbers, text and lists. */
export type Values = Readonly<Record<string, number | string | readonly number[]>>

/** A node with ways to read it and to add what it becomes. */
export interface Lowering {
  readonly node: DraftNode
  readonly draft: Draft
  readonly dtype: (name: string) => DType | undefined
  readonly opset: number
  /** Adds an operator by key; returns its output, which is `output` where given. */
  readonly add: (key: string, inputs: readonly string[], attributes?: Values, output?: string) => string
  /** Adds an operator of several outputs; those not wanted are ''. */
  readonly addAll: (key: string, inputs: readonly string[], attributes: Values, outputs: readonly string[]) => void
  readonly constant: (value: Tensor) => string
  /** A scalar in the dtype of a value. */
  readonly like: (value: number, x: string) => string
  readonly floats: (name: string) => readonly number[] | undefined
  readonly ints: (name: string) => readonly number[] | undefined
  /** A list of integers as int64, also of those beyond 2^53. */
  readonly int64s: (name: string) => Tensor | undefined
  readonly texts: (name: string) => readonly string[] | undefined
  readonly tensor: (name: string) => Tensor | undefined
  readonly text: (name: string, fallback: string) => string
  readonly number: (name: string, fallback: number) => number
}

function attributeOf(value: number | string | readonly number[], key: string): Attribute {
  if (typeof value === 'string') return { kind: 'string', value }
  if (typeof value !== 'number') return { kind: 'ints', value }
  return { kind: Number.isInteger(value) && key !== 'p' && !key.endsWith('Code') ? 'int' : 'float', value }
}

export function loweringOf(node: DraftNode, { draft, dtype, opset }: UpgradeContext): Lowering {
  const constant = (value: Tensor): string => draft.constant(value, 'constant')
  const addAll: Lowering['addAll'] = (key, inputs, attributes, outputs) => {
    // Lowerings read a node's inputs by their places.
    if (inputs.some((name: string | undefined) => name === undefined)) throw onnxError('ONNX_GRAPH', `${node.op} ${node.name ?? ''} has ${node.inputs.length} inputs, which are too few`)
    const domain = key.startsWith('mle.') ? 'mle' : 'ai.onnx'
    const own = new Map(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value, name)]))
    draft.emit({ op: domain === 'mle' ? key.slice(4) : key, domain, inputs, outputs, attributes: own })
  }
  const add: Lowering['add'] = (key, inputs, attributes = {}, output = draft.fresh(key)) => {
    addAll(key, inputs, attributes, [output])
    return output
  }
  return {
    node,
    draft,
    dtype,
    opset,
    add,
    addAll,
    constant,
    like(value, x) {
      const known = dtype(x)
      if (known !== undefined && known !== 'string') return constant(tensor([value], [], known))
      return add('CastLike', [constant(float32s([value], [])), x])
    },
    floats(name) {
      const found = node.attributes.get(name)
      return found?.kind === 'floats' || found?.kind === 'ints' ? found.value : undefined
    },
    ints(name) {
      const found = node.attributes.get(name)
      return found?.kind === 'ints' ? found.value : undefined
    },
    int64s(name) {
      const found = node.attributes.get(name)
      return found?.kind === 'ints' ? int64s(found.value) : found?.kind === 'tensor' ? found.value : undefined
    },
    texts(name) {
      const found = node.attributes.get(name)
      return found?.kind === 'strings' ? found.value : undefined
    },
    tensor(name) {
      const found = node.attributes.get(name)
      return found?.kind === 'tensor' ? found.value : undefined
    },
    text(name, fallback) {
      const found = node.attributes.get(name)
      return found?.kind === 'string' ? found.value : fallback
    },
    number(name, fallback) {
      const found = node.attributes.get(name)
      return found?.kind === 'int' || found?.kind === 'float' ? found.value : fallback
    },
  }
}

export function float32s(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return tensor(Float32Array.from(values), shape)
}

export function float64s(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor {
  return tensor(Float64Array.from(values), shape)
}

export function strings(values: readonly string[]): Tensor {
  return { dtype: 'string', shape: [values.length], data: [...values] }
}

/** `x` itself where it is known to be of that dtype and needs no other name. */
export function cast(lowering: Lowering, x: string, to: DType, output?: string): string {
  if (output === undefined && lowering.dtype(x) === to) return x
  return lowering.add('Cast', [x], { to }, output)
}

/** Names of a node's outputs; those it leaves out are fresh. */
export function outputOf({ node }: Lowering, index: number): string | undefined {
  return node.outputs[index] === '' ? undefined : node.outputs[index]
}
