// Categories of the training table, which models keep from 3.1 on: the library recodes tables by them before it predicts.
import type { Column } from '../../graph/graph.ts'
import { numbers, optionalChild, type Numbers } from './fields.ts'
import { xgboostError, type XgbModel } from './model.ts'
import type { Document } from './ubjson.ts'

/** Categories by feature; features without any, numeric ones, are left out. */
export function tableCategories(learner: Document): XgbModel['categories'] {
  const booster = optionalChild(learner, 'gradient_booster')
  const model = optionalChild(optionalChild(booster, 'gbtree') ?? booster, 'model')
  const encodings = optionalChild(optionalChild(model, 'cats') ?? optionalChild(learner, 'cats'), 'enc')
  const categories = new Map<number, Pick<Column, 'categories'>>()
  if (!Array.isArray(encodings)) return categories
  encodings.forEach((encoding, feature) => {
    const where = `cats.enc[${feature}]`
    if (optionalChild(encoding, 'values') === undefined) return
    const values = numbers(encoding, 'values', where)
    if (values.length === 0) return
    categories.set(feature, { categories: optionalChild(encoding, 'offsets') === undefined ? Array.from(values) : stringsOf(values, numbers(encoding, 'offsets', where), where) })
  })
  return categories
}

/** Strings as an Arrow column holds them: their UTF-8 bytes one after another, and where each begins. */
function stringsOf(bytes: Numbers, offsets: Numbers, where: string): string[] {
  const utf8 = Uint8Array.from(bytes)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return Array.from({ length: Math.max(0, offsets.length - 1) }, (_, i) => {
    const [start, end] = [offsets[i], offsets[i + 1]]
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start && end <= utf8.length)) throw xgboostError('XGBOOST_FIELD', `${where}.offsets[${i}] leads outside values`)
    return decoder.decode(utf8.subarray(start, end))
  })
}
