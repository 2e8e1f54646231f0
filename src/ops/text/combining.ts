// Characters that combine with the one before them (canonical combining class not 0; Unicode 14.0.0).

// Pairs: distance of a range's start from the end of the range before, and its length less 1.
const RANGES: readonly number[] = [
  768, 78, 2, 31, 276, 4, 266, 44, 2, 0, 2, 1, 2, 1, 2, 0, 73, 10, 49, 20, 17, 0, 102, 6, 3, 5, 3, 1, 2, 3, 36, 0, 31, 26, 161, 8, 10, 0, 25, 3, 2, 8,
  2, 2, 2, 4, 44, 2, 61, 7, 43, 23, 2, 28, 61, 0, 17, 0, 4, 3, 104, 0, 17, 0, 49, 0, 62, 0, 17, 0, 111, 0, 17, 0, 111, 0, 17, 0, 128, 0, 111, 0, 17, 0,
  8, 1, 102, 0, 17, 0, 110, 1, 17, 0, 125, 0, 110, 2, 14, 3, 109, 2, 14, 3, 77, 1, 28, 0, 2, 0, 2, 0, 56, 1, 2, 0, 6, 3, 3, 0, 2, 2, 2, 1, 63, 0, 113,
  0, 2, 1, 83, 0, 720, 2, 949, 1, 31, 0, 158, 0, 11, 0, 204, 0, 144, 2, 220, 1, 72, 0, 21, 7, 3, 0, 49, 13, 2, 15, 102, 0, 16, 0, 39, 8, 55, 1, 59, 0,
  12, 1, 68, 0, 153, 2, 2, 12, 2, 6, 5, 0, 7, 0, 4, 1, 199, 63, 721, 12, 5, 0, 4, 11, 3071, 2, 142, 0, 97, 31, 555, 5, 106, 1, 30165, 0, 5, 9, 33, 1,
  81, 1, 277, 0, 38, 0, 152, 0, 28, 17, 58, 2, 38, 0, 96, 0, 13, 0, 240, 0, 2, 2, 3, 1, 6, 1, 2, 0, 53, 0, 247, 0, 20273, 0, 770, 15, 974, 0, 227, 0,
  150, 4, 1683, 0, 2, 0, 41, 2, 5, 0, 166, 1, 574, 3, 388, 1, 154, 10, 50, 3, 193, 0, 42, 0, 15, 0, 58, 1, 70, 2, 49, 1, 63, 0, 77, 0, 10, 0, 107, 1,
  179, 1, 81, 1, 17, 0, 25, 6, 4, 4, 206, 0, 4, 0, 24, 0, 100, 1, 252, 1, 127, 0, 119, 1, 116, 0, 270, 1, 259, 1, 5, 0, 157, 0, 84, 0, 19, 0, 82, 0,
  422, 0, 259, 0, 2, 1, 82, 0, 19801, 4, 60, 6, 1210, 1, 19629, 0, 5319, 4, 4, 5, 9, 7, 3, 6, 31, 3, 149, 2, 3516, 6, 2, 16, 3, 6, 2, 1, 2, 4, 262, 6,
  376, 0, 62, 3, 1505, 6, 110, 6,
]

let starts: Int32Array | undefined
let ends: Int32Array | undefined

/** True for code points such as accents, which `strip_accents='unicode'` removes after decomposition. */
export function isCombining(codePoint: number): boolean {
  if (codePoint < 0x300) return false
  if (starts === undefined || ends === undefined) {
    starts = new Int32Array(RANGES.length / 2)
    ends = new Int32Array(RANGES.length / 2)
    for (let i = 0, at = 0; i < starts.length; i++) {
      starts[i] = at + RANGES[2 * i]
      at = ends[i] = starts[i] + RANGES[2 * i + 1]
    }
  }
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle] <= codePoint) low = middle + 1
    else high = middle
  }
  return low > 0 && codePoint <= ends[low - 1]
}
