// x (1 + erf(x / sqrt 2)) / 2, in the orders in which exporters write it -> Gelu (relaxed).
import type { Node } from '../graph.ts'
import { isOp, isShort, makeNode, uniform, type Look, type Pass } from './edit.ts'

export const fuseGelu: Pass = {
  name: 'fuse-gelu',
  relaxed: true,
  makes: 'Gelu',
  needs: ['Erf', 'Mul', 'Add'],
  run(look, edits) {
    for (const erf of look.graph.nodes) {
      if (!isOp(erf, 'Erf') || !isShort(look.typeOf(erf.outputs[0]))) continue
      const scaled = look.producerOf(erf.inputs[0])
      const x = scaled && scaledInput(look, scaled)
      const sum = onlyReader(look, erf)
      if (scaled === undefined || x === undefined || !isOp(sum, 'Add') || !hasConstant(look, sum, 1)) continue
      // Two products follow: by x and by 1/2, in either order; or x / 2 is made beforehand.
      const first = onlyReader(look, sum)
      if (!isOp(first, 'Mul')) continue
      const other = first.inputs[0] === sum.outputs[0] ? first.inputs[1] : first.inputs[0]
      const half = look.producerOf(other)
      const inner: Node[] = [erf, sum]
      if (look.readsOf(scaled.outputs[0]) === 1) inner.push(scaled)
      let last: Node | undefined
      if (isOp(half, 'Mul') && halfOf(look, half) === x) {
        last = first
      } else {
        const second = onlyReader(look, first)
        const isHalfOfX = other === x && isOp(second, 'Mul') && hasConstant(look, second, 0.5)
        const isXOfHalf = uniform(look.constantOf(other)) === 0.5 && isOp(second, 'Mul') && second.inputs.includes(x)
        if (!isHalfOfX && !isXOfHalf) continue
        inner.push(first)
        last = second
      }
      if (last === undefined || !edits.claim(last, ...inner)) continue
      for (const one of inner) edits.remove(one)
      edits.replace(last, [makeNode(look, 'Gelu', [x], last)])
      edits.counted()
    }
  },
}

function hasConstant(look: Look, node: Node, value: number): boolean {
  return node.inputs.some((name) => uniform(look.constantOf(name)) === value)
}

function onlyReader(look: Look, node: Node): Node | undefined {
  const [name] = node.outputs
  return look.readsOf(name) === 1 ? look.readersOf(name)[0] : undefined
}

/** x of x / sqrt 2, or of x times its reciprocal. */
function scaledInput(look: Look, node: Node): string | undefined {
  const close = (value: number | undefined, wanted: number): boolean => value !== undefined && Math.abs(value - wanted) < 1e-6
  if (isOp(node, 'Div') && close(uniform(look.constantOf(node.inputs[1])), Math.SQRT2)) return node.inputs[0]
  if (!isOp(node, 'Mul')) return undefined
  if (close(uniform(look.constantOf(node.inputs[1])), Math.SQRT1_2)) return node.inputs[0]
  return close(uniform(look.constantOf(node.inputs[0])), Math.SQRT1_2) ? node.inputs[1] : undefined
}

function halfOf(look: Look, node: Node): string | undefined {
  const side = node.inputs.findIndex((name) => uniform(look.constantOf(name)) === 0.5)
  return side < 0 ? undefined : node.inputs[1 - side]
}
