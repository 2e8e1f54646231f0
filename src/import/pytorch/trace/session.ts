// From a model that can be followed to a Graph. Files of PyTorch do not say what shape an input has: ranks are tried in the order that the layers
// suggest, an input that serves as indices becomes int64, and sizes that weights demand are written into the input's shape.
import { MleError } from '../../../error.ts'
import { inferTypes } from '../../../graph/infer.ts'
import type { Graph, Metadata } from '../../../graph/graph.ts'
import { allSchemas } from '../../../ops/registry.ts'
import { isTensorType } from '../../../ops/types.ts'
import { pruneGraph } from '../../../graph/prune.ts'
import type { DType } from '../../../tensor/index.ts'
import { pytorchError, EXPORT_ADVICE } from '../error.ts'
import { ScriptRaise } from './interpreter.ts'
import { checkFresh, createTracer, toTensor, type Tracer } from './tracer.ts'
import { graphShape, isKind, isNumberValue, describeValue, type TensorValue, type Value } from './values.ts'

/** What is known of an input; the rest is found out. */
export interface InputSpec {
  readonly name: string
  readonly dtype?: DType
  /** Counts, or names of counts. */
  readonly shape?: readonly (number | string)[]
}

export interface TraceSource {
  readonly inputs: readonly InputSpec[]
  /** Ranks to try for inputs of unknown shape, the likeliest first. */
  readonly ranks: readonly number[]
  /** Follows the model; called anew for each attempt. */
  readonly run: (t: Tracer, inputs: readonly TensorValue[]) => Value
  readonly outputNames?: readonly string[]
  readonly metadata: Metadata
}

interface Attempt {
  readonly t: Tracer
  readonly inputs: readonly TensorValue[]
  readonly value: Value
}

type Shapes = readonly (readonly (number | string)[])[]

/**
 * The graph of a model.
 *
 * @throws MleError PYTORCH_* of the first attempt where none succeeds
 */
export function traceGraph(source: TraceSource): Graph {
  const dtypes = source.inputs.map((input): DType => input.dtype ?? 'float32')
  let failure: unknown
  for (const ranks of rankings(source)) {
    try {
      return finish(lowered(source, dtypes, ranks, refined(source, dtypes, ranks)), source)
    } catch (error) {
      if (!(error instanceof MleError) && !(error instanceof ScriptRaise)) throw error
      // Limits and misfits of weights do not depend on ranks.
      if (error instanceof MleError && (error.code === 'PYTORCH_LIMIT' || error.code.startsWith('ARCHITECTURE_'))) throw error
      // What only says that the rank is another one is the least of what could be said.
      if (failure === undefined || (isRank(failure) && !isRank(error))) failure = error
    }
  }
  if (failure instanceof ScriptRaise) throw pytorchError('PYTORCH_RAISES', `the model's own code refuses every shape of input that was tried: ${failure.message}; give the shape of the inputs, or ${EXPORT_ADVICE}`)
  throw failure
}

const isRank = (error: unknown): boolean => error instanceof ScriptRaise || (error instanceof MleError && (error.code === 'PYTORCH_RANK' || error.code.startsWith('OP_')))

/** A model with images inside may begin with a vector: where a linear layer takes the only input, fewer dimensions are tried. */
function lowered(source: TraceSource, dtypes: DType[], ranks: readonly number[], attempt: Attempt): Attempt {
  const [rank] = ranks
  const first = attempt.t.firstUse.get(source.inputs[0]?.name ?? '')
  if (ranks.length !== 1 || rank < 4 || (first !== 'MatMul' && first !== 'Gemm')) return attempt
  for (const fewer of [2, 3]) {
    try {
      return refined(source, dtypes, [fewer])
    } catch (error) {
      if (!(error instanceof MleError) && !(error instanceof ScriptRaise)) throw error
    }
  }
  return attempt
}

/** One list of ranks for each attempt. */
function rankings({ inputs, ranks }: TraceSource): number[][] {
  const open = inputs.filter((input) => input.shape === undefined).length
  if (open === 0) return [[]]
  const all = ranks.map((rank) => new Array<number>(open).fill(rank))
  if (open === 2) for (const a of ranks) for (const b of ranks) if (a !== b) all.push([a, b])
  return all
}

function symbolsOf({ inputs }: TraceSource, ranks: readonly number[]): Shapes {
  let open = 0
  return inputs.map(({ name, shape }) => {
    if (shape !== undefined) return shape
    const word = name.replace(/\W/g, '_')
    return Array.from({ length: ranks[open++] }, (_, axis) => (axis === 0 ? 'batch' : inputs.length === 1 ? `dim_${axis}` : `${word}_${axis}`))
  })
}

/** Follows the model until no dtype changes, then once more with the sizes that its weights ask for. */
function refined(source: TraceSource, dtypes: DType[], ranks: readonly number[]): Attempt {
  const shapes = symbolsOf(source, ranks)
  let attempt = follow(source, dtypes, shapes)
  for (let round = 0; round < source.inputs.length && attempt.t.indices.size > 0; round++) {
    const free = source.inputs.flatMap((input, at) => (input.dtype === undefined && dtypes[at] === 'float32' ? [at] : []))
    // Indices that were computed come from the first input that is left.
    const direct = free.filter((at) => attempt.t.indices.has(source.inputs[at].name))
    const changed = direct.length > 0 ? direct : free.slice(0, 1)
    if (changed.length === 0) break
    for (const at of changed) dtypes[at] = 'int64'
    attempt = follow(source, dtypes, shapes)
  }
  const better = shapes.map((shape, at) => (source.inputs[at].shape !== undefined ? shape : shape.map((dim, axis) => (axis === 0 ? dim : (attempt.t.wanted.get(source.inputs[at].name)?.get(axis) ?? dim)))))
  if (better.every((shape, at) => shape.every((dim, axis) => dim === shapes[at][axis]))) return attempt
  try {
    return follow(source, dtypes, better)
  } catch (error) {
    if (error instanceof MleError || error instanceof ScriptRaise) return attempt
    throw error
  }
}

function follow(source: TraceSource, dtypes: readonly DType[], shapes: Shapes): Attempt {
  const t = createTracer()
  const inputs = source.inputs.map(({ name }, at) => t.input(name, dtypes[at], shapes[at]))
  return { t, inputs, value: source.run(t, inputs.map((input) => ({ ...input }))) }
}

/** Tensors of a result in order, with names where it has them. */
function flatten(value: Value, name: string, out: [string, TensorValue][], t: Tracer): void {
  if (isKind(value, 'list') || isKind(value, 'tuple')) value.items.forEach((item, i) => flatten(item, isKind(value, 'tuple') ? (value.names?.[i] ?? '') : '', out, t))
  else if (isKind(value, 'dict')) for (const [key, item] of value.entries) flatten(item, String(key), out, t)
  else if (isKind(value, 'tensor')) out.push([name, value])
  else if (isNumberValue(value) || isKind(value, 'symbol')) out.push([name, toTensor(t, value, 'an output')])
  else if (value !== null) throw pytorchError('PYTORCH_OUTPUT', `the model returns ${describeValue(value)}, expected tensors`)
}

function finish({ t, value }: Attempt, { outputNames = [], metadata }: TraceSource): Graph {
  const outputs: [string, TensorValue][] = []
  flatten(value, '', outputs, t)
  if (outputs.length === 0) throw pytorchError('PYTORCH_OUTPUT', 'the model returns no tensor')
  if (outputNames.length > 0 && outputNames.length !== outputs.length) throw pytorchError('PYTORCH_OUTPUT', `${outputNames.length} names for the ${outputs.length} outputs of the model`)
  const taken = new Set<string>()
  outputs.forEach(([own, tensor], i) => {
    let name = outputNames[i] ?? (own === '' ? `output_${i}` : own)
    if (taken.has(name)) name = `output_${i}`
    taken.add(name)
    checkFresh(tensor)
    t.builder.output(name, tensor.name, { dtype: tensor.dtype, shape: graphShape(tensor.shape) })
  })
  const notes = [...t.notes]
  const graph = pruneGraph(t.builder.build({ ...metadata, notes: notes.length === 0 ? metadata.notes : [...(metadata.notes ?? []), ...notes] }))
  const { types } = inferTypes(graph, allSchemas())
  return {
    ...graph,
    outputs: graph.outputs.map((output) => {
      const type = types.get(output.name)
      if (!isTensorType(type) || !isTensorType(output.type) || type.shape === undefined) return output
      const declared = output.type.shape
      return { ...output, type: { dtype: type.dtype, shape: type.shape.map((dim, axis) => dim ?? declared?.[axis] ?? null) } }
    }),
  }
}
