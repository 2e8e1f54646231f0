// Ranges of memory that are free: sorted by offset, neighbours merged.

export interface FreeRange {
  readonly offset: number
  readonly bytes: number
}

/** Gives a range back. */
export function giveBack(free: FreeRange[], offset: number, bytes: number): void {
  if (bytes === 0) return
  let at = free.length
  while (at > 0 && free[at - 1].offset > offset) at--
  free.splice(at, 0, { offset, bytes })
  if (at + 1 < free.length && offset + bytes === free[at + 1].offset) {
    free[at] = { offset, bytes: bytes + free[at + 1].bytes }
    free.splice(at + 1, 1)
  }
  if (at > 0 && free[at - 1].offset + free[at - 1].bytes === offset) {
    free[at - 1] = { offset: free[at - 1].offset, bytes: free[at - 1].bytes + free[at].bytes }
    free.splice(at, 1)
  }
}
