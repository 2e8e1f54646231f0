// SVC, NuSVC, SVR, NuSVR: support vectors, coefficients and intercepts; the kernel is among the settings.
import { float64Of, matrixShape, requireParameters, requireShape } from './arrays.ts'
import { legacyError } from './error.ts'
import { numberParameter, textParameter, type LegacyMetadata } from './metadata.ts'
import { float64Array, importRebuilt, int32Array, LABEL_NOTE, positions, type Lowered } from './rebuild.ts'
import type { LegacyTensor } from './records.ts'
import { countsByClass } from './svm-classes.ts'
import { recoverGamma } from './svm-gamma.ts'

const KERNELS = ['linear', 'poly', 'rbf', 'sigmoid'] as const

/** Throws LEGACY_LOST for what neither file nor arithmetic gives. */
export function lowerSvm(parameters: readonly LegacyTensor[], metadata: LegacyMetadata): Lowered {
  requireParameters('Svm', parameters, [3])
  const name = metadata.modelType
  const [vectorTensor, dualTensor, interceptTensor] = parameters
  const [count, width] = matrixShape(vectorTensor, 'support vectors')
  const [rows, columns] = matrixShape(dualTensor, 'coefficients')
  const intercepts = float64Of(interceptTensor)
  const isClassifier = name === 'SVC' || name === 'NuSVC'
  if (!isClassifier && name !== 'SVR' && name !== 'NuSVR') {
    throw legacyError('LEGACY_LOST', `its support vectors belong to ${JSON.stringify(name)}; without the class and its settings their kernel is not known`)
  }
  const classes = isClassifier ? rows + 1 : 0
  requireShape(columns === count && count > 0 && width > 0, `${count} support vectors have ${columns} coefficients`)
  requireShape(isClassifier ? intercepts.length === (classes * rows) / 2 : rows === 1 && intercepts.length === 1, `${rows} rows of coefficients have ${intercepts.length} intercepts`)
  const kernel = KERNELS.find((one) => one === textParameter(metadata, 'kernel'))
  if (kernel === undefined) {
    throw legacyError('LEGACY_LOST', `the kernel of ${name} is ${JSON.stringify(textParameter(metadata, 'kernel') ?? 'not in the file')}, expected ${KERNELS.join(', ')}`)
  }

  const vectors = float64Of(vectorTensor)
  const dual = float64Of(dualTensor)
  const notes: string[] = isClassifier ? [LABEL_NOTE] : []
  let counts = new Int32Array(0)
  if (isClassifier) {
    // Two classes: the public coefficients have the other sign than libsvm's.
    const own = classes === 2 ? dual.map((one) => -one) : dual
    const found = classes === 2 ? twoCounts(own) : countsByClass(own, classes, count)
    if (found === undefined) {
      throw legacyError('LEGACY_LOST', `how many support vectors each of ${classes} classes has is not in the file and does not follow from the coefficients`)
    }
    counts = Int32Array.from(found)
  }
  const fitted: [string, Parameters<typeof importRebuilt>[1][number][1]][] = [
    ['support_', int32Array(Int32Array.from({ length: count }, (_, i) => i))],
    ['support_vectors_', float64Array(vectors, [count, width])],
    ['dual_coef_', float64Array(dual, [rows, count])],
    ['intercept_', float64Array(intercepts)],
    ['n_features_in_', width],
    // Fitted by cross-validation on the training data.
    ['probability', false],
  ]
  if (isClassifier) fitted.push(['n_support_', int32Array(counts)], ['classes_', positions(classes)])
  if (metadata.parameters.get('probability') === true) notes.push('predict_proba is not available: the file does not keep the calibration of probabilities')
  if (kernel === 'linear') fitted.push(['_gamma', 0])
  else {
    const setting = metadata.parameters.get('gamma')
    let gamma = typeof setting === 'number' ? setting : setting === 'auto' ? 1 / width : undefined
    if (gamma === undefined && setting === 'scale' && isClassifier) {
      const flip = classes === 2 ? -1 : 1
      const settings = { kernel, coef0: numberParameter(metadata, 'coef0') ?? 0, degree: numberParameter(metadata, 'degree') ?? 3 }
      gamma = recoverGamma({ ...settings, vectors, width, coefficients: dual.map((one) => flip * one), intercepts: intercepts.map((one) => flip * one), counts })
      if (gamma !== undefined) {
        const digits = gamma.toPrecision(4)
        notes.push(`gamma='scale' is computed from training data, which the file does not hold; ${digits} was solved from the support vectors on the margin, good to about 3 digits`)
      }
    }
    if (gamma === undefined) {
      throw legacyError('LEGACY_LOST', `the gamma of ${name} is ${JSON.stringify(setting ?? 'not in the file')}, computed from training data that the file does not hold${isClassifier ? ', and does not follow from the support vectors' : ''}`)
    }
    fitted.push(['_gamma', gamma])
  }
  return importRebuilt(metadata, fitted, notes)
}

/** Two classes: vectors of the first have positive coefficients. */
function twoCounts(coefficients: Float64Array): Int32Array {
  let first = 0
  while (first < coefficients.length && coefficients[first] > 0) first++
  return Int32Array.of(first, coefficients.length - first)
}
