// The 38 operators that .mle files of the first two versions could name, and their place today: an operator, or the operators that an importer
// or a graph puts together.
export interface VocabularyEntry {
  readonly name: string
  /** Keys of operators, all of which exist. */
  readonly operators: readonly string[]
  readonly how: string
}

const entry = (name: string, operators: string, how: string): VocabularyEntry => ({ name, operators: operators.split(' '), how })

export const VOCABULARY: readonly VocabularyEntry[] = [
  entry('Linear', 'Gemm', 'lowering: x Wᵀ + b with transB; `MatMul` and `Add` for inputs of more dimensions'),
  entry('ReLU', 'Relu', 'operator'),
  entry('GELU', 'Gelu', 'operator; approximate: none or tanh'),
  entry('Softmax', 'Softmax', 'operator'),
  entry('LayerNorm', 'LayerNormalization', 'operator'),
  entry('MatMul', 'MatMul', 'operator'),
  entry('Add', 'Add', 'operator'),
  entry('Mul', 'Mul', 'operator'),
  entry('Conv1D', 'Conv', 'operator; the number of spatial dimensions follows from the input'),
  entry('Conv2D', 'Conv', 'operator'),
  entry('MaxPool1D', 'MaxPool', 'operator'),
  entry('MaxPool2D', 'MaxPool', 'operator'),
  entry('AvgPool1D', 'AveragePool', 'operator'),
  entry('AvgPool2D', 'AveragePool', 'operator'),
  entry('BatchNorm', 'BatchNormalization', 'operator'),
  entry('Dropout', 'Identity Dropout', 'nothing is dropped for inference: the input itself; `Dropout` in training mode'),
  entry('Embedding', 'Gather', 'lowering: rows of the table at the indices'),
  entry('Attention', 'Attention', 'operator'),
  entry('Flatten', 'Flatten', 'operator'),
  entry('Reshape', 'Reshape', 'operator'),
  entry('Transpose', 'Transpose', 'operator'),
  entry('Concat', 'Concat', 'operator'),
  entry('Split', 'Split', 'operator'),
  entry('Slice', 'Slice', 'operator'),
  entry('Pad', 'Pad', 'operator'),
  entry('DecisionTree', 'mle.TreeEnsemble', 'operator, with one tree'),
  entry('TreeEnsemble', 'mle.TreeEnsemble', 'operator'),
  entry('GradientBoosting', 'mle.TreeEnsemble Add Sigmoid Softmax Exp', 'lowering: the sum of the trees and the first estimate, then the link of the objective'),
  entry('SVM', 'mle.SvmDecision mle.PairVotes mle.PairScores mle.PairCoupling mle.PairwiseDistance', 'lowering: kernel values of the support vectors, a decision for each pair of classes, votes or probabilities; linear ones are `Gemm`'),
  entry('NaiveBayes', 'Gemm ReduceSum LogSoftmax ArgMax', 'lowering: log likelihoods of the classes plus their log priors'),
  entry('KNN', 'mle.NearestNeighbors mle.ClassSums', 'lowering: the nearest points, then their classes\' votes or the mean of their values'),
  entry('Clustering', 'mle.PairwiseDistance ArgMin', 'lowering: the nearest centre'),
  entry('DBSCAN', 'Identity', 'lowering: labels of the points that it was fitted on, a constant; as in scikit-learn it predicts no others'),
  entry('Decomposition', 'Sub MatMul', 'lowering: projections such as PCA; `mle.NmfCode`, `mle.SparseCode` and `mle.TopicCode` where codes are searched for'),
  entry('TransformerBlock', 'Attention LayerNormalization Gemm Add Gelu', 'lowering: attention and two layers, each with a residual sum and normalization'),
  entry('MultiHeadAttention', 'Attention', 'lowering: projections of queries, keys and values around the operator with q_num_heads and kv_num_heads'),
  entry('PositionalEncoding', 'Add RotaryEmbedding', 'lowering: a table of the positions is added, or rotated in'),
  entry('CrossAttention', 'Attention', 'lowering: the operator with keys and values of another sequence'),
]
