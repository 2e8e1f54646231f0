// The same elements under another shape, or with their axes in another order.
import { MleError } from '../../error.ts'
import { int as intOf, ints as intsOf } from '../attributes.ts'
import type { OpSchema } from '../schema.ts'
import type { Dim } from '../types.ts'
import { axesOf, axisOf, countOf, int, ints, knownInts, op } from './define.ts'
import { aliasing, lengthOf, moving, reshaped, unknownDims } from './tensor.ts'

/** What is left of `shape` after the dimensions of `taken` are cancelled; null when it is no single dimension. */
function restOf(shape: readonly Dim[], taken: readonly Dim[]): Dim {
  const symbols = shape.filter((dim) => typeof dim !== 'number')
  let count = countOf(shape.filter((dim) => typeof dim === 'number')) ?? 1
  for (const dim of taken) {
    if (typeof dim === 'number') count /= dim
    else if (dim === null || !symbols.includes(dim)) return null
    else symbols.splice(symbols.indexOf(dim), 1)
  }
  if (symbols.length === 0) return Number.isInteger(count) ? count : null
  return symbols.length === 1 && count === 1 ? symbols[0] : null
}

const inferReshape = reshaped((shape, context) => {
  const target = knownInts(context, 1)
  if (target === undefined) return unknownDims(lengthOf(context, 1))
  const zeroCopies = intOf(context.attributes, 'allowzero', 0) === 0
  const out = target.map((dim, i): Dim => {
    if (dim === 0 && zeroCopies) {
      if (i >= shape.length) throw new MleError('OP_DIMENSION', `dimension ${i} of the new shape is 0 (copy), but the input has only ${shape.length} dimensions`)
      return shape[i]
    }
    if (dim < -1) throw new MleError('OP_DIMENSION', `dimension ${i} of the new shape is ${dim}`)
    return dim
  })
  const open = out.indexOf(-1)
  if (open !== out.lastIndexOf(-1)) throw new MleError('OP_DIMENSION', `new shape [${target.join(', ')}] leaves more than one dimension open`)
  const count = countOf(shape)
  if (open >= 0) {
    const rest = out.filter((_, i) => i !== open)
    const known = countOf(rest)
    out[open] = known === 0 ? (zeroCopies && count !== undefined ? 0 : null) : restOf(shape, rest)
    if (count !== undefined && known !== undefined && (known === 0 ? count !== 0 : count % known !== 0)) throw sizeError(count, target)
  } else if (count !== undefined && countOf(out) !== undefined && countOf(out) !== count) throw sizeError(count, target)
  return out
})

function sizeError(count: number, target: readonly number[]): MleError {
  return new MleError('OP_DIMENSION', `${count} elements do not fill the new shape [${target.join(', ')}]`, { actual: count })
}

const inferTranspose = reshaped((shape, { attributes }) => {
  const perm = intsOf(attributes, 'perm')
  if (perm === undefined) return [...shape].reverse()
  if (perm.length !== shape.length) throw new MleError('OP_RANK', `perm has ${perm.length} axes, but the input ${shape.length} dimensions`, { expected: shape.length, actual: perm.length })
  axesOf(perm, shape.length)
  return perm.map((axis) => shape[axisOf(axis, shape.length)])
})

const inferFlatten = reshaped((shape, { attributes }) => {
  const axis = intOf(attributes, 'axis', 1)
  const at = axis < 0 ? axis + shape.length : axis
  if (!(at >= 0 && at <= shape.length)) throw new MleError('OP_AXIS', `axis ${axis} is outside a tensor of ${shape.length} dimensions`, { expected: shape.length, actual: axis })
  return [restOf(shape.slice(0, at), []), restOf(shape.slice(at), [])]
})

export const layoutSchemas: readonly OpSchema[] = [
  /** The same elements under another shape: 0 copies a dimension (unless allowzero), one -1 takes what is left. */
  op('Reshape', 25, 'data:T shape:int64', { ...aliasing(inferReshape), outputs: 'reshaped', valueInputs: [1], attributes: [int('allowzero', 0)] }),
  /** Axes in another order, reversed by default. @formula y[i, j, k] = x[k, j, i] */
  op('Transpose', 25, 'data:T', { ...moving(inferTranspose), outputs: 'transposed', attributes: [ints('perm')] }),
  /** A matrix: dimensions before the axis become rows, the others columns. */
  op('Flatten', 25, 'input:T', { ...aliasing(inferFlatten), outputs: 'output', attributes: [int('axis', 1)] }),
]
