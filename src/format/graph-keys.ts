// Keys of the graph's and the metadata's records, in the order in which files hold them. Reader and writer share them.
import { keys, type Key } from './json.ts'

export const GRAPH: readonly Key[] = /* @__PURE__ */ keys('inputs', 'outputs', 'nodes', 'initializers', 'subgraphs', 'tensors')
export const SUBGRAPH: readonly Key[] = /* @__PURE__ */ keys('inputs', 'outputs', 'nodes', 'initializers')
export const VALUE: readonly Key[] = /* @__PURE__ */ keys('name', 'type', 'sourceDtype?')
export const NODE: readonly Key[] = /* @__PURE__ */ keys('op', 'domain', 'version', 'name?', 'inputs', 'outputs', 'attributes')
export const INITIALIZER: readonly Key[] = /* @__PURE__ */ keys('name', 'tensor')
export const REFERENCE: readonly Key[] = /* @__PURE__ */ keys('tensor')
export const TENSOR_TYPE: readonly Key[] = /* @__PURE__ */ keys('dtype', 'shape?')
export const SEQUENCE_TYPE: readonly Key[] = /* @__PURE__ */ keys('sequence')
export const OPTIONAL_TYPE: readonly Key[] = /* @__PURE__ */ keys('optional')
export const MAP_TYPE: readonly Key[] = /* @__PURE__ */ keys('map')
export const MAP: readonly Key[] = /* @__PURE__ */ keys('key', 'value')
export const TAGGED: readonly Key[] = /* @__PURE__ */ keys('number')
export const METHOD: readonly Key[] = /* @__PURE__ */ keys('name', 'outputs')
export const COLUMN: readonly Key[] = /* @__PURE__ */ keys('name', 'input', 'index', 'categories?', 'unseen?')
export const METADATA: readonly Key[] = /* @__PURE__ */ keys(
  'name?', 'framework?', 'frameworkVersion?', 'estimator?', 'methods?', 'columns?', 'classes?', 'modelId?', 'modelVersion?', 'properties?', 'notes?',
)
