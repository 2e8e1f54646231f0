// The constants of mle.CtrValues, checked once, so that its kernel needs no bound tests.
import { MleError } from '../../error.ts'
import type { KernelContext, View } from '../kernel.ts'
import { isTensorType } from '../types.ts'

export interface CtrTables {
  readonly tableCount: number
  /** [tables + 1] */
  readonly elementStarts: Uint32Array
  readonly keyStarts: Uint32Array
  /** [elements] */
  readonly kinds: Uint8Array
  readonly features: Uint32Array
  /** [columns]: table, and where its values start. */
  readonly columns: Uint32Array
  readonly valueStarts: Uint32Array
}

const KINDS = 4

/**
 * Reads and checks the constants of a mle.CtrValues node.
 *
 * @throws MleError CTR_CONSTANT if one is computed by the graph, CTR_STARTS, CTR_ELEMENT, CTR_KEYS, CTR_COLUMN, CTR_VALUES for what does not fit together
 */
export function ctrTablesOf(context: KernelContext): CtrTables {
  const elements = constantAt(context, 2, 'elements').data as Float64Array
  const elementStarts = (constantAt(context, 3, 'elementStarts').data as Uint32Array).slice()
  const keys = constantAt(context, 4, 'keys').data as Uint32Array
  const keyStarts = (constantAt(context, 5, 'keyStarts').data as Uint32Array).slice()
  const columns = (constantAt(context, 6, 'columns').data as Uint32Array).slice()
  const values = constantAt(context, 7, 'values')
  const tableCount = elementStarts.length - 1
  checkStarts(elementStarts, elements.length / 3, 'elementStarts')
  checkStarts(keyStarts, keys.length / 2, 'keyStarts')

  const categories = widthOf(context, 0)
  const width = context.inputTypes[1] === undefined ? 0 : widthOf(context, 1)
  const kinds = new Uint8Array(elements.length / 3)
  const features = new Uint32Array(kinds.length)
  for (let e = 0; e < kinds.length; e++) {
    const kind = elements[3 * e]
    const feature = elements[3 * e + 1]
    const count = kind === 0 || kind === 3 ? categories : width
    if (!Number.isInteger(kind) || kind < 0 || kind >= KINDS || !Number.isInteger(feature) || feature < 0 || feature >= count) {
      throw new MleError('CTR_ELEMENT', `element ${e} has kind ${kind} and feature ${feature}, expected a kind below ${KINDS} and a feature below ${count}`, { expected: count, actual: feature })
    }
    kinds[e] = kind
    features[e] = feature
  }
  for (let t = 0; t < tableCount; t++) {
    for (let k = keyStarts[t] + 1; k < keyStarts[t + 1]; k++) {
      if ((keys[2 * k + 1] - keys[2 * k - 1] || keys[2 * k] - keys[2 * k - 2]) <= 0) throw new MleError('CTR_KEYS', `keys of table ${t} do not ascend at key ${k}`, { actual: k })
    }
  }
  const valueStarts = new Uint32Array(columns.length)
  let next = 0
  for (let c = 0; c < columns.length; c++) {
    if (columns[c] >= tableCount) throw new MleError('CTR_COLUMN', `column ${c} reads table ${columns[c]}, but there are ${tableCount}`, { expected: tableCount, actual: columns[c] })
    valueStarts[c] = next
    next += keyStarts[columns[c] + 1] - keyStarts[columns[c]] + 1
  }
  if (next !== values.size) throw new MleError('CTR_VALUES', `there are ${values.size} values, expected ${next}: one for every key of each column's table and one for all others`, { expected: next, actual: values.size })
  return { tableCount, elementStarts, keyStarts, kinds, features, columns, valueStarts }
}

/** Starts ascend from 0 to the number of what they cut up. */
function checkStarts(starts: Uint32Array, count: number, name: string): void {
  const isCut = starts.length > 0 && starts[0] === 0 && starts[starts.length - 1] === count && starts.every((start, i) => i === 0 || start >= starts[i - 1])
  if (!isCut) throw new MleError('CTR_STARTS', `${name} does not ascend from 0 to ${count}`, { expected: count, actual: starts[starts.length - 1] })
}

function constantAt(context: KernelContext, index: number, name: string): View {
  const view = context.constants[index]
  if (view === undefined) throw new MleError('CTR_CONSTANT', `input ${name} must be an initializer, so that it can be checked before it is read`, { actual: index })
  return view
}

/** Columns of an input, which must be fixed. */
function widthOf(context: KernelContext, index: number): number {
  const type = context.inputTypes[index]
  const width = isTensorType(type) ? type.shape?.[1] : undefined
  if (typeof width !== 'number') throw new MleError('CTR_ELEMENT', `input ${index} has no fixed number of columns`, { actual: index })
  return width
}
