// Places of thresholds among those of their column, and groups of trees in which such a place fits a byte.

/** What nodes decide, those of the first unit (a tree, or several) first. */
export interface Decisions {
  /** By node. */
  readonly column: Int32Array
  readonly threshold: Float64Array
  /** By unit: where its nodes begin in these. */
  readonly start: Int32Array
}

export interface Places {
  /** Distinct thresholds of each column, ascending. */
  readonly sorted: readonly Float64Array[]
  /** Thresholds of the columns before each. */
  readonly first: Int32Array
  /** By node: place of its threshold among all. */
  readonly place: Int32Array
}

/** Places within a group are bytes. */
const MAX_LOCAL = 255

export function placesOf({ column, threshold }: Decisions, columns: number): Places {
  const counts = new Int32Array(columns)
  for (let i = 0; i < column.length; i++) counts[column[i]]++
  const unsorted = Array.from(counts, (count) => new Float64Array(count))
  counts.fill(0)
  for (let i = 0; i < column.length; i++) unsorted[column[i]][counts[column[i]]++] = threshold[i]
  const first = new Int32Array(columns)
  const sorted = unsorted.map((own, c) => {
    own.sort()
    let distinct = 0
    for (let i = 0; i < own.length; i++) if (i === 0 || own[i] !== own[distinct - 1]) own[distinct++] = own[i]
    if (c + 1 < columns) first[c + 1] = first[c] + distinct
    return own.subarray(0, distinct)
  })
  const place = new Int32Array(column.length)
  for (let i = 0; i < column.length; i++) place[i] = first[column[i]] + indexOf(sorted[column[i]], threshold[i])
  return { sorted, first, place }
}

function indexOf(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

export interface Group {
  /** The unit behind its last. */
  readonly end: number
  /** By place of a threshold among all: 1 if the group has it. */
  readonly marks: Uint8Array
}

/** Units in order, as many together as have at most 255 thresholds in every column. */
export function groupsOf({ column, start }: Decisions, { sorted, place }: Places): Group[] {
  const total = sorted.reduce((sum, own) => sum + own.length, 0)
  const groups: Group[] = []
  let counts = new Int32Array(sorted.length)
  let marks = new Uint8Array(total)
  const added: number[] = []
  const fits = (unit: number): boolean => {
    const end = unit + 1 < start.length ? start[unit + 1] : column.length
    added.length = 0
    let most = 0
    for (let i = start[unit]; i < end; i++) {
      if (marks[place[i]] !== 0) continue
      marks[place[i]] = 1
      added.push(place[i])
      most = Math.max(most, ++counts[column[i]])
    }
    return most <= MAX_LOCAL
  }
  for (let unit = 0; unit < start.length; unit++) {
    if (fits(unit)) continue
    for (const at of added) marks[at] = 0
    groups.push({ end: unit, marks })
    counts = new Int32Array(sorted.length)
    marks = new Uint8Array(total)
    fits(unit)
  }
  groups.push({ end: start.length, marks })
  return groups
}
