import { categoryKernels } from '../cpu/categories.ts'
import { combineKernels } from '../cpu/combine.ts'
import { distanceKernels } from '../cpu/distances.ts'
import { elementwiseKernels } from '../cpu/elementwise.ts'
import { fusedKernels } from '../cpu/fused-matmul.ts'
import { imputeKernels } from '../cpu/knn-impute.ts'
import { labelKernels } from '../cpu/labels.ts'
import { linearKernels } from '../cpu/linear.ts'
import { movingKernels } from '../cpu/moving.ts'
import { neighborKernels } from '../cpu/neighbors.ts'
import { preprocessKernels } from '../cpu/preprocess.ts'
import { reduceKernels } from '../cpu/reduce.ts'
import { requireKernels } from '../cpu/require.ts'
import { selectKernels } from '../cpu/select.ts'
import { svmKernels } from '../cpu/svm.ts'
import { treeKernels } from '../cpu/trees.ts'
import type { Pack } from '../packs.ts'
import { classicalSchemas } from '../schemas/classical.ts'

export const pack: Pack = {
  schemas: classicalSchemas,
  cpu: new Map([
    ...elementwiseKernels,
    ...reduceKernels,
    ...linearKernels,
    ...movingKernels,
    ...selectKernels,
    ...labelKernels,
    ...preprocessKernels,
    ...categoryKernels,
    ...treeKernels,
    ...distanceKernels,
    ...neighborKernels,
    ...svmKernels,
    ...combineKernels,
    ...fusedKernels,
    ...imputeKernels,
    ...elementwiseKernels, ...reduceKernels, ...linearKernels, ...movingKernels, ...selectKernels, ...labelKernels, ...preprocessKernels, ...categoryKernels,
    ...treeKernels, ...distanceKernels, ...neighborKernels, ...svmKernels, ...requireKernels,
  ]),
}
