// The nesting of a finished value, measured without recursion.
import { limitError, type PickleLimits } from './limits.ts'
import { isNdArray, isPyObject, isTuple, type PyValue } from './values.ts'

/** Throws PICKLE_LIMIT when values nest deeper than the limit. Shared values count once, cycles end where they began. */
export function checkDepth(root: PyValue, limits: PickleLimits): void {
  const seen = new Set<PyValue>()
  // Depth first, in the order in which Python's pickler wrote: so a file that it could write has the depth that it recursed to.
  const path: PyValue[][] = []
  const enter = (value: PyValue): void => {
    if (seen.has(value)) return
    seen.add(value)
    if (path.length >= limits.depth) throw limitError(limits, 'depth', 'nesting depth', path.length + 1)
    path.push(childrenOf(value).reverse())
  }
  if (isContainer(root)) enter(root)
  while (path.length > 0) {
    const next = path[path.length - 1].pop()
    if (next === undefined) path.pop()
    else enter(next)
  }
}

function isContainer(value: PyValue): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  if (!('kind' in value)) return true
  return value.kind === 'object' || value.kind === 'tuple' || (value.kind === 'ndarray' && value.dtype === 'object')
}

/** The values inside a container that are containers themselves, in order. */
function childrenOf(value: PyValue): PyValue[] {
  const out: PyValue[] = []
  const add = (child: PyValue): void => {
    if (isContainer(child)) out.push(child)
  }
  const addEntries = (entries: ReadonlyMap<PyValue, PyValue>): void => {
    for (const [key, item] of entries) {
      add(key)
      add(item)
    }
  }
  if (Array.isArray(value)) for (const item of value) add(item)
  else if (value instanceof Map) addEntries(value)
  else if (value instanceof Set) for (const item of value) add(item)
  else if (isTuple(value)) for (const item of value.items) add(item)
  else if (isPyObject(value)) {
    for (const item of value.args) add(item)
    if (value.keywords !== undefined) addEntries(value.keywords)
    for (const item of value.state.values()) add(item)
    if (value.rawState !== undefined) add(value.rawState)
    if (value.items !== undefined) for (const item of value.items) add(item)
    if (value.entries !== undefined) addEntries(value.entries)
  } else if (isNdArray(value) && value.dtype === 'object') for (const item of value.data) add(item)
  return out
}
