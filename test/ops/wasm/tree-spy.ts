// Tree kernels over a test host that tell which layouts their last run had.
import type { PreferredEntry } from '../../../src/ops/kernel.ts'
import { wasmTreeKernels } from '../../../src/ops/wasm/trees.ts'
import type { TestHost } from './host.ts'

/** Where a plan says which layout it is, in words. */
const FIELDS = { ranked: 22, masked: 24 } as const
const PACKED = 18
const RUNS = ['treeEnsemble32', 'treeEnsemble64', 'treeLeaves32', 'treeLeaves64'] as const

export interface SpiedKernels {
  readonly kernels: ReadonlyMap<string, PreferredEntry>
  /** Word `index` of a layout of the last run's plan; undefined where there is none. */
  readonly layoutWord: (layout: keyof typeof FIELDS, index: number) => number | undefined
  /** Where the packed nodes of the last run lie. */
  readonly packedAt: () => number
}

export function spiedTreeKernels(host: TestHost): SpiedKernels {
  let plan = 0
  const spied = (name: string) => (...numbers: number[]): number => {
    plan = numbers[0]
    return (host.exports[name] as (...given: number[]) => number)(...numbers)
  }
  const kernels = new Map(wasmTreeKernels(Object.create(host, {
    exports: { value: { ...host.exports, ...Object.fromEntries(RUNS.map((name) => [name, spied(name)])) } },
    scratchOffset: { get: () => host.scratchOffset },
  })))
  return {
    kernels,
    layoutWord(name, index) {
      const words = new Uint32Array(host.memory.buffer)
      const layout = words[plan / 4 + FIELDS[name]]
      return layout === 0 ? undefined : words[layout / 4 + index]
    },
    packedAt: () => new Uint32Array(host.memory.buffer)[plan / 4 + PACKED],
  }
}
