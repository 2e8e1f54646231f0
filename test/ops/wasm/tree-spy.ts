// Tree kernels over a test host that tell which layouts their last run had.
import type { PreferredEntry } from '../../../src/ops/kernel.ts'
import { kernelsOf as wasmTreeKernels } from '../../../src/ops/wasm/trees.ts'
import type { TestHost } from './host.ts'

/** Where a plan says which layout it is, in words. */
const FIELDS = { ranked: 22, masked: 24 } as const
const PACKED = 18
const MAKES = { ranked: 'makeRanked', masked: 'makeMasked' } as const
const RUNS = ['treeEnsemble32', 'treeEnsemble64', 'treeLeaves32', 'treeLeaves64'] as const

export interface SpiedKernels {
  readonly kernels: ReadonlyMap<string, PreferredEntry>
  /** Word `index` of a layout of the last run's plan; undefined where there is none. */
  readonly layoutWord: (layout: keyof typeof FIELDS, index: number) => number | undefined
  /** Runs until a layout is made, or is known not to be; how many of these runs made a piece of it. */
  readonly settle: (layout: keyof typeof FIELDS, run: () => void) => number
  /** Where the packed nodes of the last run lie. */
  readonly packedAt: () => number
}

export function spiedTreeKernels(host: TestHost): SpiedKernels {
  let plan = 0
  const spied = (name: string) => (...numbers: number[]): number => {
    plan = numbers[0]
    return (host.exports[name] as (...given: number[]) => number)(...numbers)
  }
  const pieces = { ranked: 0, masked: 0 }
  let isDone = true
  const making = (name: keyof typeof MAKES) => (...numbers: number[]): number => {
    pieces[name]++
    const done = (host.exports[MAKES[name]] as (...given: number[]) => number)(...numbers)
    isDone = done === 1
    return done
  }
  const kernels = new Map(wasmTreeKernels(Object.create(host, {
    exports: { value: { ...host.exports, ...Object.fromEntries(RUNS.map((name) => [name, spied(name)])), [MAKES.ranked]: making('ranked'), [MAKES.masked]: making('masked') } },
    scratchOffset: { get: () => host.scratchOffset },
  })))
  return {
    kernels,
    layoutWord(name, index) {
      const words = new Uint32Array(host.memory.buffer)
      const layout = words[plan / 4 + FIELDS[name]]
      return layout === 0 ? undefined : words[layout / 4 + index]
    },
    settle(name, run) {
      const before = pieces[name]
      do {
        isDone = true
        run()
      } while (!isDone)
      return pieces[name] - before
    },
    packedAt: () => new Uint32Array(host.memory.buffer)[plan / 4 + PACKED],
  }
}
