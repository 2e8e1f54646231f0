// How many dimensions an input has, guessed from the layers of the model.

/** Types of layers say how many dimensions the input has. */
const RANK_HINTS: readonly (readonly [RegExp, number])[] = [
  [/^(Conv3d|ConvTranspose3d|BatchNorm3d|MaxPool3d)$/, 5],
  [/^(Conv2d|ConvTranspose2d|BatchNorm2d|MaxPool2d|AvgPool2d|AdaptiveAvgPool2d)$/, 4],
  [/^(Embedding)$/, 2],
  [/^(Conv1d|ConvTranspose1d|LSTM|GRU|RNN|MultiheadAttention|TransformerEncoderLayer|TransformerDecoderLayer|TransformerEncoder)$/, 3],
]

/** Ranks in the order of likelihood, by the class names of the layers. */
export function rankOrder(types: ReadonlySet<string>): number[] {
  const hinted = RANK_HINTS.flatMap(([pattern, rank]) => ([...types].some((type) => pattern.test(type)) ? [rank] : []))
  return [...new Set([...hinted, 2, 3, 4, 1, 5])]
}
