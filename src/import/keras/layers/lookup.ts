// Lookups of categories in a vocabulary that stands in the configuration.
import type { Tensor } from '../../../tensor/index.ts'
import { cast, floats, reduce, squeeze } from '../../network/tensors.ts'
import { flag, kerasError, nameOf, plainValue, text, unsupported, whole, word } from '../config.ts'
import { unmasked, type LayerFactory } from '../layer.ts'

/** Index 0 is the mask's where there is one, then come unknown categories, then the vocabulary. */
const lookup = (isText: boolean): LayerFactory => (config, weights) => {
  const name = nameOf(config)
  const where = `layer ${JSON.stringify(name)}`
  // A vocabulary that adapt() found lies in a file of its own.
  const list = plainValue(config.get('vocabulary') ?? undefined) ?? weights.asset?.('vocabulary.txt')?.split('\n').map((line) => (isText ? line : Number(line)))
  if (!Array.isArray(list)) throw unsupported(`${where}, a lookup whose vocabulary is neither in its configuration nor beside it (pass vocabulary= when the layer is made, or save as .keras)`)
  if (!list.every((one) => typeof one === (isText ? 'string' : 'number'))) throw kerasError('KERAS_CONFIG', `${where}: vocabulary is not a list of ${isText ? 'texts' : 'numbers'}`)
  const unknowns = whole(config, 'num_oov_indices', 1)
  const mode = word(config, 'output_mode', ['int', 'one_hot', 'multi_hot', 'count', 'tf_idf', 'binary'], 'int')
  if (unknowns > 1 || mode === 'tf_idf' || flag(config, 'invert', false)) throw unsupported(`${where}, a lookup with ${unknowns} indices for unknown categories, output mode ${mode}${flag(config, 'invert', false) ? ', inverted' : ''}`)
  if (text(config, 'encoding', 'utf-8') !== 'utf-8') throw unsupported(`${where}, a vocabulary in ${text(config, 'encoding', 'utf-8')}`)
  const mask = config.get('mask_token') ?? undefined
  const unknown = config.get('oov_token') ?? (isText ? '[UNK]' : -1)
  // A vocabulary may begin with the special ones.
  const words = list.filter((one, i) => !(i < 2 && ((mask !== undefined && one === mask) || one === unknown)))
  const hasMask = mode === 'int' && mask !== undefined
  const offset = (hasMask ? 1 : 0) + unknowns
  const size = words.length + offset
  // Outside of integer output, masked places are dropped: an index behind the last gives a row of zeros.
  const keys = mask === undefined ? words : [mask, ...words]
  const codes = [...(mask === undefined ? [] : [hasMask ? 0 : size]), ...words.map((_, i) => i + offset)]
  const categories: Tensor = isText ? { dtype: 'string', shape: [keys.length], data: keys.map(String) } : floats(keys.map(Number), [keys.length], 'float64')
  return unmasked((net, value) => {
    const x = isText ? value : cast(net, value, 'float64')
    const places = net.emit('mle.CategoryMap', [x, net.constant(categories, 'vocabulary'), net.constant(floats(codes, [codes.length], 'float64'), 'codes')], unknowns === 0 ? {} : { unknown: 'code', unknownCode: hasMask ? 1 : 0 })
    const ids = cast(net, places, 'int64')
    if (mode === 'int') return ids
    const last = ids.shape.length - 1
    const flat = mode === 'one_hot' && last > 0 && ids.shape[last] === 1 ? squeeze(net, ids, [last]) : ids
    const depth = net.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(size)) }, 'depth')
    const hot = net.emit('OneHot', [flat, depth, net.constant(floats([0, 1], [2], net.dtype), 'values')], { axis: -1 })
    return mode === 'one_hot' ? hot : reduce(net, mode === 'count' ? 'ReduceSum' : 'ReduceMax', hot, [last])
  })
}

export const lookupLayers: readonly (readonly [string, LayerFactory])[] = [['StringLookup', lookup(true)], ['IntegerLookup', lookup(false)]]

