// What chips can do at most, from their makers' data sheets: float32 without tensor cores in TFLOP/s, memory in GB/s.

export interface Peak {
  readonly tflops: number
  readonly gbPerSecond: number
}

const CHIPS: readonly (readonly [pattern: RegExp, peak: Peak])[] = [
  [/h200/i, { tflops: 67, gbPerSecond: 4800 }],
  [/h100.*pcie/i, { tflops: 51, gbPerSecond: 2000 }],
  [/h100/i, { tflops: 67, gbPerSecond: 3350 }],
  [/a100/i, { tflops: 19.5, gbPerSecond: 1555 }],
  [/l40/i, { tflops: 90.5, gbPerSecond: 864 }],
  [/\bl4\b/i, { tflops: 30.3, gbPerSecond: 300 }],
  [/\bt4\b/i, { tflops: 8.1, gbPerSecond: 320 }],
  [/v100/i, { tflops: 15.7, gbPerSecond: 900 }],
  [/rtx 4090/i, { tflops: 82.6, gbPerSecond: 1008 }],
]

/** Undefined for chips that are not listed; their share of the peak is then left out. */
export function peakOf(device: string): Peak | undefined {
  return CHIPS.find(([pattern]) => pattern.test(device))?.[1]
}
