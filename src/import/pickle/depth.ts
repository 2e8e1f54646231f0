// The nesting of a finished value, measured without recursion.
import { limitError, type PickleLimits } from './limits.ts'
import { isPyObject, isTuple, type PyValue } from './values.ts'

/** Throws PICKLE_LIMIT when values nest deeper than the limit. Shared values count once, cycles end where they began. */
export function checkDepth(root: PyValue, limits: PickleLimits): void {
  const seen = new Set<PyValue>()
  // Depth first, in the order in which Python's pickler wrote: so a file that it could write has the depth that it recursed to.
  const path: Iterator<PyValue>[] = []
  const enter = (value: PyValue): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    const children = childrenOf(value)
    if (children === undefined) return
    seen.add(value)
    if (path.length >= limits.depth) throw limitError(limits, 'depth', 'nesting depth', path.length + 1)
    path.push(children)
  }
  enter(root)
  while (path.length > 0) {
    const next = path[path.length - 1].next()
    if (next.done === true) path.pop()
    else enter(next.value)
  }
}

function childrenOf(value: PyValue): Iterator<PyValue> | undefined {
  if (Array.isArray(value)) return value.values()
  if (value instanceof Map) return mapChildren(value)
  if (value instanceof Set) return value.values()
  if (isTuple(value)) return value.items.values()
  if (isPyObject(value)) return objectChildren(value)
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'ndarray' && value.dtype === 'object') return value.data.values()
  return undefined
}

function* mapChildren(map: ReadonlyMap<PyValue, PyValue>): Generator<PyValue> {
  for (const [key, value] of map) {
    yield key
    yield value
  }
}

function* objectChildren(object: Exclude<Extract<PyValue, { kind: 'object' }>, null>): Generator<PyValue> {
  yield* object.args
  if (object.keywords !== undefined) yield* object.keywords.values()
  yield* object.state.values()
  if (object.rawState !== undefined) yield object.rawState
  if (object.items !== undefined) yield* object.items
  if (object.entries !== undefined) yield* mapChildren(object.entries)
}
