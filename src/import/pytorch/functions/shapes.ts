// Functions that move, cut, join and make tensors.
import { isFloat, type DType, type Tensor } from '../../../tensor/index.ts'
import { allocateData } from '../../../tensor/dtype.ts'
import { pytorchError } from '../error.ts'
import { arithmetic } from '../trace/arithmetic.ts'
import { axisOf, cast, countOf, countsTensor, int64s, promoted, reshape, scalar, sizeOf, tensorArgument, toTensor, together, type Tracer } from '../trace/tracer.ts'
import { dimOf, intOf, intsOf, isKind, isNumberValue, itemsOf, list, numberOf, tuple, wrongValue, type SymbolValue, type TensorValue, type Value } from '../trace/values.ts'
import { CODES, torchDType } from '../storages.ts'
import { fn, type TorchFunction } from './define.ts'

export function dtypeArgument(value: Value | undefined): DType | undefined {
  if (value === null || value === undefined || isKind(value, 'opaque')) return undefined
  const dtype = isKind(value, 'dtype') ? value.dtype : typeof value === 'number' ? CODES[value] : typeof value === 'string' ? torchDType(value) : undefined
  if (dtype === undefined) throw wrongValue('dtype', 'a dtype of real numbers', value)
  return dtype
}

export const counts = (value: Value | undefined, what: string): (number | SymbolValue)[] => (isKind(value, 'list') || isKind(value, 'tuple') ? value.items.map((item) => countOf(item, what)) : [countOf(value, what)])
const input = (a: ReadonlyMap<string, Value>): TensorValue => tensorArgument(a.get('input') ?? null, 'input')

export function transpose(t: Tracer, x: TensorValue, perm: readonly number[]): TensorValue {
  return perm.every((from, to) => from === to) ? x : t.view(t.op('Transpose', [x], { perm: [...perm] }), x)
}

export function swapAxes(t: Tracer, x: TensorValue, a: number, b: number): TensorValue {
  const perm = x.shape.map((_, axis) => axis)
  const [first, second] = [axisOf(a, x.shape.length, 'transpose'), axisOf(b, x.shape.length, 'transpose')]
  ;[perm[first], perm[second]] = [perm[second], perm[first]]
  return transpose(t, x, perm)
}

export function squeeze(t: Tracer, x: TensorValue, axes: readonly number[]): TensorValue {
  return axes.length === 0 ? x : t.view(t.op('Squeeze', [x, int64s(t, axes)]), x)
}

export function unsqueeze(t: Tracer, x: TensorValue, axis: number): TensorValue {
  return t.view(t.op('Unsqueeze', [x, int64s(t, [axis < 0 ? axis + x.shape.length + 1 : axis])]), x)
}

function flatten(t: Tracer, x: TensorValue, startValue: number, endValue: number): TensorValue {
  if (x.shape.length === 0) return reshape(t, x, [1])
  const [start, end] = [axisOf(startValue, x.shape.length, 'flatten'), axisOf(endValue, x.shape.length, 'flatten')]
  if (start >= end) return x
  const sizes = x.shape.map((_, axis) => sizeOf(t, x, axis))
  return reshape(t, x, [...sizes.slice(0, start), -1, ...sizes.slice(end + 1)])
}

/** Sizes with -1 for those that stay, as expand takes them. */
function expand(t: Tracer, x: TensorValue, sizes: readonly (number | SymbolValue)[]): TensorValue {
  const shift = sizes.length - x.shape.length
  const own = sizes.map((size, i) => (size === -1 ? sizeOf(t, x, i - shift) : size))
  if (own.length === x.shape.length && own.every((size, i) => dimOf(size) === x.shape[i])) return x
  const result = t.op('Expand', [x, countsTensor(t, own)])
  result.shape = result.shape.map((dim, i) => (typeof dim === 'number' ? dim : dimOf(own[i])))
  return t.view(result, x)
}

const MAX_END = 2 ** 53

/** x[start:stop:step] along an axis. */
export function slice(t: Tracer, x: TensorValue, axisValue: number, start: Value, stop: Value, step: Value): TensorValue {
  const axis = axisOf(axisValue, x.shape.length, 'slice')
  const from = start === null ? 0 : countOf(start, 'start of a slice')
  const to = stop === null ? MAX_END : countOf(stop, 'end of a slice')
  const by = step === null ? 1 : intOf(step, 'step of a slice')
  const dim = x.shape[axis]
  if (from === 0 && by === 1 && ((typeof to === 'number' && (to >= MAX_END || (typeof dim === 'number' && to >= dim))) || dimOf(to) === dim)) return x
  const result = t.op('Slice', [x, countsTensor(t, [from]), countsTensor(t, [to]), int64s(t, [axis]), int64s(t, [by])])
  if (from === 0 && by === 1 && typeof to !== 'number') result.shape = result.shape.map((size, i) => (i === axis ? dimOf(to) : size))
  return t.view(result, x)
}

/** x[index] along an axis, which goes. */
export function select(t: Tracer, x: TensorValue, axisValue: number, index: Value): TensorValue {
  const axis = axisOf(axisValue, x.shape.length, 'select')
  if (isKind(index, 'symbol')) return t.op('Gather', [x, toTensor(t, index, 'index')], { axis })
  return t.view(t.op('Gather', [x, scalar(t, intOf(index, 'index'), 'int64')], { axis }), x)
}

/** What stands in the brackets of x[...]: slices, numbers, None, Ellipsis, one tensor of indices or booleans. */
export function subscript(t: Tracer, x: TensorValue, items: readonly Value[]): TensorValue {
  const used = items.filter((item) => item !== null && !isKind(item, 'ellipsis')).length
  let value = x
  let axis = 0
  let indices = 0
  for (const item of items) {
    if (isKind(item, 'ellipsis')) axis += Math.max(0, x.shape.length - used)
    else if (item === null) value = unsqueeze(t, value, axis++)
    else if (isKind(item, 'slice')) value = slice(t, value, axis++, item.start, item.stop, item.step)
    else if (typeof item === 'number' || isKind(item, 'symbol')) value = select(t, value, axis, item)
    else if (isKind(item, 'tensor') || isKind(item, 'list')) {
      if (++indices > 1) throw pytorchError('PYTORCH_OPERATOR', 'indexing by several tensors at once is not supported; export the model in Python with torch.onnx.export')
      const index = isKind(item, 'list') ? int64s(t, intsOf(item, 'index')) : item
      if (index.dtype === 'bool') {
        if (index.shape.length !== 1) throw pytorchError('PYTORCH_OPERATOR', `indexing by a mask of ${index.shape.length} dimensions is not supported`)
        value = t.op('Compress', [value, index], { axis })
        axis++
      } else {
        value = t.op('Gather', [value, cast(t, index, 'int64')], { axis })
        axis += index.shape.length
      }
    } else throw wrongValue('an index', 'a number, a slice, None or a tensor', item)
  }
  return value
}

export function concat(t: Tracer, values: readonly Value[], axis: number): TensorValue {
  // torch leaves empty lists of one dimension out.
  const parts = values.map((value) => tensorArgument(value, 'a tensor of cat')).filter((value) => !(value.shape.length === 1 && value.shape[0] === 0))
  if (parts.length === 0) return tensorArgument(values[0], 'a tensor of cat')
  const own = together(t, parts)
  return own.length === 1 ? own[0] : t.op('Concat', own, { axis: axisOf(axis, own[0].shape.length, 'cat') })
}

/** Tensors that one is cut into. */
const MAX_PARTS = 10_000

function split(t: Tracer, x: TensorValue, size: Value | undefined, axisValue: number): Value {
  const axis = axisOf(axisValue, x.shape.length, 'split')
  const dim = x.shape[axis]
  const sizes = isKind(size, 'list') || isKind(size, 'tuple') ? size.items.map((item) => countOf(item, 'size')) : undefined
  if (sizes === undefined) {
    const each = intOf(size, 'split size')
    if (typeof dim !== 'number') throw pytorchError('PYTORCH_SHAPE', `the number of parts of split depends on the input's shape (${dim}); give the shape of the inputs`)
    if (!(each > 0) || dim / each > MAX_PARTS) throw pytorchError('PYTORCH_LIMIT', `a tensor of ${dim} split into parts of ${each}`)
    const whole: number[] = []
    for (let at = 0; at < dim; at += each) whole.push(Math.min(each, dim - at))
    return tuple(parts(t, x, whole, axis))
  }
  return tuple(parts(t, x, sizes, axis))
}

function parts(t: Tracer, x: TensorValue, sizes: readonly (number | SymbolValue)[], axis: number): TensorValue[] {
  if (sizes.length === 1) return [x]
  return t.ops('Split', [x, countsTensor(t, sizes)], sizes.length, { axis }).map((part) => t.view(part, x))
}

function chunk(t: Tracer, x: TensorValue, count: number, axisValue: number): Value {
  const axis = axisOf(axisValue, x.shape.length, 'chunk')
  const dim = x.shape[axis]
  if (!(count >= 1 && count <= MAX_PARTS)) throw pytorchError('PYTORCH_LIMIT', `a tensor cut into ${count} parts`)
  if (typeof dim !== 'number') return tuple(count === 1 ? [x] : t.ops('Split', [x], count, { axis, num_outputs: count }).map((part) => t.view(part, x)))
  return split(t, x, Math.max(1, Math.ceil(dim / count)), axis)
}

/** Parts that may be changed in place: nothing else sees it. */
function apart(parts: Value): Value {
  return isKind(parts, 'tuple') ? tuple(parts.items.map((part) => (isKind(part, 'tensor') ? { ...part, alias: { version: 0 }, seen: 0 } : part))) : parts
}

export function unbind(t: Tracer, x: TensorValue, axisValue: number): TensorValue[] {
  const axis = axisOf(axisValue, x.shape.length, 'unbind')
  const dim = x.shape[axis]
  if (typeof dim !== 'number') throw pytorchError('PYTORCH_SHAPE', `the number of parts of unbind depends on the input's shape (${dim}); give the shape of the inputs`)
  if (dim > MAX_PARTS) throw pytorchError('PYTORCH_LIMIT', `a tensor of ${dim} taken apart`)
  return Array.from({ length: dim }, (_, i) => select(t, x, axis, i))
}

/** A tensor with one value everywhere. */
export function filled(t: Tracer, sizes: readonly (number | SymbolValue)[], value: number, dtype: DType): TensorValue {
  const data = allocateData(dtype, 1)
  data[0] = scalar(t, value, dtype).constant?.data[0] as never
  const one: Tensor = { dtype, shape: [1], data }
  const result = t.op('ConstantOfShape', [countsTensor(t, sizes)], { value: one })
  result.shape = result.shape.map((dim, i) => (typeof dim === 'number' ? dim : dimOf(sizes[i])))
  result.fill = value
  return result
}

const sizesOf = (t: Tracer, x: TensorValue): (number | SymbolValue)[] => x.shape.map((_, axis) => sizeOf(t, x, axis))

function like(names: string, value: number | undefined): TorchFunction[] {
  return fn(names, `input ${value === undefined ? 'fill_value ' : ''}dtype=None ...`, (t, a) => {
    const x = input(a)
    return filled(t, sizesOf(t, x), value ?? numberOf(a.get('fill_value'), 'fill_value'), dtypeArgument(a.get('dtype')) ?? x.dtype)
  })
}

function arange(t: Tracer, a: ReadonlyMap<string, Value>): TensorValue {
  const [first, second, third] = [a.get('start') ?? null, a.get('end') ?? null, a.get('step') ?? null]
  const [start, end, step]: Value[] = second === null ? [0, first, 1] : [first, second, third ?? 1]
  const given = [start, end, step]
  const dtype = dtypeArgument(a.get('dtype')) ?? (given.some((value) => isKind(value, 'float')) ? 'float32' : 'int64')
  const own: DType = dtype === 'float16' || dtype === 'bfloat16' || dtype === 'uint8' || dtype === 'int8' ? 'int64' : dtype
  const result = cast(t, t.op('Range', given.map((value) => cast(t, toTensor(t, value, 'arange', own), own))), dtype)
  if (start === 0 && step === 1 && isKind(end, 'symbol')) result.shape = [dimOf(end)]
  return result
}

/** Nested lists of numbers as a constant. */
function literal(t: Tracer, value: Value, dtype: DType | undefined): TensorValue {
  const shape: number[] = []
  for (let level: Value = value; isKind(level, 'list') || isKind(level, 'tuple'); level = level.items[0]) {
    shape.push(level.items.length)
    if (level.items.length === 0) break
  }
  const flat: Value[] = []
  const walk = (one: Value, depth: number): void => {
    if (isKind(one, 'list') || isKind(one, 'tuple')) {
      if (one.items.length !== shape[depth]) throw pytorchError('PYTORCH_ARGUMENT', 'torch.tensor of rows that differ in length')
      for (const item of one.items) walk(item, depth + 1)
    } else flat.push(one)
  }
  walk(value, 0)
  if (flat.some((one) => !isNumberValue(one))) {
    // Sizes of the input among them.
    if (shape.length <= 1 && flat.every((one) => isNumberValue(one) || isKind(one, 'symbol'))) {
      const whole = countsTensor(t, flat.map((one) => countOf(one, 'torch.tensor')))
      return cast(t, shape.length === 0 ? squeeze(t, whole, [0]) : whole, dtype ?? 'int64')
    }
    throw wrongValue('torch.tensor', 'numbers', flat.find((one) => !isNumberValue(one)))
  }
  const own = dtype ?? promoted(flat.length === 0 ? [{ kind: 'float', value: 0 }] : flat)
  const data = allocateData(own, flat.length)
  flat.forEach((one, i) => (data[i] = scalar(t, numberOf(one, 'element'), own).constant?.data[0] as never))
  return t.constant({ dtype: own, shape, data }, 'literal')
}

const PAD_MODES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['constant', 'constant'], ['reflect', 'reflect'], ['replicate', 'edge'], ['circular', 'wrap']])

/** Pads in PyTorch's order: the last axis first, before and after. */
export function pad(t: Tracer, x: TensorValue, amounts: readonly number[], mode: string, value: number): TensorValue {
  const own = PAD_MODES.get(mode)
  if (own === undefined) throw pytorchError('PYTORCH_ARGUMENT', `the padding mode ${mode} is not known; expected ${[...PAD_MODES.keys()].join(', ')}`)
  const rank = x.shape.length
  const pads = new Array<number>(2 * rank).fill(0)
  for (let i = 0; i < amounts.length / 2; i++) {
    pads[rank - 1 - i] = amounts[2 * i]
    pads[2 * rank - 1 - i] = amounts[2 * i + 1]
  }
  if (pads.every((amount) => amount === 0)) return x
  return t.op('Pad', [x, int64s(t, pads), own === 'constant' ? scalar(t, value, x.dtype) : undefined], { mode: own })
}

/** Channels become pixels. */
function pixelShuffle(t: Tracer, x: TensorValue, factor: number): TensorValue {
  return t.op('DepthToSpace', [x], { blocksize: factor, mode: 'CRD' })
}

/** SpaceToDepth orders channels as DCR does, so blocks are cut by hand. */
function pixelUnshuffle(t: Tracer, x: TensorValue, factor: number): TensorValue {
  const [n, c, h, w] = sizesOf(t, x)
  const divided = (size: number | SymbolValue): number | SymbolValue => countOf(arithmetic(t, '//', size, factor), 'size')
  const cut = reshape(t, x, [n, c, divided(h), factor, divided(w), factor])
  return reshape(t, transpose(t, cut, [0, 1, 3, 5, 2, 4]), [n, countOf(arithmetic(t, '*', c, factor * factor), 'channels'), divided(h), divided(w)])
}

function roll(t: Tracer, x: TensorValue, shifts: readonly number[], axes: readonly number[]): TensorValue {
  let value = x
  shifts.forEach((shift, i) => {
    if (shift === 0) return
    value = concat(t, [slice(t, value, axes[i], -shift, null, null), slice(t, value, axes[i], null, -shift, null)], axes[i])
  })
  return value
}

function flip(t: Tracer, x: TensorValue, axes: readonly number[]): TensorValue {
  return t.op('Slice', [x, int64s(t, axes.map(() => -1)), int64s(t, axes.map(() => -MAX_END)), int64s(t, axes.map((axis) => axisOf(axis, x.shape.length, 'flip'))), int64s(t, axes.map(() => -1))])
}

/** x.to(...): a dtype, a device, another tensor, in any order. */
function to(t: Tracer, x: TensorValue, args: readonly (Value | undefined)[]): TensorValue {
  for (const value of args) {
    if (isKind(value, 'dtype') || (typeof value === 'number' && CODES[value] !== undefined)) return cast(t, x, dtypeArgument(value) ?? x.dtype)
    if (isKind(value, 'tensor')) return cast(t, x, value.dtype)
  }
  return x
}

const casting = (names: string, dtype: DType): TorchFunction[] => fn(names, 'input ...', (t, a) => cast(t, input(a), dtype))
const same = (names: string): TorchFunction[] => fn(names, 'input ...', (_t, a) => input(a))

/** Every element `count` times, one after the other. */
function repeatInterleave(t: Tracer, x: TensorValue, count: number, axisValue: Value | undefined): TensorValue {
  const flat = axisValue === null || axisValue === undefined ? reshape(t, x, [-1]) : x
  const axis = axisOf(axisValue === null || axisValue === undefined ? 0 : intOf(axisValue, 'dim'), flat.shape.length, 'repeat_interleave')
  const wide = unsqueeze(t, flat, axis + 1)
  const tiled = t.op('Tile', [wide, int64s(t, wide.shape.map((_, i) => (i === axis + 1 ? count : 1)))])
  return reshape(t, tiled, flat.shape.map((_, i) => (i === axis ? countOf(arithmetic(t, '*', sizeOf(t, flat, i), count), 'size') : sizeOf(t, flat, i))))
}

function oneHot(t: Tracer, x: TensorValue, classes: number): TensorValue {
  return t.op('OneHot', [x, scalar(t, classes, 'int64'), t.constant({ dtype: 'int64', shape: [2], data: BigInt64Array.of(0n, 1n) }, 'on_off')], { axis: -1 })
}

export function embedding(t: Tracer, weight: TensorValue, indices: TensorValue): TensorValue {
  if (isFloat(indices.dtype)) t.indices.add(indices.name)
  return t.op('Gather', [weight, indices.dtype === 'int32' ? indices : cast(t, indices, 'int64')], { axis: 0 })
}

function meshgrid(t: Tracer, tensors: readonly Value[], indexing: Value | undefined): Value {
  const grids = tensors.map((value) => tensorArgument(value, 'meshgrid'))
  const swapped = indexing === 'xy' && grids.length >= 2 ? [grids[1], grids[0], ...grids.slice(2)] : grids
  const sizes = swapped.map((grid) => sizeOf(t, grid, 0))
  const out = swapped.map((grid, i) => expand(t, reshape(t, grid, swapped.map((_, j) => (i === j ? -1 : 1))), sizes))
  const own = indexing === 'xy' && grids.length >= 2 ? [swapAxes(t, out[1], 0, 1), swapAxes(t, out[0], 0, 1), ...out.slice(2)] : out
  return list(own)
}

export const shapeFunctions: readonly TorchFunction[] = [
  ...fn('view reshape _unsafe_view', 'input shape', (t, a) => (isKind(a.get('shape'), 'dtype') ? cast(t, input(a), dtypeArgument(a.get('shape')) ?? 'float32') : reshape(t, input(a), counts(a.get('shape'), 'shape')))),
  ...fn('view_as reshape_as', 'input other', (t, a) => reshape(t, input(a), sizesOf(t, tensorArgument(a.get('other'), 'other')))),
  ...fn('flatten', 'input start_dim=0 end_dim=-1', (t, a) => flatten(t, input(a), intOf(a.get('start_dim'), 'start_dim'), intOf(a.get('end_dim'), 'end_dim'))),
  ...fn('ravel', 'input', (t, a) => reshape(t, input(a), [-1])),
  ...fn('unflatten', 'input dim sizes', (t, a) => { const x = input(a); const axis = axisOf(intOf(a.get('dim'), 'dim'), x.shape.length, 'unflatten'); const all = sizesOf(t, x); return reshape(t, x, [...all.slice(0, axis), ...counts(a.get('sizes'), 'sizes'), ...all.slice(axis + 1)]) }),
  ...fn('squeeze', 'input dim=None', (t, a) => { const x = input(a); const dim = a.get('dim') ?? null; const axes = dim === null ? x.shape.flatMap((size, axis) => (size === 1 ? [axis] : [])) : intsOf(dim, 'dim').map((axis) => axisOf(axis, x.shape.length, 'squeeze')).filter((axis) => x.shape[axis] === 1); return squeeze(t, x, axes) }),
  ...fn('unsqueeze', 'input dim', (t, a) => unsqueeze(t, input(a), intOf(a.get('dim'), 'dim'))),
  ...fn('transpose swapaxes swapdims', 'input dim0 dim1', (t, a) => swapAxes(t, input(a), intOf(a.get('dim0'), 'dim0'), intOf(a.get('dim1'), 'dim1'))),
  ...fn('t numpy_T', 'input', (t, a) => { const x = input(a); return transpose(t, x, x.shape.map((_, axis) => x.shape.length - 1 - axis)) }),
  ...fn('permute', 'input dims', (t, a) => { const x = input(a); return transpose(t, x, intsOf(a.get('dims'), 'dims').map((axis) => axisOf(axis, x.shape.length, 'permute'))) }),
  ...fn('movedim moveaxis', 'input source destination', (t, a) => moveAxes(t, input(a), intsOf(a.get('source'), 'source'), intsOf(a.get('destination'), 'destination'))),
  ...fn('expand broadcast_to', 'input size ...', (t, a) => expand(t, input(a), counts(a.get('size'), 'size'))),
  ...fn('expand_as', 'input other', (t, a) => expand(t, input(a), sizesOf(t, tensorArgument(a.get('other'), 'other')))),
  ...fn('repeat tile', 'input repeats', (t, a) => { const sizes = counts(a.get('repeats'), 'repeats'); const x = input(a); const wide = sizes.length > x.shape.length ? reshape(t, x, [...new Array<number>(sizes.length - x.shape.length).fill(1), ...sizesOf(t, x)]) : x; return t.op('Tile', [wide, countsTensor(t, [...new Array<number>(Math.max(0, wide.shape.length - sizes.length)).fill(1), ...sizes])]) }),
  ...fn('cat concat concatenate', 'tensors dim=0', (t, a) => concat(t, itemsOf(a.get('tensors'), 'tensors'), intOf(a.get('dim'), 'dim'))),
  ...fn('stack', 'tensors dim=0', (t, a) => concat(t, itemsOf(a.get('tensors'), 'tensors').map((value) => unsqueeze(t, tensorArgument(value, 'a tensor of stack'), intOf(a.get('dim'), 'dim'))), intOf(a.get('dim'), 'dim'))),
  ...fn('hstack', 'tensors', (t, a) => { const values = itemsOf(a.get('tensors'), 'tensors'); return concat(t, values, tensorArgument(values[0], 'tensors').shape.length > 1 ? 1 : 0) }),
  ...fn('vstack', 'tensors', (t, a) => concat(t, itemsOf(a.get('tensors'), 'tensors'), 0)),
  ...fn('unsafe_split unsafe_split_with_sizes', 'input split_size dim=0', (t, a) => apart(split(t, input(a), a.get('split_size'), intOf(a.get('dim'), 'dim')))),
  ...fn('unsafe_chunk', 'input chunks dim=0', (t, a) => apart(chunk(t, input(a), intOf(a.get('chunks'), 'chunks'), intOf(a.get('dim'), 'dim')))),
  ...fn('split split_with_sizes', 'input split_size dim=0', (t, a) => split(t, input(a), a.get('split_size'), intOf(a.get('dim'), 'dim'))),
  ...fn('chunk', 'input chunks dim=0', (t, a) => chunk(t, input(a), intOf(a.get('chunks'), 'chunks'), intOf(a.get('dim'), 'dim'))),
  ...fn('unbind', 'input dim=0', (t, a) => tuple(unbind(t, input(a), intOf(a.get('dim'), 'dim')))),
  ...fn('select', 'input dim index', (t, a) => select(t, input(a), intOf(a.get('dim'), 'dim'), a.get('index') ?? null)),
  ...fn('slice', 'input dim=0 start=None end=None step=1', (t, a) => slice(t, input(a), intOf(a.get('dim'), 'dim'), a.get('start') ?? null, a.get('end') ?? null, a.get('step') ?? null)),
  ...fn('narrow', 'input dim start length', (t, a) => slice(t, input(a), intOf(a.get('dim'), 'dim'), a.get('start') ?? null, arithmetic(t, '+', a.get('start') ?? null, a.get('length') ?? null), null)),
  ...fn('index_select', 'input dim index', (t, a) => t.op('Gather', [input(a), cast(t, tensorArgument(a.get('index'), 'index'), 'int64')], { axis: intOf(a.get('dim'), 'dim') })),
  ...fn('gather', 'input dim index ...', (t, a) => t.op('GatherElements', [input(a), cast(t, tensorArgument(a.get('index'), 'index'), 'int64')], { axis: intOf(a.get('dim'), 'dim') })),
  ...fn('index', 'input indices', (t, a) => subscript(t, input(a), itemsOf(a.get('indices'), 'indices').map((item) => (item === null ? { kind: 'slice', start: null, stop: null, step: null } : item)))),
  ...fn('tril', 'input diagonal=0', (t, a) => t.op('Trilu', [input(a), scalar(t, intOf(a.get('diagonal'), 'diagonal'), 'int64')], { upper: 0 })),
  ...fn('triu', 'input diagonal=0', (t, a) => t.op('Trilu', [input(a), scalar(t, intOf(a.get('diagonal'), 'diagonal'), 'int64')], { upper: 1 })),
  ...fn('flip', 'input dims', (t, a) => flip(t, input(a), intsOf(a.get('dims'), 'dims'))),
  ...fn('roll', 'input shifts dims=None', (t, a) => { const dims = a.get('dims') ?? null; const x = input(a); return dims === null || (isKind(dims, 'list') && dims.items.length === 0) ? reshape(t, roll(t, reshape(t, x, [-1]), intsOf(a.get('shifts'), 'shifts'), [0]), sizesOf(t, x)) : roll(t, x, intsOf(a.get('shifts'), 'shifts'), intsOf(dims, 'dims')) }),
  ...fn('repeat_interleave', 'input repeats dim=None ...', (t, a) => repeatInterleave(t, input(a), intOf(a.get('repeats'), 'repeats'), a.get('dim'))),
  ...fn('meshgrid', 'tensors indexing=ij', (t, a) => meshgrid(t, itemsOf(a.get('tensors'), 'tensors'), a.get('indexing'))),
  ...fn('one_hot', 'input num_classes', (t, a) => oneHot(t, input(a), intOf(a.get('num_classes'), 'num_classes'))),
  ...fn('pad', 'input pad mode=constant value=None', (t, a) => { const value = a.get('value') ?? null; return pad(t, input(a), intsOf(a.get('pad'), 'pad'), String(a.get('mode')), value === null ? 0 : numberOf(value, 'value')) }),
  ...fn('constant_pad_nd', 'input pad value=0', (t, a) => pad(t, input(a), intsOf(a.get('pad'), 'pad'), 'constant', numberOf(a.get('value'), 'value'))),
  ...fn('reflection_pad1d reflection_pad2d reflection_pad3d', 'input pad', (t, a) => pad(t, input(a), intsOf(a.get('pad'), 'pad'), 'reflect', 0)),
  ...fn('replication_pad1d replication_pad2d replication_pad3d', 'input pad', (t, a) => pad(t, input(a), intsOf(a.get('pad'), 'pad'), 'replicate', 0)),
  ...fn('pixel_shuffle', 'input upscale_factor', (t, a) => pixelShuffle(t, input(a), intOf(a.get('upscale_factor'), 'upscale_factor'))),
  ...fn('pixel_unshuffle', 'input downscale_factor', (t, a) => pixelUnshuffle(t, input(a), intOf(a.get('downscale_factor'), 'downscale_factor'))),
  ...fn('channel_shuffle', 'input groups', (t, a) => { const x = input(a); const [n, c, ...rest] = sizesOf(t, x); const groups = intOf(a.get('groups'), 'groups'); const cut = reshape(t, x, [n, groups, countOf(arithmetic(t, '//', c, groups), 'channels'), ...rest]); return reshape(t, swapAxes(t, cut, 1, 2), [n, c, ...rest]) }),
  ...fn('embedding', 'weight indices ...', (t, a) => embedding(t, tensorArgument(a.get('weight'), 'weight'), tensorArgument(a.get('indices'), 'indices'))),

  ...fn('zeros empty', 'size dtype=None ...', (t, a) => filled(t, counts(a.get('size'), 'size'), 0, dtypeArgument(a.get('dtype')) ?? 'float32')),
  ...fn('ones', 'size dtype=None ...', (t, a) => filled(t, counts(a.get('size'), 'size'), 1, dtypeArgument(a.get('dtype')) ?? 'float32')),
  ...fn('full', 'size fill_value dtype=None ...', (t, a) => { const value = a.get('fill_value') ?? null; return filled(t, counts(a.get('size'), 'size'), numberOf(value, 'fill_value'), dtypeArgument(a.get('dtype')) ?? (typeof value === 'number' ? 'int64' : typeof value === 'boolean' ? 'bool' : 'float32')) }),
  ...like('zeros_like empty_like', 0), ...like('ones_like', 1), ...like('full_like', undefined),
  ...fn('new_zeros new_empty', 'input size dtype=None ...', (t, a) => filled(t, counts(a.get('size'), 'size'), 0, dtypeArgument(a.get('dtype')) ?? input(a).dtype)),
  ...fn('new_ones', 'input size dtype=None ...', (t, a) => filled(t, counts(a.get('size'), 'size'), 1, dtypeArgument(a.get('dtype')) ?? input(a).dtype)),
  ...fn('new_full', 'input size fill_value dtype=None ...', (t, a) => filled(t, counts(a.get('size'), 'size'), numberOf(a.get('fill_value'), 'fill_value'), dtypeArgument(a.get('dtype')) ?? input(a).dtype)),
  ...fn('eye', 'n m=None dtype=None ...', (t, a) => { const n = countOf(a.get('n'), 'n'); const m = a.get('m') ?? null; const dtype = dtypeArgument(a.get('dtype')) ?? 'float32'; return t.op('EyeLike', [filled(t, [n, m === null ? n : countOf(m, 'm')], 0, dtype)]) }),
  ...fn('arange', 'start end=None step=None dtype=None ...', (t, a) => arange(t, a)),
  ...fn('linspace', 'start end steps dtype=None ...', (t, a) => { const [from, end, steps] = [numberOf(a.get('start'), 'start'), numberOf(a.get('end'), 'end'), intOf(a.get('steps'), 'steps')]; t.charge(steps); return t.constant({ dtype: 'float32', shape: [steps], data: Float32Array.from({ length: steps }, (_, i) => (i === steps - 1 ? end : from + (i * (end - from)) / (steps - 1))) }, 'linspace') }),
  ...fn('tensor as_tensor scalar_tensor', 'data dtype=None ...', (t, a) => { const data = a.get('data') ?? null; const dtype = dtypeArgument(a.get('dtype')); return isKind(data, 'tensor') ? cast(t, data, dtype ?? data.dtype) : literal(t, data, dtype) }),
  ...fn('LongTensor', 'data', (t, a) => literal(t, a.get('data') ?? null, 'int64')),
  ...fn('FloatTensor Tensor', 'data', (t, a) => literal(t, a.get('data') ?? null, 'float32')),

  ...same('contiguous detach alias requires_grad cuda cpu data resolve_conj resolve_neg lift_fresh lift_fresh_copy numpy pin_memory dropout feature_dropout alpha_dropout feature_alpha_dropout native_dropout identity'),
  ...fn('clone', 'input ...', (_t, a) => ({ ...input(a), alias: { version: 0 }, seen: 0 })),
  ...casting('float', 'float32'), ...casting('double', 'float64'), ...casting('half', 'float16'), ...casting('bfloat16', 'bfloat16'), ...casting('long', 'int64'), ...casting('int', 'int32'), ...casting('short', 'int16'), ...casting('byte', 'uint8'), ...casting('char', 'int8'), ...casting('bool', 'bool'),
  ...fn('to type _to_copy', 'input a=None b=None c=None d=None e=None dtype=None device=None ...', (t, a) => to(t, input(a), [a.get('dtype'), a.get('a'), a.get('b')])),
  ...fn('type_as', 'input other', (t, a) => cast(t, input(a), tensorArgument(a.get('other'), 'other').dtype)),
  ...fn('size shape', 'input dim=None', (t, a) => { const x = input(a); const dim = a.get('dim') ?? null; return dim === null ? tuple(sizesOf(t, x)) : sizeOf(t, x, intOf(dim, 'dim')) }),
  ...fn('dim ndim ndimension', 'input', (_t, a) => input(a).shape.length),
  ...fn('numel nelement', 'input', (t, a) => sizesOf(t, input(a)).reduce((product: Value, size) => arithmetic(t, '*', product, size), 1)),
  ...fn('is_floating_point', 'input', (_t, a) => isFloat(input(a).dtype)),
  ...fn('is_complex is_nested is_sparse is_cuda is_quantized is_mkldnn is_autocast_enabled is_autocast_cpu_enabled', 'input=None', () => false),
  ...fn('is_tensor', 'input', (_t, a) => isKind(a.get('input'), 'tensor')),
]

function moveAxes(t: Tracer, x: TensorValue, from: readonly number[], to: readonly number[]): TensorValue {
  const rank = x.shape.length
  const [sources, targets] = [from.map((axis) => axisOf(axis, rank, 'movedim')), to.map((axis) => axisOf(axis, rank, 'movedim'))]
  const rest = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !sources.includes(axis))
  return transpose(t, x, Array.from({ length: rank }, (_, axis) => (targets.includes(axis) ? sources[targets.indexOf(axis)] : (rest.shift() ?? 0))))
}

