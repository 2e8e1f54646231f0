// The layer SelfAttention of architecture files: projections by name, as the blocks of most transformers have them.
import { callFunction } from '../functions/index.ts'
import { linear } from '../functions/elementwise.ts'
import { reshapeHeads } from '../functions/attention.ts'
import { architectureError, weightValue } from '../layers/index.ts'
import { tensorArgument } from '../trace/tracer.ts'
import { isKind, type TensorValue, type Value } from '../trace/values.ts'
import type { World } from './modules.ts'

const KNOWN = ['heads', 'causal', 'qkv', 'query', 'key', 'value', 'out']

/**
 * Attention of x [batch, length, size] to itself. One linear layer gives queries, keys and values side by side (`qkv`), or three give one each. A second
 * input is a mask, which is added to the scores.
 */
export function scaledSelfAttention(world: World, path: string, from: readonly Value[], settings: ReadonlyMap<string, Value>, where: string): Value {
  const { t } = world
  for (const key of settings.keys()) if (!KNOWN.includes(key)) throw architectureError('ARCHITECTURE_SETTING', `${where} (SelfAttention) has no setting ${JSON.stringify(key)}; known are ${KNOWN.join(', ')}`, where)
  const heads = settings.get('heads')
  if (typeof heads !== 'number' || heads < 1) throw architectureError('ARCHITECTURE_SETTING', `${where} (SelfAttention) needs the number of heads`, where)
  const x = tensorArgument(from[0], where)
  const project = (key: string, input: TensorValue): TensorValue => {
    const name = settings.get(key)
    if (typeof name !== 'string') throw architectureError('ARCHITECTURE_SETTING', `${where} (SelfAttention) needs the name of its layer ${JSON.stringify(key)}`, where)
    const own = path === '' ? name : `${path}.${name}`
    const weight = weightValue(world, `${own}.weight`)
    if (weight === undefined) throw architectureError('ARCHITECTURE_MISSING', `${where} (SelfAttention): the file has no tensor ${JSON.stringify(`${world.weights.prefix}${own}.weight`)}`, where)
    return linear(t, input, weight, weightValue(world, `${own}.bias`))
  }
  const parts = callFunctionParts(world, settings.has('qkv') ? project('qkv', x) : undefined) ?? ['query', 'key', 'value'].map((key) => project(key, x))
  const [q, k, v] = parts.map((part) => reshapeHeads(t, part, heads))
  const mask = from[1] ?? null
  const y = callFunction(t, 'scaled_dot_product_attention', [q, k, v], new Map<string, Value>([['attn_mask', mask], ['is_causal', settings.get('causal') === true]]))
  const joined = callFunction(t, 'flatten', [callFunction(t, 'transpose', [y, 1, 2], new Map()), 2], new Map())
  return settings.has('out') ? project('out', tensorArgument(joined, where)) : joined
}

function callFunctionParts({ t }: World, whole: TensorValue | undefined): TensorValue[] | undefined {
  if (whole === undefined) return undefined
  const parts = callFunction(t, 'chunk', [whole, 3, -1], new Map())
  return isKind(parts, 'tuple') ? parts.items.map((part) => tensorArgument(part, 'qkv')) : undefined
}
