// Random numbers and rows for tests that write model files of other libraries and evaluate them by those libraries' rules.
import { load, type Tensor } from '../../src/index.ts'
import { importModel } from '../../src/import/index.ts'
import { below32, below64 } from '../../src/ops/trees/neighbours.ts'
import { randomSource } from '../ops/trees/support.ts'

export interface Random {
  /** From 0 to 1. */
  next(): number
  /** A whole number below `bound`. */
  below(bound: number): number
  pick<T>(list: readonly T[]): T
  chance(share: number): boolean
}

export function randomOf(seed: number): Random {
  const next = randomSource(seed)
  const below = (bound: number): number => Math.floor(next() * bound)
  return { next, below, pick: (list) => list[below(list.length)], chance: (share) => next() < share }
}

/** The children of a random binary tree by node, the root 0; -1 for leaves. */
export function randomShape(random: Random, maxDepth: number): { readonly left: number[]; readonly right: number[] } {
  const left: number[] = []
  const right: number[] = []
  const grow = (depth: number): number => {
    const node = left.length
    left.push(-1)
    right.push(-1)
    if (depth < maxDepth && !random.chance(0.2)) {
      left[node] = grow(depth + 1)
      right[node] = grow(depth + 1)
    }
    return node
  }
  grow(0)
  return { left, right }
}

const ODD = [NaN, NaN, 0, -0, Infinity, -Infinity, 1e-36, -1e-36, 1e-35, 1.0000000180025095e-35, 3.4028234663852886e38, 1.401298464324817e-45, -0.5, 1e10]

/** A value on one of the thresholds, one unit in the last place beside one, or an odd or ordinary one. */
export function oddValue(random: Random, thresholds: readonly number[], precision: 'float32' | 'float64', categories = 0): number {
  const below = precision === 'float32' ? (x: number): number => below32(Math.fround(x)) : below64
  const t = thresholds.length === 0 ? 0 : random.pick(thresholds)
  const kind = random.below(7)
  const value = kind === 0 ? t : kind === 1 ? below(t) : kind === 2 ? -below(-t) : kind === 3 ? random.pick(ODD) : kind < 6 && categories > 0 ? random.below(categories + 3) - 1 + (random.chance(0.1) ? 0.5 : 0) : random.next() * 8 - 4
  return precision === 'float32' ? Math.fround(value) : value
}

/** What a method of the model in `text` gives for the inputs. */
export async function predict(text: string, inputs: Readonly<Record<string, Tensor>>, method: string): Promise<number[]> {
  const model = await load(await importModel(new TextEncoder().encode(text)))
  const [out] = await model.call(method, inputs)
  model.dispose()
  return Array.from(out.data as ArrayLike<number>, Number)
}

/** A seed that is printed, so that a failure can be repeated. */
export function newSeed(what: string): number {
  const seed = Math.floor(Math.random() * 2 ** 31)
  console.log(`${what}: seed ${seed}`)
  return seed
}
