// Shapes and sizes that are known before any input: Shape and Size of static tensors, and the dimensions that Gather or Slice take from a Shape
// of which only some are known. What is computed from them is folded by the next pass.
import { tensor } from '../../tensor/tensor.ts'
import type { Node } from '../graph.ts'
import { intAttribute, isOp, type Edits, type Look, type Pass } from './edit.ts'
import type { Dim } from '../../ops/types.ts'

export const foldShapes: Pass = {
  name: 'fold-shapes',
  needs: [],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      const dims = dimsOf(look, node)
      if (dims !== undefined && dims.every((dim) => typeof dim === 'number')) put(look, edits, node, isOp(node, 'Size') ? [dims.reduce<number>((size, dim) => size * Number(dim), 1)] : dims.map(Number), isOp(node, 'Size') ? [] : undefined)
      const from = look.producerOf(node.inputs[0] ?? '')
      if (!isOp(node, 'Gather', 'Slice') || !isOp(from, 'Shape')) continue
      const taken = isOp(node, 'Gather') ? gathered(look, node, from) : sliced(look, node, from)
      if (taken !== undefined && taken.dims.every((dim) => typeof dim === 'number')) put(look, edits, node, taken.dims.map(Number), taken.shape)
    }
  },
}

/** The dimensions that a Shape or Size node is about. */
function dimsOf(look: Look, node: Node): readonly Dim[] | undefined {
  if (!isOp(node, 'Shape', 'Size')) return undefined
  const shape = look.typeOf(node.inputs[0])?.shape
  if (shape === undefined || node.op === 'Size') return shape
  const clamp = (axis: number): number => Math.min(Math.max(axis < 0 ? axis + shape.length : axis, 0), shape.length)
  return shape.slice(clamp(intAttribute(node, 'start', 0)), clamp(intAttribute(node, 'end', shape.length)))
}

interface Taken {
  readonly dims: readonly Dim[]
  readonly shape: readonly number[]
}

function gathered(look: Look, node: Node, from: Node): Taken | undefined {
  const dims = dimsOf(look, from)
  const indices = look.constantOf(node.inputs[1])
  if (dims === undefined || indices === undefined || intAttribute(node, 'axis', 0) > 0) return undefined
  const places = Array.from(indices.data as ArrayLike<number | bigint>, Number).map((i) => (i < 0 ? i + dims.length : i))
  return places.every((i) => i >= 0 && i < dims.length) ? { dims: places.map((i) => dims[i]), shape: indices.shape } : undefined
}

function sliced(look: Look, node: Node, from: Node): Taken | undefined {
  const dims = dimsOf(look, from)
  const one = (input: number, fallback: number): number | undefined => {
    const name = node.inputs[input]
    if (name === undefined || name === '') return fallback
    const value = look.constantOf(name)
    return value?.data.length === 1 ? Number(value.data[0]) : undefined
  }
  const [start, end, axis, step] = [one(1, 0), one(2, 0), one(3, 0), one(4, 1)]
  if (dims === undefined || start === undefined || end === undefined || axis !== 0 || step !== 1) return undefined
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + dims.length : at, 0), dims.length)
  const taken = dims.slice(clamp(start), Math.max(clamp(start), clamp(end)))
  return { dims: taken, shape: [taken.length] }
}

function put(look: Look, edits: Edits, node: Node, values: readonly number[], shape: readonly number[] = [values.length]): void {
  const [name] = node.outputs
  if (look.isOutput(name) || !edits.claim(node)) return
  edits.remove(node)
  edits.redirect(name, edits.constant(tensor(BigInt64Array.from(values, BigInt), shape), name))
  edits.counted()
}
