// Results as JSON: nested lists by shape; NaN and the infinities, which JSON has no words for, as the strings "NaN",
// "Infinity" and "-Infinity"; 64-bit integers in full; maps as objects.
import type { OutputValue } from '../runs.ts'
import { bitsReader } from '../tensor/minifloat.ts'
import { isTensor, type Tensor } from '../tensor/tensor.ts'

/** The JSON text of a result, one line per row. */
export function jsonText(value: OutputValue): string {
  return `${valueText(value)}\n`
}

function valueText(value: OutputValue): string {
  if (value === null) return 'null'
  if (isTensor(value)) return tensorText(value)
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${JSON.stringify(String(key))}: ${valueText(item)}`).join(', ')}}`
  return Array.isArray(value) ? `[${value.map(valueText).join(',\n ')}]` : 'null'
}

function tensorText(tensor: Tensor): string {
  const { shape } = tensor
  const element = elementText(tensor)
  let at = 0
  const nest = (axis: number): string => {
    if (axis === shape.length) return element(at++)
    const items = Array.from({ length: shape[axis] }, () => nest(axis + 1))
    return `[${items.join(axis === 0 && shape.length > 1 ? ',\n ' : ', ')}]`
  }
  return nest(0)
}

/** Text of element i, by dtype. */
export function elementText({ dtype, data }: Tensor): (index: number) => string {
  if (dtype === 'bool') return (i) => (data[i] ? 'true' : 'false')
  const float = bitsReader(dtype)
  return (i) => {
    const value = data[i]
    if (value === null || typeof value === 'string') return JSON.stringify(value)
    if (typeof value === 'bigint') return String(value)
    return numberText(float === undefined ? value : float(value))
  }
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? '-0.0' : String(value)
}
