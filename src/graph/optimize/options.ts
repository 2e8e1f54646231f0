// What the caller may say about optimization; apart from the passes, which are fetched only for graphs that they may change.

export interface OptimizeOptions {
  /** 'strict' (default): the same bits on every device and machine. 'relaxed' allows what changes last digits of float32 numbers. */
  readonly determinism?: 'strict' | 'relaxed'
  /** Names of the passes to run; all by default. `passNames()` of src/graph/optimize/ lists them. */
  readonly passes?: readonly string[]
  /** Whether the device has a kernel of its own for an operator that several may be fused into; true for all when absent. */
  readonly fusible?: (key: string) => boolean
}

/** Operators that passes make which no graph may have named: loaded with those of a graph that has what they are made from. */
export function operatorsMadeFrom(keys: ReadonlySet<string>, { determinism }: OptimizeOptions): string[] {
  const made: string[] = []
  if (keys.has('MatMul')) made.push('Gemm')
  if (determinism !== 'relaxed') return made
  if (keys.has('Erf')) made.push('Gelu')
  if (keys.has('Div')) made.push('Mul')
  if (keys.has('ReduceMean') && keys.has('Sqrt')) made.push('LayerNormalization')
  return made
}
