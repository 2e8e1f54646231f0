// What a file holds, without its weights. The same checks as for reading: what inspect shows is what load would run.
import type { Graph } from '../graph/graph.ts'
import { hex } from '../platform/sha256.ts'
import { openSource, type Source, type SourceInput } from '../platform/source.ts'
import { codecName } from './chunks.ts'
import { limitsOf, type Limits } from './limits.ts'
import { graphOf } from './names.ts'
import { rootOf } from './root.ts'
import { checkContents, gather, type Contents } from './read.ts'
import type { Inspection, ReadOptions } from './types.ts'

/**
 * Describes a file. Reads header, JSON and chunk table, whatever the file's size; over http by ranges where the server has them.
 *
 * @throws MleError as `read` does, but for damage of the weights, which are not read
 * @example (await inspect('model.mle')).tensors.map((tensor) => tensor.shape)
 */
export async function inspect(input: SourceInput, options: Pick<ReadOptions, 'limits' | 'guard'> = {}): Promise<Inspection> {
  const limits = limitsOf(options.limits)
  const source = await openSource(input, { maxBytes: limits.maxBytes, ranges: true })
  try {
    const { container, metadata, decoded, chunks, weightBytes } = await describe(source, options, limits)
    const { operators, nodeCount } = countOperators(decoded.graph)
    return {
      version: 3,
      byteLength: container.byteLength,
      signed: container.signature.byteLength > 0,
      encrypted: container.encrypted,
      compressed: container.compressed,
      root: hex(rootOf(container)),
      sections: container.sections.map(({ name, kind, offset, byteLength, sha256 }) => ({ name, kind, offset, byteLength, sha256: hex(sha256) })),
      chunks: chunks.map(({ codec, storedBytes, rawBytes, sha256 }) => ({ codec: codecName(codec), storedBytes, rawBytes, sha256: hex(sha256) })),
      metadata,
      inputs: decoded.graph.inputs,
      outputs: decoded.graph.outputs,
      operators,
      nodeCount,
      subgraphCount: decoded.subgraphCount,
      tensors: decoded.table.map((entry) => ({
        names: decoded.tensorNames.get(entry) ?? [],
        dtype: entry.slot.dtype,
        shape: entry.slot.shape,
        offset: entry.offset,
        byteLength: entry.byteLength,
      })),
      weightBytes,
    }
  } finally {
    await source.close()
  }
}

async function describe(source: Source, options: Pick<ReadOptions, 'guard'>, limits: Limits): Promise<Contents> {
  if (options.guard !== undefined) return (await import('./read-chunks.ts')).contentsOf(source, options, limits)
  const { container, fetch } = await gather(source, undefined, limits)
  return checkContents(container, fetch, undefined, limits)
}

type OperatorCount = { readonly op: string; readonly domain: string; readonly version: number; count: number }

function countOperators(graph: Graph): { operators: OperatorCount[]; nodeCount: number } {
  const counts = new Map<string, OperatorCount>()
  let nodeCount = 0
  const visit = (body: Graph): void => {
    for (const { op, domain, version, attributes } of body.nodes) {
      nodeCount++
      const key = JSON.stringify([domain, op, version])
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { op, domain, version, count: 1 })
      else known.count++
      for (const attribute of attributes.values()) if (attribute.kind === 'graph') visit(graphOf(attribute.value))
    }
  }
  visit(graph)
  return { operators: [...counts.values()], nodeCount }
}
