// Nodes that give back what they get: identities, casts to the same dtype, reshapes to the same shape, arithmetic with 0 and 1, double negation.
import { isTensorType } from '../../ops/types.ts'
import type { Node } from '../graph.ts'
import { intsAttribute, isOp, sameShape, staticShape, uniform, type Edits, type Look, type Pass } from './edit.ts'

export const removeNoOps: Pass = {
  name: 'remove-no-ops',
  needs: [],
  run(look, edits) {
    for (const node of look.graph.nodes) {
      const kept = unchanged(look, node)
      if (kept !== undefined) bypass(look, edits, node, kept)
    }
  },
}

/** The input that a node's first output equals in every bit. */
function unchanged(look: Look, node: Node): string | undefined {
  if (node.domain !== 'ai.onnx' || node.outputs.length !== 1) return undefined
  const [x] = node.inputs
  const [from, to] = [look.typeOf(x), look.typeOf(node.outputs[0])]
  const sameType = (name: string): boolean => {
    const type = look.typeOf(name)
    return type !== undefined && to !== undefined && type.dtype === to.dtype && sameShape(type, to)
  }
  const producer = look.producerOf(x)
  const number = (name: string): number | undefined => uniform(look.constantOf(name))
  switch (node.op) {
    case 'Identity':
      return x
    case 'Cast':
    case 'CastLike':
      return from !== undefined && to !== undefined && from.dtype === to.dtype ? x : undefined
    case 'Reshape':
    case 'Expand':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
      return sameType(x) && staticShape(from) !== undefined ? x : undefined
    case 'Tile':
    case 'Slice':
    case 'Pad':
      // Equal static shapes leave nothing repeated, cut off or added; a slice may still turn an axis round.
      return sameType(x) && staticShape(from) !== undefined && (node.op !== 'Slice' || stepsForward(look, node)) && (node.op !== 'Pad' || padsNothing(look, node)) ? x : undefined
    case 'Transpose':
      return intsAttribute(node, 'perm')?.every((axis, i) => axis === i) === true ? x : undefined
    case 'Concat':
    case 'Sum':
    case 'Max':
    case 'Min':
    case 'Mean':
      return node.inputs.length === 1 && (node.op === 'Concat' || node.op === 'Sum' || node.op === 'Mean' || from?.dtype !== 'string') ? x : undefined
    case 'Neg':
    case 'Not':
      return isOp(producer, node.op) ? producer.inputs[0] : undefined
    case 'Mul':
      // x 1 keeps the sign of zeros, infinities and NaN.
      return number(node.inputs[1]) === 1 && sameType(x) ? x : number(x) === 1 && sameType(node.inputs[1]) ? node.inputs[1] : undefined
    case 'Div':
      return number(node.inputs[1]) === 1 && sameType(x) ? x : undefined
    case 'Sub':
      return Object.is(number(node.inputs[1]), 0) && sameType(x) ? x : undefined
    case 'Add':
      // -0 + 0 is 0; only -0 changes nothing.
      return Object.is(number(node.inputs[1]), -0) && sameType(x) ? x : Object.is(number(x), -0) && sameType(node.inputs[1]) ? node.inputs[1] : undefined
    default:
      return undefined
  }
}

function stepsForward(look: Look, node: Node): boolean {
  const name = node.inputs[4]
  if (name === undefined || name === '') return true
  const steps = look.constantOf(name)
  return steps !== undefined && Array.from(steps.data as ArrayLike<number | bigint>, Number).every((step) => step === 1)
}

function padsNothing(look: Look, node: Node): boolean {
  const pads = look.constantOf(node.inputs[1])
  return pads !== undefined && Array.from(pads.data as ArrayLike<number | bigint>, Number).every((pad) => pad === 0)
}

/** Readers read the input instead; a graph output is made under its own name by the node before. */
function bypass(look: Look, edits: Edits, node: Node, kept: string): void {
  const [name] = node.outputs
  if (!look.isOutput(name)) {
    if (!edits.claim(node)) return
    edits.remove(node)
    edits.redirect(name, kept)
    edits.counted()
    return
  }
  const producer = look.producerOf(kept)
  // The value gets the output's name, which a declared type must fit: dtypes are equal already.
  const isHeld = producer === undefined || look.isOutput(kept) || !isTensorType(look.typeOf(kept))
  // Identity of a value that something else needs under its own name, an input or a constant, stays.
  if (isHeld || look.readsOf(kept) > look.readersOf(kept).length || !edits.claim(node, producer)) return
  edits.remove(node)
  edits.rename(kept, name)
  edits.counted()
}
