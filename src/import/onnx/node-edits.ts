// What rules for operators of older opsets are made of.
import type { Attribute } from '../../ops/types.ts'
import type { DType } from '../../tensor/index.ts'
import type { Draft, DraftNode } from './draft.ts'

export interface UpgradeContext {
  readonly draft: Draft
  readonly opset: number
  /** The program that wrote the file, as it calls itself. */
  readonly producer: string
  /** dtype of a value, where it is known. */
  readonly dtype: (name: string) => DType | undefined
}

/** Adds the current form of a node to the draft. */
export type Upgrade = (node: DraftNode, context: UpgradeContext) => void

export function intsOf(node: DraftNode, name: string): readonly number[] | undefined {
  const value = node.attributes.get(name)
  return value?.kind === 'ints' ? value.value : undefined
}

export function intOf(node: DraftNode, name: string, fallback: number): number {
  const value = node.attributes.get(name)
  return value?.kind === 'int' ? value.value : fallback
}

export function floatOf(node: DraftNode, name: string, fallback: number): number {
  const value = node.attributes.get(name)
  return value?.kind === 'float' || value?.kind === 'int' ? value.value : fallback
}

export function without(node: DraftNode, ...names: string[]): DraftNode {
  const attributes = new Map(node.attributes)
  for (const name of names) attributes.delete(name)
  return { ...node, attributes }
}

export function withAttributes(node: DraftNode, more: Readonly<Record<string, Attribute>>): DraftNode {
  return { ...node, attributes: new Map([...node.attributes, ...Object.entries(more)]) }
}

/** Sets input `index`, filling the gap before it with absent ones. */
export function withInput(node: DraftNode, index: number, name: string): DraftNode {
  const inputs = [...node.inputs]
  while (inputs.length < index) inputs.push('')
  inputs[index] = name
  return { ...node, inputs }
}
