// Typed reads of attributes. Validation has already matched kinds against the schema, so a mismatch here is our own fault.
import type { Attribute, AttributeKind, Attributes, Subgraph } from './types.ts'
import type { Tensor } from '../tensor/tensor.ts'

function find<K extends AttributeKind>(attributes: Attributes, name: string, kind: K): Extract<Attribute, { kind: K }> | undefined {
  const found = attributes.get(name)
  if (found === undefined) return undefined
  if (found.kind !== kind) throw new TypeError(`attribute ${name} is ${found.kind}, expected ${kind}`)
  return found as Extract<Attribute, { kind: K }>
}

export function int(attributes: Attributes, name: string, fallback: number): number {
  return find(attributes, name, 'int')?.value ?? fallback
}

export function float(attributes: Attributes, name: string, fallback: number): number {
  return find(attributes, name, 'float')?.value ?? fallback
}

export function text(attributes: Attributes, name: string, fallback: string): string {
  return find(attributes, name, 'string')?.value ?? fallback
}

export function ints(attributes: Attributes, name: string): readonly number[] | undefined {
  return find(attributes, name, 'ints')?.value
}

export function floats(attributes: Attributes, name: string): readonly number[] | undefined {
  return find(attributes, name, 'floats')?.value
}

export function texts(attributes: Attributes, name: string): readonly string[] | undefined {
  return find(attributes, name, 'strings')?.value
}

export function tensorAttribute(attributes: Attributes, name: string): Tensor | undefined {
  return find(attributes, name, 'tensor')?.value
}

export function subgraph(attributes: Attributes, name: string): Subgraph | undefined {
  return find(attributes, name, 'graph')?.value
}
