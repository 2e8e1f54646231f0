// What the lowerings of ai.onnx.ml share: nodes added one by one, attributes read, scores transformed.
import type { Attribute } from '../../../ops/types.ts'
import { tensor, type DType, type Tensor } from '../../../tensor/index.ts'
import { int64s, type DraftNode } from '../draft.ts'
import { onnxError } from '../tensors.ts'
import type { UpgradeContext } from '../node-edits.ts'

/** A node of ai.onnx.ml with ways to read it and to add what it becomes. */
export interface Lowering {
  readonly node: DraftNode
  readonly dtype: (name: string) => DType | undefined
  readonly opset: number
  /** Adds an operator by key; returns its output, which is `output` where given. */
  readonly add: (key: string, inputs: readonly string[], attributes?: Readonly<Record<string, number | string | readonly number[]>>, output?: string) => string
  readonly constant: (value: Tensor) => string
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
  return {
    node,
    dtype,
    opset,
    add(key, inputs, attributes = {}, output = draft.fresh(key)) {
      const domain = key.startsWith('mle.') ? 'mle' : 'ai.onnx'
      const own = new Map(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value, name)]))
      draft.emit({ op: domain === 'mle' ? key.slice(4) : key, domain, inputs, outputs: [output], attributes: own })
      return output
    },
    constant: (value) => draft.constant(value, 'constant'),
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

/** Labels of a classifier by the attributes that hold them. */
export function labelsOf(lowering: Lowering, ints: string): Tensor {
  const texts = lowering.texts('classlabels_strings')
  if (texts !== undefined && texts.length > 0) return strings(texts)
  const numbers = lowering.int64s(ints)
  if (numbers === undefined || numbers.data.length === 0) throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has no class labels`)
  return numbers
}

/** Of a single column of scores only PROBIT changes anything. */
export function columnTransform(transform: string, columns: number): string {
  return columns > 1 || transform === 'PROBIT' ? transform : 'NONE'
}

/** Scores [rows, n] after a post_transform. */
export function transformed(lowering: Lowering, scores: string, transform: string, dtype: DType, output?: string): string {
  const { add, constant } = lowering
  switch (transform) {
    case 'NONE':
      return output === undefined ? scores : add('Identity', [scores], {}, output)
    case 'LOGISTIC':
      return add('Sigmoid', [scores], {}, output)
    case 'SOFTMAX':
      return add('Softmax', [scores], { axis: -1 }, output)
    case 'SOFTMAX_ZERO': {
      // Scores of 0 stay out of the sum.
      const largest = add('ReduceMax', [scores, constant(int64s([-1]))], { keepdims: 1 })
      const small = constant(tensor([1e-7], [], dtype))
      const counts = add('Greater', [add('Abs', [scores]), small])
      const zero = constant(tensor([0], [], dtype))
      const powers = add('Where', [counts, add('Exp', [add('Sub', [scores, largest])]), zero])
      const kept = add('Where', [counts, powers, add('Mul', [scores, add('Exp', [add('Neg', [largest])])])])
      return add('Div', [kept, add('ReduceSum', [powers, constant(int64s([-1]))], { keepdims: 1 })], {}, output)
    }
    case 'PROBIT':
      return add('mle.NormalQuantile', [scores], {}, output)
    default:
      throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has post_transform ${JSON.stringify(transform)}, which is not known`)
  }
}

/** Names of a node's outputs; those it leaves out are fresh. */
export function outputOf({ node }: Lowering, index: number): string | undefined {
  return node.outputs[index] === '' ? undefined : node.outputs[index]
}
