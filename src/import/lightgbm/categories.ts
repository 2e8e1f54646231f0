// pandas_categorical of a LightGBM model: the categories of the training table's category columns, in the order of columns.
import { MleError } from '../../error.ts'
import type { Column } from '../../graph/graph.ts'
import { parseJson, type Json } from '../json.ts'
import type { LgbModel } from './text.ts'

/** Categories by feature; in words why they cannot be told, where that is so. */
export interface TableCategories {
  readonly byFeature: ReadonlyMap<number, Pick<Column, 'categories' | 'unseen'>>
  readonly note?: string
}

const NONE: TableCategories['byFeature'] = /* @__PURE__ */ new Map()

/**
 * The lists have no names: they belong to the features that training took as categories, if there are as many of those. Columns
 * of ordered categories count as numbers, and single-valued columns say nothing, so the match can fail.
 */
export function tableCategories({ pandasCategorical, featureInfos }: LgbModel): TableCategories {
  if (pandasCategorical === undefined) return { byFeature: NONE }
  const lists = parsedLists(pandasCategorical)
  if (lists === undefined) return { byFeature: NONE, note: 'pandas_categorical cannot be read: pass the positions of categories, not their names' }
  const possible = featureInfos.flatMap((info, feature) => (info.startsWith('[') ? [] : [feature]))
  const sure = possible.filter((feature) => featureInfos[feature] !== 'none')
  const features = sure.length === lists.length ? sure : possible.length === lists.length ? possible : undefined
  if (features === undefined) return { byFeature: NONE, note: `the file has categories of ${lists.length} columns, but does not say of which: pass the positions of categories, not their names` }
  return { byFeature: new Map(features.map((feature, i) => [feature, { categories: lists[i], unseen: 'missing' }])) }
}

/** Booleans count as 0 and 1, as they compare in Python. */
function parsedLists(text: string): (string | number)[][] | undefined {
  let value: Json
  try {
    value = parseJson(new TextEncoder().encode(text), 'pandas_categorical')
  } catch (error) {
    if (error instanceof MleError) return undefined
    throw error
  }
  if (!Array.isArray(value) || !value.every((list) => Array.isArray(list) && list.every(isCategory))) return undefined
  return value.map((list) => (list as Json[]).map((item) => (typeof item === 'string' ? item : Number(item))))
}

function isCategory(item: Json): boolean {
  return typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean'
}
