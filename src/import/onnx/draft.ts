// A graph while it is imported: nodes still in the file's opset pass through upgrades before they become the current operators.
import { opKey } from '../../ops/kernel.ts'
import { signatureOf } from '../../ops/signatures.ts'
import type { Attribute } from '../../ops/types.ts'
import type { Node } from '../../graph/graph.ts'
import { tensor, type DType, type Tensor } from '../../tensor/index.ts'
import { conformed } from './attributes.ts'
import { noteDtypes } from './dtypes.ts'

/** A node as the file has it, attributes read. */
export interface DraftNode {
  readonly op: string
  readonly domain: string
  readonly name?: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, Attribute>
}

/** Where upgraded nodes and constants go. */
export interface Draft {
  readonly nodes: Node[]
  readonly initializers: Map<string, Tensor>
  /** dtypes of values by name, of this graph and those around it, as far as they are known. */
  readonly dtypes: Map<string, DType>
  /** Ranks of values by name, likewise. */
  readonly ranks: Map<string, number>
  /** A name that nothing else has. */
  readonly fresh: (hint: string) => string
  /** Adds a node of the current version. */
  readonly emit: (node: DraftNode) => void
  readonly constant: (value: Tensor, hint: string) => string
}

export function createDraft({ fresh, dtypes, ranks }: Pick<Draft, 'fresh' | 'dtypes' | 'ranks'>): Draft {
  const nodes: Node[] = []
  const initializers = new Map<string, Tensor>()
  return {
    nodes,
    initializers,
    dtypes,
    ranks,
    fresh,
    emit({ op, domain, name, inputs, outputs, attributes }) {
      const key = opKey(domain, op)
      const signature = signatureOf(key)
      const own = new Map<string, Attribute>()
      for (const [key, value] of attributes) own.set(key, conformed(key, value, signature))
      nodes.push({ op, domain, version: signature.version, name: name === '' ? undefined : name, inputs, outputs, attributes: own })
      noteDtypes(key, { inputs, outputs, attributes: own }, dtypes)
      const rank = key === 'Cast' || key === 'Identity' ? ranks.get(inputs[0]) : undefined
      if (rank !== undefined) ranks.set(outputs[0], rank)
    },
    constant(value, hint) {
      const name = fresh(hint)
      initializers.set(name, value)
      dtypes.set(name, value.dtype)
      return name
    },
  }
}

export function int64s(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return tensor(BigInt64Array.from(values, BigInt), shape)
}
