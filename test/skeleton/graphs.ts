// Small helpers to write graphs with subgraphs in tests.
import { graphBuilder, type GraphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor, type Tensor } from '../../src/index.ts'
import type { Attribute, ValueType } from '../../src/ops/types.ts'

export const INT: ValueType = { dtype: 'int64', shape: [] }
export const BOOL: ValueType = { dtype: 'bool', shape: [] }

/** A graph made by `define`. */
export function graph(define: (b: GraphBuilder) => void): Graph {
  const b = graphBuilder()
  define(b)
  return b.build()
}

/** The same as an attribute of a control operator. */
export function body(define: (b: GraphBuilder) => void): Attribute {
  return { kind: 'graph', value: graph(define) }
}

export function int64(...values: number[]): Tensor {
  return tensor(BigInt64Array.from(values, BigInt))
}

export function scalar(value: number): Tensor {
  return tensor(BigInt64Array.of(BigInt(value)), [])
}

export function bool(flag: boolean): Tensor {
  return tensor(Uint8Array.of(flag ? 1 : 0), [], 'bool')
}

export function float32(values: readonly number[], shape?: readonly number[]): Tensor {
  return tensor(Float32Array.from(values), shape)
}

/** All outputs of a graph for these inputs. */
export async function run(g: Graph, inputs: Parameters<Awaited<ReturnType<typeof load>>['runSync']>[0]): ReturnType<Awaited<ReturnType<typeof load>>['run']> {
  const model = await load(g, { device: 'cpu' })
  const first = await model.run(inputs)
  // A second run must not see what the first has left behind.
  const second = await model.run(inputs)
  if (!sameValue(first, second)) throw new Error('two runs differ')
  return second
}

function sameValue(a: unknown, b: unknown): boolean {
  const text = (value: unknown): string => JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : ArrayBuffer.isView(item) ? Array.from(item as unknown as ArrayLike<unknown>) : item))
  return text(a) === text(b)
}
