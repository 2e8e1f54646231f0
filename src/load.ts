// load: bytes from anywhere -> checked graph -> model on a device.
import { createDevice, type DeviceName } from './graph/device.ts'
import type { Graph } from './graph/graph.ts'
import { operatorKeys } from './graph/plan.ts'
import { Model } from './model.ts'
import { loadOperators } from './ops/packs.ts'

export interface LoadOptions {
  /** Where to compute. 'auto' is the fastest that gives cpu's bits here. */
  readonly device?: DeviceName
}

/**
 * Makes a model of a graph from `importModel`.
 *
 * @throws MleError GRAPH_* for graphs this version cannot run, DEVICE_* for missing devices
 */
export async function load(graph: Graph, options: LoadOptions = {}): Promise<Model> {
  const operators = await loadOperators(operatorKeys(graph))
  const device = await createDevice(options.device ?? 'auto', graph)
  return new Model(graph, device, operators)
}
