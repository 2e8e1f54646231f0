// Categories and missing strings.
import { MleError } from '../../error.ts'
import { float, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { float64Of } from './nest.ts'

type Key = string | number

/** Positions of categories; made once where they are constant. NaN is never a key: it is a missing value. */
function tableOf(categories: View): Map<Key, number> {
  const table = new Map<Key, number>()
  for (let i = 0; i < categories.size; i++) {
    const key = categories.data[i]
    if ((typeof key === 'string' || typeof key === 'number') && !table.has(key)) table.set(key, i)
  }
  return table
}

// x [any] string or f64, categories [n] alike, codes [n] f64; out [any] f64
function makeCategoryMap({ attributes, constants }: KernelContext): Kernel {
  const codesMissing = text(attributes, 'missing', 'unknown') === 'code'
  const codesUnknown = text(attributes, 'unknown', 'error') === 'code'
  const missingCode = float(attributes, 'missingCode', NaN)
  const unknownCode = float(attributes, 'unknownCode', NaN)
  const fixed = constants[1] === undefined ? undefined : tableOf(constants[1])
  return ([x, categories, codeView], [outView]) => {
    if (x === undefined || categories === undefined) return
    const table = fixed ?? tableOf(categories)
    const codes = float64Of(codeView)
    const out = float64Of(outView)
    for (let i = 0; i < x.size; i++) {
      const value = x.data[i]
      if (codesMissing && (value === null || value !== value)) {
        out[i] = missingCode
        continue
      }
      const at = value === null ? undefined : table.get(value as Key)
      if (at !== undefined) out[i] = codes[at]
      else if (codesUnknown) out[i] = unknownCode
      else throw unknownCategory(value, i)
    }
  }
}

function unknownCategory(value: unknown, row: number): MleError {
  const shown = value === null || value !== value ? 'missing' : JSON.stringify(value)
  return new MleError('OP_CATEGORY', `row ${row} is ${shown}, a category that the model does not know`, { actual: shown })
}

const isAbsent = (value: unknown, token: string | undefined): boolean => value === null || (token !== undefined && value === token)

function tokenOf({ attributes }: KernelContext): string | undefined {
  return attributes.has('token') ? text(attributes, 'token', '') : undefined
}

// x [any] string; out [any] bool
function makeIsMissing(context: KernelContext): Kernel {
  const token = tokenOf(context)
  return ([x], [out]) => {
    if (x === undefined || out === undefined) return
    const flags = out.data as Uint8Array
    for (let i = 0; i < x.size; i++) flags[i] = isAbsent(x.data[i], token) ? 1 : 0
  }
}

// x [any] string; out [any] string
function makeFillMissing(context: KernelContext): Kernel {
  const token = tokenOf(context)
  const fill = text(context.attributes, 'fill', '')
  return ([x], [out]) => {
    if (x === undefined || out === undefined) return
    const strings = out.data as (string | null)[]
    for (let i = 0; i < x.size; i++) strings[i] = isAbsent(x.data[i], token) ? fill : (x.data[i] as string)
  }
}

export const categoryKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.CategoryMap', { make: makeCategoryMap }],
  ['mle.IsMissing', { make: makeIsMissing }],
  ['mle.FillMissing', { make: makeFillMissing }],
]
