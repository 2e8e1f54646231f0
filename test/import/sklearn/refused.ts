// Fixtures that are refused so far, with the code they are refused with. Whoever adds an importer takes its cases off.
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ['sklearn/gp_rbf', 'SKLEARN_UNSUPPORTED'],
  ['sklearn/gp_rbf_fixed', 'SKLEARN_UNSUPPORTED'],
  ['sklearn/nmf', 'SKLEARN_UNSUPPORTED'],
  ['sklearn_extra/gp_classifier', 'SKLEARN_UNSUPPORTED'],
  ['sklearn_extra/gp_matern', 'SKLEARN_UNSUPPORTED'],
  ['sklearn_extra/latent_dirichlet', 'SKLEARN_UNSUPPORTED'],
])
