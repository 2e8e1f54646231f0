// What the runs of a model may take, all told. `load(..., { limits })` changes each.

export interface RunLimits {
  /** Bytes of numbers that a model holds besides its weights while it runs: activations, inputs, outputs, and values whose shapes depend on data (CWE-789). */
  readonly maxMemoryBytes: number
  /** Bytes of the engine's own heap, about: texts, lists, and a quarter of a KiB for each value whose shape depends on data (CWE-770). Engines end the process when theirs is full. */
  readonly maxObjectBytes: number
  /** Runs of subgraphs of control operators in one run (CWE-834). Copies of long sequences count as some, too. */
  readonly maxIterations: number
}

export const RUN_LIMITS: RunLimits = { maxMemoryBytes: 4 * 2 ** 30, maxObjectBytes: 512 * 2 ** 20, maxIterations: 1_000_000 }
