// Lowerings by operator key. What is neither here nor an operator of ONNX is refused.
import type { Lower } from '../context.ts'
import { arithmeticLowerings } from './arithmetic.ts'
import { categoryLowerings } from './categories.ts'
import { dtypeLowerings } from './dtypes.ts'
import { distanceLowerings } from './distances.ts'
import { interpolationLowerings } from './interpolation.ts'
import { matrixLowerings } from './matrices.ts'
import { pairLowerings } from './pairs.ts'
import { treeLowerings } from './trees.ts'

export const LOWERINGS: ReadonlyMap<string, Lower> = /* @__PURE__ */ new Map([
  ...arithmeticLowerings,
  ...categoryLowerings,
  ...distanceLowerings,
  ...dtypeLowerings,
  ...interpolationLowerings,
  ...matrixLowerings,
  ...pairLowerings,
  ...treeLowerings,
])
