// Truth and items of values, as Python has them.
import { pytorchError } from '../error.ts'
import { callFunction } from '../functions/index.ts'
import { scalarOf, type Tracer } from './tracer.ts'
import { describeValue, intOf, isKind, UNKNOWN, type SliceValue, type UnknownValue, type Value } from './values.ts'

/** Python's truth; unknown where data or sizes decide. */
export function truth(value: Value): boolean | UnknownValue {
  if (value === null || value === false || value === 0 || value === '') return false
  if (typeof value !== 'object') return true
  switch (value.kind) {
    case 'float':
      return value.value !== 0
    case 'list':
    case 'tuple':
      return value.items.length > 0
    case 'dict':
      return value.entries.size > 0
    case 'unknown':
    case 'symbol':
      return UNKNOWN
    case 'tensor': {
      const known = scalarOf(value)
      if (known !== undefined) return truth(known)
      return UNKNOWN
    }
    default:
      return true
  }
}

/** The items of what a loop may run over. */
export function iterate(t: Tracer, value: Value): readonly Value[] {
  if (isKind(value, 'list') || isKind(value, 'tuple')) {
    t.charge(value.items.length)
    return value.items
  }
  if (isKind(value, 'dict')) return [...value.entries.keys()]
  if (isKind(value, 'module')) return [...value.attributes.values()].filter((item) => isKind(item, 'module'))
  if (isKind(value, 'tensor')) {
    const parts = callFunction(t, 'unbind', [value], new Map())
    return isKind(parts, 'tuple') ? parts.items : []
  }
  throw pytorchError('PYTORCH_ARGUMENT', `${describeValue(value)} cannot be run over`)
}

export function sliced(items: readonly Value[], { start, stop, step }: SliceValue): Value[] {
  const by = step === null ? 1 : intOf(step, 'step')
  const from = start === null ? undefined : intOf(start, 'start')
  const to = stop === null ? undefined : intOf(stop, 'end')
  if (by === -1 && from === undefined && to === undefined) return [...items].reverse()
  if (by < 1) throw pytorchError('PYTORCH_ARGUMENT', `a slice with step ${by} is not understood`)
  return items.slice(from, to).filter((_, at) => at % by === 0)
}
