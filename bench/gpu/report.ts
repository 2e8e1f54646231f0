// A report of the bench as Markdown.
import type { Report } from './bench.ts'

export function markdownOf({ chip, peak, date, node, results }: Report): string {
  const share = (value: number | undefined): string => (value === undefined ? '' : `${(100 * value).toFixed(0)} %`)
  const fixed = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits))
  const rows = results.map(({ name, ms, runMs, dispatches, tflops, gbPerSecond, shareOfFlops, shareOfMemory, rowsPerSecond, microsecondsPerLaunch }) =>
    `| ${name} | ${ms.toFixed(3)} | ${runMs.toFixed(3)} | ${dispatches} | ${fixed(tflops, 2)} | ${share(shareOfFlops)} | ${fixed(gbPerSecond, 0)} | ${share(shareOfMemory)} | ${rowsPerSecond === undefined ? '' : `${(rowsPerSecond / 1e6).toFixed(1)} million rows/s`}${microsecondsPerLaunch === undefined ? '' : `${microsecondsPerLaunch.toFixed(2)} us a launch`} |`)
  return `# On GPUs

Written by \`npm run bench:gpu -- --markdown bench/RESULTS-gpu.md\`; how it measures is said in gpu/README.md.

${chip}, ${date.slice(0, 10)}, Node ${node}. ${peak === undefined ? 'The peak of the chip is not known here.' : `Peak: ${peak.tflops} TFLOP/s of float32, ${peak.gbPerSecond} GB/s.`}

| workload | ms on the GPU | ms of a run | dispatches | TFLOP/s | of peak | GB/s | of peak | |
|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`
}
