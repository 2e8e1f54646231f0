// dist/mle.browser.js: one file with all that a page needs, for pages that have no bundler.
export { importModel } from './import/index.ts'
export { inspect, isMle, read, write } from './format/index.ts'
export * from './index.ts'
export * from './webgpu.ts'
