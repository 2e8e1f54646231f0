// Which description belongs to which tensor id. Inputs, parameters and results were numbered from one counter, but the
// exporters did not describe the results of every node.
import { legacyError } from './error.ts'
import type { LegacyRecords, LegacyTensor } from './records.ts'

/** Descriptions by id; results of nodes may have none. */
export type TensorsById = ReadonlyMap<number, LegacyTensor>

/** Several thousand ids are more than any writer dealt; the search below takes ids times omissions. */
const MAX_SEARCH = 4_000_000

/** Maps ids to descriptions; throws LEGACY_IDS when no way of omitting results of nodes makes them fit. */
export function mapIds(records: LegacyRecords): TensorsById {
  const { tensors, nodes, inputs, outputs } = records
  const results = new Set(nodes.flatMap((node) => node.outputs))
  const parameters = new Set(nodes.flatMap((node) => node.parameters))
  let largest = -1
  for (const node of nodes) for (const list of [node.inputs, node.outputs, node.parameters]) for (const id of list) largest = Math.max(largest, id)
  for (const list of [inputs, outputs]) for (const id of list) largest = Math.max(largest, id)
  const count = Math.max(largest + 1, tensors.length)
  const omitted = count - tensors.length
  const fail = (): Error => legacyError('LEGACY_IDS', `its ${tensors.length} tensors cannot be told apart: nodes speak of ids up to ${largest}`, { expected: tensors.length, actual: largest })
  if (omitted > results.size) throw fail()

  const fits = (id: number, tensor: LegacyTensor): boolean => {
    if (parameters.has(id)) return tensor.data.length > 0
    return results.has(id) ? tensor.data.length === 0 : true
  }
  // Every result of a node was left out, or none: what files of a fresh exporter have.
  if (omitted === 0 || omitted === results.size) {
    const map = new Map<number, LegacyTensor>()
    let next = 0
    for (let id = 0; id < count; id++) {
      if (omitted > 0 && results.has(id)) continue
      if (!fits(id, tensors[next])) throw fail()
      map.set(id, tensors[next++])
    }
    return map
  }
  // An exporter that was used again mixed both kinds. dead[id][skipped] marks what was tried in vain.
  if (count * (omitted + 1) > MAX_SEARCH) throw fail()
  const dead = new Uint8Array(count * (omitted + 1))
  const skips: boolean[] = []
  let skipped = 0
  let choice = 0
  while (skips.length < count) {
    const id = skips.length
    const isDead = dead[id * (omitted + 1) + skipped] === 1
    const canSkip = !isDead && choice === 0 && results.has(id) && skipped < omitted
    const tensor = tensors[id - skipped]
    const canTake = !isDead && choice <= 1 && tensor !== undefined && fits(id, tensor)
    if (canSkip || canTake) {
      skips.push(canSkip)
      if (canSkip) skipped++
      choice = 0
      continue
    }
    dead[id * (omitted + 1) + skipped] = 1
    const last = skips.pop()
    if (last === undefined) throw fail()
    if (last) skipped--
    // After leaving out, try to take; after taking, this place is dead.
    choice = last ? 1 : 2
  }
  if (skipped !== omitted) throw fail()
  const map = new Map<number, LegacyTensor>()
  let next = 0
  skips.forEach((skip, id) => {
    if (!skip) map.set(id, tensors[next++])
  })
  return map
}
