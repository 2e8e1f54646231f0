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
  [/\ba10\b/i, { tflops: 31.2, gbPerSecond: 600 }],
  [/rtx 4090(?! laptop)/i, { tflops: 82.6, gbPerSecond: 1008 }],
  [/rtx 4080(?! laptop| super)/i, { tflops: 48.7, gbPerSecond: 717 }],
  [/rtx 3090(?! ti)/i, { tflops: 35.6, gbPerSecond: 936 }],
  [/rtx 3080(?! laptop| ti)/i, { tflops: 29.8, gbPerSecond: 760 }],
  [/7900 xtx/i, { tflops: 61.4, gbPerSecond: 960 }],
  [/apple m1 max/i, { tflops: 10.4, gbPerSecond: 400 }],
  [/apple m1\b/i, { tflops: 2.6, gbPerSecond: 68 }],
  [/apple m2\b/i, { tflops: 3.6, gbPerSecond: 100 }],
]

/** Undefined for chips that are not listed; their share of the peak is then left out. */
export function peakOf(device: string): Peak | undefined {
  return CHIPS.find(([pattern]) => pattern.test(device))?.[1]
}
