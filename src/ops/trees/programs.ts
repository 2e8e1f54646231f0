// How a tree is cut for batches: which of its nodes a program decides for many rows at once, in which order, and where walks go on.
// src/ops/wasm/assembly/trees/ranked.ts runs the programs.

/** Exits are numbered in a byte. */
export const MAX_EXITS = 256
/** What a decision by a program costs a row, what a step of a walk, and what beginning and ending one, in nanoseconds. */
const DECISION_COST = 0.045
const STEP_COST = 0.87
const WALK_COST = 1.5

export interface Program {
  /** Inner nodes in the order of their decisions, children first: those between two exits, then the others. */
  readonly nodes: Int32Array
  readonly nodesBetweenExits: number
  /** By node and side: what a decision chooses between; exits by their number, nodes by MAX_EXITS + their place in `nodes`. */
  readonly choices: Int32Array
  /** Nodes where walks go on, or leaves, by number. */
  readonly exits: Int32Array
  /** 1 if some exit is no leaf. */
  readonly goesOn: boolean
  /** Steps from the root that the program replaces. */
  readonly levels: number
}

/** Plans programs for trees of up to `largest` nodes, whose words are those of the layout nodes16/1; undefined where walks may not go on and a tree is too large. */
export function programmer(words: Int32Array, largest: number): (root: number, depth: number, meanDepth: number, canGoOn: boolean) => Program | undefined {
  const queue = new Int32Array(MAX_EXITS - 1)
  const valueOf = new Int32Array(largest)
  return (root, depth, meanDepth, canGoOn) => {
    // Level by level: how many nodes lie above it, and whether what they cost is less than the steps of walks.
    const walked = Math.min(depth, Math.ceil(1.1 * meanDepth) + 1)
    let best = -1
    let bestLevels = 0
    let least = Infinity
    let first = 0
    let end = words[4 * root + 3] === root ? 0 : 1
    queue[0] = root
    for (let levels = 0; ; levels++) {
      const cost = first * DECISION_COST + (levels < depth ? WALK_COST + Math.max(0, walked - levels) * STEP_COST : 0)
      if ((levels >= depth || canGoOn) && cost < least) {
        least = cost
        best = first
        bestLevels = levels
      }
      if (levels >= depth || end > queue.length) break
      const last = end
      for (; first < last; first++) {
        const left = words[4 * queue[first] + 3]
        for (let child = left; child < left + 2; child++) {
          if (words[4 * child + 3] === child) continue
          if (end < queue.length) queue[end] = child
          end++
        }
      }
    }
    return best < 0 ? undefined : programOf(words, root, queue.subarray(0, best), valueOf, bestLevels)
  }
}

// queue: the inner nodes that are decided, parents first; valueOf [nodes of the tree]: zeros, and left so
function programOf(words: Int32Array, root: number, queue: Int32Array, valueOf: Int32Array, levels: number): Program {
  const count = queue.length
  const nodes = new Int32Array(count)
  const choices = new Int32Array(2 * count)
  const exits = new Int32Array(count + 1)
  const leftOf = (node: number): number => words[4 * node + 3]
  if (count === 0) exits[0] = root
  let goesOn = count === 0 && leftOf(root) !== root
  for (let i = 0; i < count; i++) valueOf[queue[i] - root] = 1
  const isBetweenExits = (left: number): boolean => (valueOf[left - root] | valueOf[left + 1 - root]) === 0
  let between = 0
  for (let i = 0; i < count; i++) between += Number(isBetweenExits(leftOf(queue[i])))
  let nextBetween = 0
  let nextOther = between
  let nextExit = 0
  let nextPair = count + 1 - 2 * between
  for (let i = count - 1; i >= 0; i--) {
    const left = leftOf(queue[i])
    const isBetween = isBetweenExits(left)
    const at = isBetween ? nextBetween++ : nextOther++
    nodes[at] = queue[i]
    for (let side = 0; side < 2; side++) {
      const child = left + side
      const value = valueOf[child - root]
      if (value === 0) {
        const exit = isBetween ? nextPair++ : nextExit++
        exits[exit] = child
        goesOn ||= leftOf(child) !== child
        choices[2 * at + side] = exit
      } else choices[2 * at + side] = value
    }
    valueOf[queue[i] - root] = MAX_EXITS + at
  }
  for (let i = 0; i < count; i++) valueOf[queue[i] - root] = 0
  return { nodes, nodesBetweenExits: between, choices, exits, goesOn, levels }
}
