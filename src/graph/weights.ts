// How much a graph's constants weigh.
import { bytesPerElement } from '../tensor/dtype.ts'
import { sizeOf } from '../tensor/shape.ts'
import { alignUp } from './arena.ts'
import type { Graph } from './graph.ts'

/** Bytes that a graph's constants take in an arena. */
export function weightBytesOf(graph: Graph): number {
  let bytes = 0
  for (const { dtype, shape } of graph.initializers.values()) bytes += alignUp(sizeOf(shape) * bytesPerElement(dtype))
  return bytes
}
