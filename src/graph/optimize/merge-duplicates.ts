// Nodes that compute the same from the same values become one; constants of up to 64 elements that are equal, too.
import type { Attribute } from '../../ops/types.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Node } from '../graph.ts'
import { subgraphsOf } from '../subgraphs.ts'
import type { Pass } from './edit.ts'
import { isRandom } from './fold-constants.ts'

/** Larger constants are compared by identity: importers store a tensor object once. */
const MAX_COMPARED = 64

export const mergeDuplicates: Pass = {
  name: 'merge-duplicates',
  needs: [],
  run(look, edits) {
    const { graph } = look
    const first = new Map<string, string>()
    const same = new Map<string, string>()
    const tensorKeys = new Map<Tensor, string>()
    const keyOfTensor = (tensor: Tensor): string => {
      let key = tensorKeys.get(tensor)
      if (key === undefined) tensorKeys.set(tensor, (key = tensor.data.length > MAX_COMPARED ? `#${tensorKeys.size}` : `${tensor.dtype}[${tensor.shape.join()}]${JSON.stringify(Array.from(tensor.data as ArrayLike<unknown>, text))}`))
      return key
    }
    for (const [name, tensor] of graph.initializers) {
      const key = keyOfTensor(tensor)
      const known = first.get(key)
      if (known === undefined || look.isOutput(name)) first.set(key, known ?? name)
      else {
        same.set(name, known)
        edits.redirect(name, known)
      }
    }
    const nodes = new Map<string, Node>()
    for (const node of graph.nodes) {
      if (isRandom(node) || subgraphsOf(node).length > 0) continue
      const attributes = [...node.attributes].map(([name, attribute]) => `${name}=${attributeKey(attribute, keyOfTensor)}`).sort()
      const key = JSON.stringify([node.domain, node.op, node.version, node.inputs.map((name) => same.get(name) ?? name), node.outputs.map((name) => name !== ''), attributes])
      const twin = nodes.get(key)
      if (twin === undefined || node.outputs.some((name) => look.isOutput(name))) {
        if (twin === undefined) nodes.set(key, node)
        continue
      }
      if (!edits.claim(node)) continue
      edits.remove(node)
      node.outputs.forEach((name, i) => {
        if (name === '') return
        same.set(name, twin.outputs[i])
        edits.redirect(name, twin.outputs[i])
      })
      edits.counted()
    }
  },
}

/** -0 and 0 differ, and every NaN is itself. */
function text(value: unknown): string {
  return Object.is(value, -0) ? '-0' : `${typeof value === 'string' ? 's' : ''}${String(value)}`
}

function attributeKey(attribute: Attribute, keyOfTensor: (tensor: Tensor) => string): string {
  return attribute.kind === 'tensor' ? keyOfTensor(attribute.value) : `${attribute.kind}:${JSON.stringify(attribute.value, (_key, value: unknown) => (typeof value === 'number' ? text(value) : value))}`
}
