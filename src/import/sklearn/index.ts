export { importSklearn } from './import.ts'
export { allowSklearn, isKnownEstimator } from './registry.ts'
