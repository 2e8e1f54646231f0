// Target statistics -> the constants of mle.CtrValues. The library computes (count + prior) / (total + denominator), shifted
// and scaled, in float32; every value that can come out is computed here once.
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import { catboostError, type CbCtr, type CbElement, type CbModel, type CbTable } from './model.ts'

const fround = (value: number): number => Math.fround(value)

/** Adds the columns of all target statistics of a model, [rows, ctrs] float32; `hashes` int32 [rows, categories]. */
export function addCtrs(builder: GraphBuilder, model: CbModel, hashes: ValueName, x: ValueName | undefined): ValueName {
  const tables = new Map<string, { readonly table: CbTable; readonly index: number; readonly order: Int32Array }>()
  const byKey = new Map(model.tables.map((table) => [keyOf(table), table]))
  const columns = model.ctrs.map((ctr, i) => {
    const key = keyOf(ctr)
    let entry = tables.get(key)
    if (entry === undefined) {
      const table = byKey.get(key)
      if (table === undefined) throw catboostError('CATBOOST_CTR', `ctrs[${i}] of type ${ctr.type} has no table in ctr_data`)
      entry = { table, index: tables.size, order: orderOf(table) }
      tables.set(key, entry)
    }
    return { ctr, entry }
  })

  const elements: number[] = []
  const elementStarts = [0]
  const keyStarts = [0]
  const trueForNan = new Set(model.floatFeatures.filter(({ nan }) => nan === 'AsTrue').map(({ index }) => index))
  for (const { table, order } of tables.values()) {
    for (const element of table.elements) elements.push(...elementOf(element, trueForNan))
    elementStarts.push(elements.length / 3)
    keyStarts.push(keyStarts[keyStarts.length - 1] + order.length)
  }
  const keys = new Uint32Array(2 * keyStarts[keyStarts.length - 1])
  let at = 0
  for (const { table, order } of tables.values()) {
    for (const entry of order) {
      keys[at++] = table.hashes[2 * entry]
      keys[at++] = table.hashes[2 * entry + 1]
    }
  }
  const values = new Float32Array(columns.reduce((total, { entry }) => total + entry.order.length + 1, 0))
  let next = 0
  columns.forEach(({ ctr, entry: { table, order } }, i) => {
    const value = valueOf(ctr, table, i)
    for (const entry of order) values[next++] = value(entry)
    values[next++] = value(undefined)
  })
  const uint32 = (data: readonly number[]): { dtype: 'uint32'; shape: number[]; data: Uint32Array } => ({ dtype: 'uint32', shape: [data.length], data: Uint32Array.from(data) })
  return builder.add('mle.CtrValues', [
    hashes,
    x ?? '',
    builder.constant({ dtype: 'float64', shape: [elements.length / 3, 3], data: Float64Array.from(elements) }, 'ctrElements'),
    builder.constant(uint32(elementStarts), 'ctrElementStarts'),
    builder.constant({ dtype: 'uint32', shape: [keys.length / 2, 2], data: keys }, 'ctrKeys'),
    builder.constant(uint32(keyStarts), 'ctrKeyStarts'),
    builder.constant(uint32(columns.map(({ entry }) => entry.index)), 'ctrColumns'),
    builder.constant({ dtype: 'float32', shape: [values.length], data: values }, 'ctrValues'),
  ])
}

function keyOf({ type, elements }: Pick<CbTable, 'type' | 'elements'>): string {
  const parts = elements.map((element) => (element.kind === 'category' ? `c${element.feature}` : element.kind === 'float' ? `f${element.feature}>${element.border}` : `o${element.feature}=${element.value}`))
  return `${type} ${parts.join(' ')}`
}

/**
 * Entries by ascending hash; of entries with one hash the last, which overwrites the others in the library too. The JSON
 * export lists the mark of an empty bucket as if it were a hash; it is left out.
 */
function orderOf({ hashes }: CbTable): Int32Array {
  const compare = (a: number, b: number): number => hashes[2 * a + 1] - hashes[2 * b + 1] || hashes[2 * a] - hashes[2 * b]
  const order = Int32Array.from({ length: hashes.length / 2 }, (_, i) => i).sort((a, b) => compare(a, b) || a - b)
  const isMark = (entry: number): boolean => hashes[2 * entry] === 0xffffffff && hashes[2 * entry + 1] === 0xffffffff
  return order.filter((entry, i) => !isMark(entry) && (i + 1 === order.length || compare(entry, order[i + 1]) !== 0))
}

function elementOf(element: CbElement, trueForNan: ReadonlySet<number>): [number, number, number] {
  switch (element.kind) {
    case 'category':
      return [0, element.feature, 0]
    case 'oneHot':
      return [3, element.feature, element.value]
    case 'float':
      return [trueForNan.has(element.feature) ? 2 : 1, element.feature, element.border]
  }
}

/** The statistic of a table's entry, or of values that the table does not have. */
function valueOf(ctr: CbCtr, table: CbTable, index: number): (entry: number | undefined) => number {
  const { counts, stride, denominator } = table
  const numerator = fround(ctr.priorNumerator)
  const priorTotal = fround(ctr.priorDenominator)
  const calc = (count: number, total: number): number => {
    const ratio = fround(fround(fround(count) + numerator) / fround(fround(total) + priorTotal))
    return fround(fround(ratio + fround(ctr.shift)) * fround(ctr.scale))
  }
  const need = (least: number): void => {
    if (stride < least) throw catboostError('CATBOOST_CTR', `ctrs[${index}] of type ${ctr.type} reads ${least} counts of each entry, but its table has ${stride}`)
  }
  switch (ctr.type) {
    case 'Counter':
    case 'FeatureFreq':
      need(1)
      return (entry) => calc(entry === undefined ? 0 : counts[entry * stride], denominator)
    case 'BinarizedTargetMeanValue':
    case 'FloatTargetMeanValue':
      need(2)
      return (entry) => (entry === undefined ? calc(0, 0) : calc(counts[entry * stride], counts[entry * stride + 1]))
    case 'Buckets':
    case 'Borders': {
      need(ctr.type === 'Buckets' ? ctr.targetBorder + 1 : Math.max(2, ctr.targetBorder + 1))
      return (entry) => {
        if (entry === undefined) return calc(0, 0)
        const history = counts.subarray(entry * stride, (entry + 1) * stride)
        const total = history.reduce((sum, count) => sum + count, 0)
        if (ctr.type === 'Buckets') return calc(history[ctr.targetBorder], total)
        // With two classes the border is not looked at.
        const first = stride > 2 ? ctr.targetBorder + 1 : 1
        return calc(history.subarray(first).reduce((sum, count) => sum + count, 0), total)
      }
    }
  }
}
