import { categoryKernels } from '../cpu/categories.ts'
import { labelKernels } from '../cpu/labels.ts'
import { preprocessKernels } from '../cpu/preprocess.ts'
import { treeKernels } from '../cpu/trees.ts'
import type { Pack } from '../packs.ts'
import { classicalSchemas } from '../schemas/classical.ts'

export const pack: Pack = { schemas: classicalSchemas, cpu: new Map([...labelKernels, ...preprocessKernels, ...categoryKernels, ...treeKernels]) }
