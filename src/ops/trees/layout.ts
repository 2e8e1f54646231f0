// The node layout 'nodes16/1' of tree ensembles: what kernels read and the encoder writes.
//
// A node is 16 little-endian bytes: f64 threshold, u32 feature index with flags in its high bits, u32 left child counted
// from the first node of the ensemble. The right child follows the left one. A tree's nodes are consecutive, its root
// first, parents before children, depth first. One step goes
//   right iff x > threshold                        numeric node, x = the row's value of the feature
//   right iff x == threshold                       EQUAL
//   right iff category x has its bit set           CATEGORICAL: the threshold's low word is the first word of a bitset in
//                                                  `categories`, its high word the number of bits
//   right iff MISSING_RIGHT                        x is NaN, or ZERO_MISSING and |x| <= ZERO_THRESHOLD
//   right iff UNKNOWN_RIGHT                        category outside the bitset
// A leaf points at itself, has threshold +infinity and feature word 0: no x, NaN included, ever leaves it, so that loops
// of a fixed number of steps need no test for leaves. What is known of nodes besides (the library's numbers, cover, gain) goes
// in tensors of [nodes] beside these and is an input of the operators that use it.

export const NODE_LAYOUT = 'nodes16/1'
/** What files hold since: the same nodes in a fifth of the bytes, see stored.ts. */
export const STORED_LAYOUT = 'splits/1'
export const NODE_BYTES = 16

export const MISSING_RIGHT = 0x80000000
export const CATEGORICAL = 0x40000000
/** Zero counts as missing too (LightGBM's zero_as_missing). */
export const ZERO_MISSING = 0x20000000
/** Categories outside the bitset go right; only with CATEGORICAL. */
export const UNKNOWN_RIGHT = 0x10000000
/** Right iff x equals the threshold; never with CATEGORICAL. */
export const EQUAL = 0x08000000
export const FEATURE_MASK = 0x07ffffff
/** Bits above the feature. */
export const MAX_FLAG_BITS = 5

/** 1e-35 rounded to float32: LightGBM's kZeroThreshold, between whose signs a value counts as zero. */
export const ZERO_THRESHOLD = 1.0000000180025095e-35

/** Most bits of one category set; XGBoost's categories stay below 2^24. */
export const MAX_CATEGORY_BITS = 0x10000000

/** Most words of all category sets together: 128 MiB. */
export const MAX_CATEGORY_WORDS = 0x2000000

/**
 * How the value of a categorical feature becomes an integer. trunc: toward zero, so that -0.5 is category 0 (LightGBM);
 * floor: so that -0.5 is no category (XGBoost, scikit-learn); exact: values that are no integers are no categories.
 */
export type CategoryRounding = 'trunc' | 'floor' | 'exact'
export const CATEGORY_ROUNDINGS: readonly CategoryRounding[] = ['trunc', 'floor', 'exact']

export type Aggregate = 'sum' | 'mean' | 'min' | 'max'
/**
 * What mle.TreeLeaves reports where no numbers are stored. place: the node's place within its tree; preorder: depth first, left before right (scikit-learn);
 * level: level by level from the left (XGBoost).
 */
export type Numbering = 'place' | 'preorder' | 'level'
export const NUMBERINGS: readonly Numbering[] = ['place', 'preorder', 'level']

export const AGGREGATES: readonly Aggregate[] = ['sum', 'mean', 'min', 'max']

/** The tensors of an ensemble as kernels read them. */
export interface TreeArrays {
  /** [nodes, 16] */
  readonly nodes: Uint8Array
  /** [nodes]: row of leafValues for leaves, 0 for inner nodes. */
  readonly leafIndex: Uint32Array
  /** [trees]: first node of each tree, ascending, the first 0. */
  readonly roots: Uint32Array
  /** [leaves, width] */
  readonly leafValues: Float64Array
  readonly width: number
  /** [trees]: output column at which a tree's leaf vector starts; 0 for all when absent. */
  readonly treeTarget?: Uint32Array
  /** Bitsets of categorical nodes, low bit first. */
  readonly categories?: Uint32Array
}

/** The nodes' fields as interleaved words and doubles over the same bytes; copied only if misaligned. */
export interface NodeWords {
  /** Threshold of node i at 2 i. */
  readonly thresholds: Float64Array
  /** Feature word of node i at 4 i + 2, left child at 4 i + 3, bitset offset and bits at 4 i and 4 i + 1. */
  readonly words: Uint32Array
}

export function nodeWords(nodes: Uint8Array): NodeWords {
  const bytes = nodes.byteOffset % 8 === 0 ? nodes : nodes.slice()
  return {
    thresholds: new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 3),
    words: new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2),
  }
}
