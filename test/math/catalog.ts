// What docs/math.md promises of each function: the error bound in ulp that the tests hold it to, and its special cases.

export interface MathEntry {
  readonly name: string
  /** Largest error in ulp over the domain of the reference file. */
  readonly bound: number
  readonly special: string
}

const entry = (name: string, bound: number, special: string): MathEntry => ({ name, bound, special })

export const CATALOG: readonly MathEntry[] = [
  entry('exp', 1, 'overflow above 709.78, subnormal below -708.4, 0 below -745.13'),
  entry('exp2', 1, 'exact for integers'),
  entry('expm1', 1, 'keeps -0; -1 at -Infinity'),
  entry('log', 1, '-Infinity at 0, NaN below'),
  entry('log2', 1, 'as log; exact for powers of two'),
  entry('log10', 1, 'as log; exact for powers of ten'),
  entry('log1p', 1, '-Infinity at -1, NaN below, keeps -0'),
  entry('pow', 1, 'C99 Annex F: 1 for y = 0 and for x = 1 even beside NaN, and for (-1, +-Infinity), unlike `**`; y = 2, 1, 1/2, -1 correctly rounded'),
  entry('cbrt', 1, 'keeps -0 and infinities'),
  entry('hypot', 1, 'Infinity where either argument is infinite, even beside NaN'),
  entry('sin', 1, 'NaN at infinities, keeps -0'),
  entry('cos', 1, 'NaN at infinities'),
  entry('tan', 1, 'NaN at infinities, keeps -0'),
  entry('asin', 1, 'NaN outside [-1, 1], keeps -0'),
  entry('acos', 1, 'NaN outside [-1, 1], +0 at 1'),
  entry('atan', 1, '+-pi/2 at infinities, keeps -0'),
  entry('atan2', 1, 'C99 F.9.1.4: signed zeros and infinities'),
  entry('sinh', 1, 'keeps -0 and infinities'),
  entry('cosh', 1, 'Infinity at infinities'),
  entry('tanh', 1, '+-1 from 19.1 on, keeps -0'),
  entry('asinh', 1, 'keeps -0 and infinities'),
  entry('acosh', 1, 'NaN below 1'),
  entry('atanh', 1, '+-Infinity at +-1, NaN beyond, keeps -0'),
  entry('erf', 1, '+-1 from 6 on, keeps -0'),
  entry('erfc', 1.5, '2 below -6, 0 above 27.3'),
  entry('normalCdf', 1.5, "scipy's ndtr; 0 and 1 at infinities"),
  entry('normalQuantile', 4, "scipy's ndtri; +-Infinity at 1 and 0, NaN outside [0, 1]"),
  entry('erfinv', 2, '+-Infinity at +-1, NaN beyond, keeps -0'),
  entry('gamma', 2, 'exact for 1 to 23; signed Infinity at +-0, NaN at negative integers'),
  entry('lgamma', 4, 'Infinity at 0 and negative integers; for other negative arguments absolute, not relative accuracy near the zeros'),
  entry('digamma', 4, '-+Infinity at +-0, NaN at negative integers; for other negative arguments absolute accuracy near the zeros'),
  entry('logistic', 2, '1 / (1 + e^-x) as scipy.special.expit; e^x below -709'),
  entry('logExpit', 2, 'as scipy.special.log_expit'),
  entry('softplus', 2, 'as numpy.logaddexp(0, x)'),
  entry('xlogy', 2, '0 for x = 0 and any y but NaN'),
]
