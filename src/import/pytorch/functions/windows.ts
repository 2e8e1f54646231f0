// Functions over windows of images and bags of words: im2col, col2im, embedding_bag.
import { cast, int64s, optionalTensor, reshape, scalar, sizeOf, tensorArgument, type Tracer } from '../trace/tracer.ts'
import { flagOf, intOf, intsOf, tuple, type TensorValue, type Value } from '../trace/values.ts'
import { pytorchError } from '../error.ts'
import { fn, type Arguments, type TorchFunction } from './define.ts'
import { reduce } from './reductions.ts'
import { concat, embedding, slice, unsqueeze } from './shapes.ts'

const input = (a: Arguments): TensorValue => tensorArgument(a.get('input') ?? null, 'input')

interface Window {
  readonly kernel: number[]
  readonly dilations: number[]
  readonly pads: number[]
  readonly strides: number[]
}

function windowOf(a: Arguments): Window {
  const [kernel, dilations, padding, strides] = ['kernel_size', 'dilation', 'padding', 'stride'].map((name) => intsOf(a.get(name), name, 2))
  return { kernel, dilations, pads: [...padding, ...padding], strides }
}

/** Windows of [N, C, rows, columns] as columns [N, C kernel, windows]: a convolution of each channel with one filter for each place of the kernel. */
function unfold(t: Tracer, a: Arguments): TensorValue {
  const x = input(a)
  const { kernel, ...attributes } = windowOf(a)
  const channels = x.shape.length === 4 ? x.shape[1] : undefined
  if (typeof channels !== 'number') throw pytorchError('PYTORCH_ARGUMENT', 'unfold needs images [batch, channels, rows, columns] of a known number of channels; give the shape of the inputs')
  const places = kernel[0] * kernel[1]
  const data = Float32Array.from({ length: channels * places * places }, (_, i) => (Math.floor(i / places) % places === i % places ? 1 : 0))
  const filters = cast(t, t.constant({ dtype: 'float32', shape: [channels * places, 1, ...kernel], data }, 'places'), x.dtype)
  const y = t.op('Conv', [x, filters], { group: channels, kernel_shape: kernel, ...attributes })
  return reshape(t, y, [sizeOf(t, x, 0), channels * places, -1])
}

function fold(t: Tracer, a: Arguments): TensorValue {
  const { kernel, ...attributes } = windowOf(a)
  return t.op('Col2Im', [input(a), int64s(t, intsOf(a.get('output_size'), 'output_size', 2)), int64s(t, kernel)], { ...attributes })
}

/** Sums (0), means (1) or maxima (2) of the rows of each bag: which words are in which bag is a matrix [bags, words]. */
function embeddingBag(t: Tracer, weight: TensorValue, words: TensorValue, offsets: TensorValue, mode: number, weights: TensorValue | undefined, lastOffset: boolean, padding: number): TensorValue {
  const rows = embedding(t, weight, words)
  const ids = cast(t, words, 'int64')
  const count = t.op('Shape', [ids])
  const place = t.op('Range', [scalar(t, 0, 'int64'), t.op('Squeeze', [count]), scalar(t, 1, 'int64')])
  const starts = cast(t, offsets, 'int64')
  const [first, next] = lastOffset ? [slice(t, starts, 0, null, -1, null), slice(t, starts, 0, 1, null, null)] : [starts, concat(t, [slice(t, starts, 0, 1, null, null), count], 0)]
  let inside = t.op('And', [t.op('GreaterOrEqual', [place, unsqueeze(t, first, 1)]), t.op('Less', [place, unsqueeze(t, next, 1)])])
  if (padding >= 0) inside = t.op('And', [inside, t.op('Not', [t.op('Equal', [ids, scalar(t, padding, 'int64')])])])
  const member = cast(t, inside, rows.dtype)
  if (mode === 2) {
    const held = t.op('Where', [unsqueeze(t, inside, 2), unsqueeze(t, rows, 0), scalar(t, -Infinity, rows.dtype)])
    const most = reduce(t, 'ReduceMax', held, [1], false)
    return t.op('Where', [t.op('IsInf', [most]), scalar(t, 0, rows.dtype), most])
  }
  const own = weights === undefined ? member : t.op('Mul', [member, weights])
  const sums = t.op('MatMul', [own, rows])
  return mode === 0 ? sums : t.op('Div', [sums, t.op('Max', [reduce(t, 'ReduceSum', member, [1], true), scalar(t, 1, rows.dtype)])])
}

/** The word that counts for nothing; -1 without one. */
function skippedOf(a: Arguments): number {
  const padding = a.get('padding_idx') ?? null
  return padding === null ? -1 : intOf(padding, 'padding_idx')
}

const MODES = ['sum', 'mean', 'max']

/** Bags are rows of words, or words from one offset to the next. */
function functionalBag(t: Tracer, a: Arguments): TensorValue {
  const [words, weight] = [input(a), tensorArgument(a.get('weight'), 'weight')]
  const mode = MODES.indexOf(String(a.get('mode')))
  if (mode < 0) throw pytorchError('PYTORCH_ARGUMENT', `embedding_bag has mode ${String(a.get('mode'))}, expected sum, mean or max`)
  const weights = optionalTensor(a.get('per_sample_weights') ?? null, 'per_sample_weights')
  if (words.shape.length === 1) return embeddingBag(t, weight, words, tensorArgument(a.get('offsets'), 'offsets'), mode, weights, flagOf(a.get('include_last_offset'), 'include_last_offset'), skippedOf(a))
  const flat = reshape(t, words, [-1])
  const step = t.op('Squeeze', [t.op('Shape', [words], { start: 1, end: 2 })])
  const bags = t.op('Squeeze', [t.op('Shape', [words], { start: 0, end: 1 })])
  const starts = t.op('Mul', [t.op('Range', [scalar(t, 0, 'int64'), bags, scalar(t, 1, 'int64')]), step])
  return embeddingBag(t, weight, flat, starts, mode, weights === undefined ? undefined : reshape(t, weights, [-1]), false, skippedOf(a))
}

const WINDOW = 'input kernel_size dilation=1 padding=0 stride=1'

export const windowFunctions: readonly TorchFunction[] = [
  ...fn('im2col', WINDOW, unfold),
  ...fn('col2im', 'input output_size kernel_size dilation=1 padding=0 stride=1', fold),
  ...fn('embedding_bag', 'weight indices offsets scale_grad_by_freq=False mode=0 sparse=False per_sample_weights=None include_last_offset=False padding_idx=-1', (t, a): Value => {
    const y = embeddingBag(t, tensorArgument(a.get('weight'), 'weight'), tensorArgument(a.get('indices'), 'indices'), tensorArgument(a.get('offsets'), 'offsets'), intOf(a.get('mode'), 'mode'),
      optionalTensor(a.get('per_sample_weights') ?? null, 'per_sample_weights'), flagOf(a.get('include_last_offset'), 'include_last_offset'), skippedOf(a))
    const unused: Value = { kind: 'opaque', what: 'the bags of embedding_bag' }
    return tuple([y, unused, unused, unused])
  }),
]

/** As torch.nn.functional orders their arguments. */
export const functionalWindows: readonly TorchFunction[] = [
  ...fn('unfold', WINDOW, unfold),
  ...fn('fold', 'input output_size kernel_size dilation=1 padding=0 stride=1', fold),
  ...fn('embedding_bag', 'input weight offsets=None max_norm=None norm_type=2 scale_grad_by_freq=False mode=mean sparse=False per_sample_weights=None include_last_offset=False padding_idx=None', functionalBag),
]
