// Random graphs, and the real networks of the corpus: optimized in strict mode they give the same bits.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { InputRecord } from '../../../src/feed.ts'
import { graphBuilder } from '../../../src/graph/builder.ts'
import type { Graph } from '../../../src/graph/graph.ts'
import { tensor, type Tensor } from '../../../src/index.ts'
import { feedsOf, graphOf } from '../../export/cases.ts'
import { newSeed, randomOf, type Random } from '../../import/support.ts'
import { readCases, readPack } from '../../support/fixtures.ts'
import { bits, optimized, run } from './support.ts'

const VALUES = [0, -0, 1, -1, 0.5, 2, 3.25, NaN, Infinity, -Infinity, 1e-42, 7e37]

/** Values of one shape [3, 4], their transposes [4, 3], constants that make no-ops, and shapes that fold. */
function randomGraph(random: Random): { graph: Graph; feeds: InputRecord } {
  const dtype = random.pick(['float32', 'float64'] as const)
  const b = graphBuilder()
  const number = (): number => (random.chance(0.5) ? random.pick(VALUES) : random.next() * 4 - 2)
  const make = (shape: readonly number[]): Tensor => {
    const data = Array.from({ length: shape.reduce((size, dim) => size * dim, 1) }, number)
    return tensor(dtype === 'float32' ? Float32Array.from(data) : Float64Array.from(data), shape)
  }
  const rows = random.pick([3, 'rows'] as const)
  const x = b.input('x', { dtype, shape: [rows, 4] })
  const wide = [x, b.constant(make([3, 4]))]
  const tall: string[] = [b.constant(make([4, 3]))]
  const lists = { wide, tall }
  const steps = 4 + random.below(20)
  for (let i = 0; i < steps; i++) {
    const side = random.pick(['wide', 'tall'] as const)
    const list = lists[side]
    const other = lists[side === 'wide' ? 'tall' : 'wide']
    const a = random.pick(list)
    switch (random.below(9)) {
      case 0:
        list.push(b.add(random.pick(['Neg', 'Abs', 'Relu', 'Sigmoid', 'Identity', 'Tanh']), [a]))
        break
      case 1:
        list.push(b.add(random.pick(['Add', 'Sub', 'Mul', 'Div']), [a, random.pick(list)]))
        break
      case 2:
        list.push(b.add(random.pick(['Add', 'Sub', 'Mul', 'Div']), random.chance(0.5) ? [a, b.constant(tensor([random.pick([0, -0, 1, 2])], [], dtype))] : [b.constant(tensor([random.pick([0, -0, 1])], [1], dtype)), a]))
        break
      case 3:
        other.push(b.add('Transpose', [a], random.chance(0.5) ? { perm: [1, 0] } : {}))
        break
      case 4:
        list.push(b.add('Cast', [a], { to: dtype }))
        break
      case 5:
        list.push(b.add('Reshape', [b.add('Reshape', [a, b.constant(tensor([-1], [1], 'int64'))]), b.add('Shape', [a])]))
        break
      case 6: {
        // [3, 4] x [4, 3] is as square as its shape allows; back to the list's shape by another product.
        const square = b.add('MatMul', [a, random.pick(other)])
        list.push(b.add('MatMul', [square, random.pick(list)]))
        break
      }
      case 7:
        list.push(b.add('Add', [b.add('MatMul', [a, b.constant(make(side === 'wide' ? [4, 4] : [3, 3]))]), b.constant(make([side === 'wide' ? 4 : 3]))]))
        break
      default:
        list.push(b.add('Concat', [a], { axis: 0 }))
    }
  }
  const outputs = 1 + random.below(3)
  for (let i = 0; i < outputs; i++) {
    const list = random.pick([wide, tall])
    b.output(`y${i}`, list[list.length - 1 - random.below(Math.min(3, list.length))], { dtype })
  }
  return { graph: b.build(), feeds: { x: make([3, 4]) } }
}

let edits = 0
let cases = 0

test('random graphs keep their bits, with all passes and with each chosen at random', async () => {
  const seed = newSeed('optimizer')
  const random = randomOf(seed)
  for (let round = 0; round < 300; round++) {
    const { graph, feeds } = randomGraph(random)
    const passes = ['fold-shapes', 'fold-constants', 'remove-no-ops', 'merge-transposes', 'merge-reshapes', 'merge-duplicates', 'fuse-bias', 'remove-dead'].filter(() => random.chance(0.6))
    const { graph: small, counts } = await optimized(graph, random.chance(0.5) ? {} : { passes })
    for (const count of counts.values()) edits += count
    assert.equal(bits(await run(small, feeds)), bits(await run(graph, feeds)), `round ${round} of seed ${seed}`)
  }
  assert.ok(edits > 300, `${edits} edits only`)
})

for (const [pack, every] of [['networks', 2], ['sklearn', 6], ['onnx_ml', 4]] as const) {
  test(`models of ${pack}`, async () => {
    const files = readPack(pack)
    for (const fixture of readCases(pack).filter((_, i) => i % every === 0)) {
      const graph = await graphOf(fixture, files)
      if (graph.metadata.methods !== undefined && graph.inputs.length > 1) continue
      const given = feedsOf(fixture, graph)
      const feeds = graph.metadata.methods === undefined ? (given as InputRecord) : { [graph.inputs[0].name]: given as Tensor }
      // Explanations are slow, and not what the optimizer is about.
      const outputs = graph.outputs.filter(({ name }) => name !== 'contributions')
      if (outputs.some(({ type }) => !('dtype' in type))) continue
      const part = { ...graph, outputs }
      const { graph: small } = await optimized(part)
      assert.equal(bits(await run(small, feeds)), bits(await run(part, feeds)), `${pack}/${fixture.name}`)
      cases++
    }
  })
}

after(() => console.log(`optimizer: ${edits} edits of random graphs; ${cases} models of the corpus have the same bits`))
