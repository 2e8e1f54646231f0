export { importKerasH5 } from './h5.ts'
export { importKeras3 } from './keras3.ts'
export { importTfjs } from './tfjs.ts'
