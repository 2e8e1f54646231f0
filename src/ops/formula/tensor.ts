// What operators that move and select elements mean.
import { isFloat, isInteger, isMinifloat, narrowRange, type DType } from '../../tensor/dtype.ts'
import { bitsReader, minifloatBits } from '../../tensor/minifloat.ts'
import { int, ints, tensorAttribute, text } from '../attributes.ts'
import type { Attributes } from '../types.ts'
import { at, big, build, commonShape, front, indicesOf, list, needed, num, saturated, spread, type Formula, type Grid, type Item } from './formula.ts'

/** The same elements under another shape. */
function reshaped(shapeOf: (x: Grid, given: readonly number[] | undefined, attributes: Attributes) => readonly number[]): Formula {
  return ([input, given], attributes) => [{ ...needed(input), shape: shapeOf(needed(input), given && list(given), attributes) }]
}

/** An output of the input's dtype, each element of which is one of its elements. */
function moved(shapeOf: (inputs: readonly (Grid | undefined)[], attributes: Attributes) => readonly number[], from: (index: readonly number[], inputs: readonly (Grid | undefined)[], attributes: Attributes) => readonly number[]): Formula {
  return (inputs, attributes) => [build(needed(inputs[0]).dtype, shapeOf(inputs, attributes), (index) => at(needed(inputs[0]), from(index, inputs, attributes)))]
}

const product = (dims: readonly number[]): number => dims.reduce((count, dim) => count * dim, 1)
const shapeOf = (grid: Grid | undefined): readonly number[] => needed(grid).shape
const replaced = <T>(items: readonly T[], at: number, item: T): T[] => items.map((own, i) => (i === at ? item : own))

const reshape = reshaped((x, target = [], attributes) => {
  const copied = target.map((dim, i) => (dim === 0 && int(attributes, 'allowzero', 0) === 0 ? x.shape[i] : dim))
  const rest = product(copied.filter((dim) => dim !== -1))
  return copied.map((dim) => (dim === -1 ? (rest === 0 ? 0 : x.items.length / rest) : dim))
})

const permOf = (x: Grid, attributes: Attributes): readonly number[] => ints(attributes, 'perm')?.map((axis) => front(axis, x.shape.length)) ?? x.shape.map((_, axis) => x.shape.length - 1 - axis)
const transpose = moved(
  ([x], attributes) => permOf(needed(x), attributes).map((axis) => shapeOf(x)[axis]),
  (index, [x], attributes) => shapeOf(x).map((_, axis) => index[permOf(needed(x), attributes).indexOf(axis)]),
)

const squeeze = reshaped((x, axes, _attributes) => x.shape.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.map((a) => front(a, x.shape.length)).includes(axis))))

const unsqueeze = reshaped((x, given = []) => {
  const rank = x.shape.length + given.length
  const axes = given.map((axis) => front(axis, rank))
  let next = 0
  return Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : x.shape[next++]))
})

const flatten = reshaped((x, _given, attributes) => {
  const axis = front(int(attributes, 'axis', 1), x.shape.length)
  return [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))]
})

const expand: Formula = ([x, target]) => [build(needed(x).dtype, commonShape([shapeOf(x), list(target)]), (index) => spread(needed(x), index))]
const tile = moved(([x, repeats]) => shapeOf(x).map((dim, axis) => dim * list(repeats)[axis]), (index, [x]) => index.map((i, axis) => i % shapeOf(x)[axis]))

/** Python's slice: the indices that start:end:step picks out of range(dim). */
function picked(dim: number, start: number, end: number, step: number): number[] {
  const clamp = (i: number, least: number): number => Math.min(step > 0 ? dim : dim - 1, Math.max(least, i < 0 ? i + dim : i))
  const stop = clamp(end, step > 0 ? 0 : -1)
  const found: number[] = []
  for (let i = clamp(start, 0); step > 0 ? i < stop : i > stop; i += step) found.push(i)
  return found
}

function pickedAxes([x, starts, ends, axes, steps]: readonly (Grid | undefined)[]): number[][] {
  const along = axes === undefined ? list(starts).map((_, i) => i) : list(axes).map((axis) => front(axis, shapeOf(x).length))
  return shapeOf(x).map((dim, axis) => {
    const i = along.indexOf(axis)
    return i < 0 ? Array.from({ length: dim }, (_, j) => j) : picked(dim, list(starts)[i], list(ends)[i], steps === undefined ? 1 : list(steps)[i])
  })
}

const slice = moved((inputs) => pickedAxes(inputs).map((places) => places.length), (index, inputs) => pickedAxes(inputs).map((places, axis) => places[index[axis]]))

const concat: Formula = (inputs, attributes) => {
  const parts = inputs.map(needed)
  const axis = front(int(attributes, 'axis', 0), parts[0].shape.length)
  const owners = parts.flatMap((part, p) => Array.from({ length: part.shape[axis] }, (_, i) => [p, i]))
  return [build(parts[0].dtype, replaced(parts[0].shape, axis, owners.length), (index) => at(parts[owners[index[axis]][0]], replaced(index, axis, owners[index[axis]][1])))]
}

const split: Formula = ([input, given], attributes, count) => {
  const x = needed(input)
  const axis = front(int(attributes, 'axis', 0), x.shape.length)
  const chunk = Math.ceil(x.shape[axis] / count)
  const sizes = given === undefined ? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(chunk, x.shape[axis] - i * chunk))) : list(given)
  return sizes.map((size, part) => {
    const start = sizes.slice(0, part).reduce((sum, s) => sum + s, 0)
    return build(x.dtype, replaced(x.shape, axis, size), (index) => at(x, replaced(index, axis, index[axis] + start)))
  })
}

const gather: Formula = ([input, indicesInput], attributes) => {
  const [x, indices] = [needed(input), needed(indicesInput)]
  const axis = front(int(attributes, 'axis', 0), x.shape.length)
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
  return [build(x.dtype, shape, (index) => {
    const place = num(at(indices, index.slice(axis, axis + indices.shape.length)))
    return at(x, [...index.slice(0, axis), front(place, x.shape[axis]), ...index.slice(axis + indices.shape.length)])
  })]
}

const gatherElements = moved(([, indices]) => shapeOf(indices), (index, [x, indices], attributes) => {
  const axis = front(int(attributes, 'axis', 0), index.length)
  return replaced(index, axis, front(num(at(needed(indices), index)), shapeOf(x)[axis]))
})

const scatterElements: Formula = ([input, indicesInput, updatesInput], attributes) => {
  const [x, indices, updates] = [needed(input), needed(indicesInput), needed(updatesInput)]
  const axis = front(int(attributes, 'axis', 0), x.shape.length)
  const items = [...x.items]
  const magnitudes = items.map((item) => Math.abs(num(item)))
  for (const index of indicesOf(indices.shape)) {
    const target = replaced(index, axis, front(num(at(indices, index)), x.shape[axis]))
    const place = x.shape.reduce((sum, dim, i) => sum * dim + target[i], 0)
    magnitudes[place] += Math.abs(num(at(updates, index))) * (text(attributes, 'reduction', 'none') === 'mul' ? magnitudes[place] : 1)
    items[place] = combine(text(attributes, 'reduction', 'none'), items[place], at(updates, index))
  }
  return [{ ...x, items, magnitudes }]
}

function combine(how: string, a: Item, b: Item): Item {
  if (how === 'none') return b
  if (typeof a === 'bigint') return how === 'add' ? a + big(b) : how === 'mul' ? a * big(b) : how === 'max' ? (a > big(b) ? a : b) : a < big(b) ? a : b
  return how === 'add' ? num(a) + num(b) : how === 'mul' ? num(a) * num(b) : how === 'max' ? Math.max(num(a), num(b)) : Math.min(num(a), num(b))
}

const pad: Formula = ([input, padsInput, constant, axesInput], attributes) => {
  const x = needed(input)
  const axes = axesInput === undefined ? x.shape.map((_, axis) => axis) : list(axesInput).map((axis) => front(axis, x.shape.length))
  const pads = x.shape.map((_, axis) => (axes.includes(axis) ? [0, axes.length].map((half) => list(padsInput)[axes.indexOf(axis) + half]) : [0, 0]))
  // float8e8m0 has no zero: its least number stands in.
  const none: Item = x.dtype === 'string' ? '' : x.dtype === 'bool' ? false : isInteger(x.dtype) ? 0n : x.dtype === 'float8e8m0' ? 2 ** -127 : 0
  return [build(x.dtype, x.shape.map((dim, axis) => dim + pads[axis][0] + pads[axis][1]), (index) => {
    const from = index.map((i, axis) => folded(i - pads[axis][0], x.shape[axis], text(attributes, 'mode', 'constant')))
    return from.some((i, axis) => i < 0 || i >= x.shape[axis]) ? (constant?.items[0] ?? none) : at(x, from)
  })]
}

/** Where an index outside a dimension is read from. */
function folded(i: number, dim: number, mode: string): number {
  if (mode === 'edge') return Math.max(0, Math.min(dim - 1, i))
  if (mode === 'wrap') return i < 0 ? folded(i + dim, dim, mode) : i >= dim ? folded(i - dim, dim, mode) : i
  if (mode === 'reflect') return dim === 1 ? 0 : i < 0 ? folded(-i, dim, mode) : i >= dim ? folded(2 * (dim - 1) - i, dim, mode) : i
  return i
}

const shape: Formula = ([x], attributes) => {
  const end = attributes.get('end')?.value
  const dims = shapeOf(x).slice(int(attributes, 'start', 0), typeof end === 'number' ? end : undefined)
  return [{ dtype: 'int64', shape: [dims.length], items: dims.map(BigInt) }]
}

const constantOfShape: Formula = ([target], attributes) => {
  const value = tensorAttribute(attributes, 'value')
  const first = value?.data[0] ?? 0
  return [build(value?.dtype ?? 'float32', list(target), () => (value?.dtype === 'bool' ? first === 1 : first))]
}

const range: Formula = ([start, limit, delta]) => {
  const [from, to, by] = [start, limit, delta].map((grid) => list(grid)[0])
  const item = (i: number): Item => (isInteger(needed(start).dtype) ? BigInt(from + i * by) : from + i * by)
  return [build(needed(start).dtype, [Math.max(0, Math.ceil((to - from) / by))], ([i]) => item(i))]
}

const oneHot: Formula = ([indices, depthInput, values], attributes) => {
  const own = shapeOf(indices)
  const depth = list(depthInput)[0]
  const axis = front(int(attributes, 'axis', -1), own.length + 1)
  return [build(needed(values).dtype, [...own.slice(0, axis), depth, ...own.slice(axis)], (index) => {
    const wanted = num(at(needed(indices), index.filter((_, i) => i !== axis)))
    return needed(values).items[Math.trunc(wanted < 0 ? wanted + depth : wanted) === index[axis] ? 1 : 0]
  })]
}

const nonZero: Formula = ([x]) => {
  const found = indicesOf(shapeOf(x)).filter((index) => num(at(needed(x), index)) !== 0)
  return [build('int64', [shapeOf(x).length, found.length], ([axis, i]) => BigInt(found[i][axis]))]
}

const compress: Formula = ([input, condition], attributes) => {
  const whole = needed(input)
  const x = attributes.has('axis') ? whole : { ...whole, shape: [whole.items.length] }
  const axis = front(int(attributes, 'axis', 0), x.shape.length)
  const kept = Array.from({ length: x.shape[axis] }, (_, i) => i).filter((i) => needed(condition).items[i] === true)
  return [build(x.dtype, replaced(x.shape, axis, kept.length), (index) => at(x, replaced(index, axis, kept[index[axis]])))]
}

const unique: Formula = ([input], attributes) => {
  const whole = needed(input)
  const x = attributes.has('axis') ? whole : { ...whole, shape: [whole.items.length] }
  const axis = front(int(attributes, 'axis', 0), x.shape.length)
  const slices = Array.from({ length: x.shape[axis] }, (_, s) => indicesOf(replaced(x.shape, axis, 1)).map((index) => at(x, replaced(index, axis, s))))
  const equal = (a: number, b: number): boolean => slices[a].every((item, i) => sameItem(item, slices[b][i]))
  const first = slices.map((_, s) => s).filter((s) => !slices.slice(0, s).some((_other, t) => equal(s, t)))
  if (int(attributes, 'sorted', 1) === 1) first.sort((a, b) => orderOf(slices[a], slices[b]))
  const inverse = slices.map((_, s) => first.findIndex((f) => equal(f, s)))
  const counts = first.map((f) => inverse.filter((group) => first[group] === f).length)
  const integers = (values: readonly number[]): Grid => ({ dtype: 'int64', shape: [values.length], items: values.map(BigInt) })
  return [build(x.dtype, replaced(x.shape, axis, first.length), (index) => at(x, replaced(index, axis, first[index[axis]]))), integers(first), integers(inverse), integers(counts)]
}

const sameItem = (a: Item, b: Item): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b))

function orderOf(a: readonly Item[], b: readonly Item[]): number {
  const i = a.findIndex((item, j) => !sameItem(item, b[j]))
  if (i < 0) return 0
  const [p, q] = [a[i] ?? '', b[i] ?? '']
  return Number.isNaN(q) || (!Number.isNaN(p) && p < q) ? -1 : 1
}

const cast: Formula = ([input], attributes) => {
  const to = text(attributes, 'to', '') as DType
  return [build(to, shapeOf(input), (index) => converted(at(needed(input), index), to))]
}

/** Rounding to the dtype, which is the comparison's, is left out. Numbers to strings are checked by examples. */
function converted(x: Item, to: DType): Item {
  if (to === 'string') return typeof x === 'boolean' ? (x ? 'True' : 'False') : x === null ? null : String(x)
  const value = typeof x === 'string' ? Number(x) : x
  if (to === 'bool') return typeof value === 'bigint' ? value !== 0n : typeof value === 'boolean' ? value : num(value) !== 0
  // Beyond the largest float of 8 bits a cast stays at it.
  if (isMinifloat(to)) return bitsReader(to)?.(minifloatBits(to)(num(value))) ?? null
  if (isFloat(to)) return typeof value === 'bigint' ? value : num(value)
  if (typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  // Integers of 4 and 2 bits keep the low bits.
  if (narrowRange(to) !== undefined) return Number.isFinite(num(value)) ? BigInt(Math.trunc(num(value))) : 0n
  return saturated(num(value), to)
}

export const tensorFormulas: readonly (readonly [string, Formula])[] = [
  ['Identity', ([x]) => [needed(x)]],
  ['Cast', cast],
  ['Concat', concat],
  ['Split', split],
  ['Slice', slice],
  ['Gather', gather],
  ['GatherElements', gatherElements],
  ['ScatterElements', scatterElements],
  ['Reshape', reshape],
  ['Transpose', transpose],
  ['Squeeze', squeeze],
  ['Unsqueeze', unsqueeze],
  ['Flatten', flatten],
  ['Expand', expand],
  ['Tile', tile],
  ['Pad', pad],
  ['Shape', shape],
  ['Size', ([x]) => [{ dtype: 'int64', shape: [], items: [BigInt(needed(x).items.length)] }]],
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
  ['OneHot', oneHot],
  ['NonZero', nonZero],
  ['Compress', compress],
  ['Unique', unique],
]
