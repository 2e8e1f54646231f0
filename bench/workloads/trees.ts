// Shapes of trees that the trained models lack, and large batches: shallow, deep and chain-like ensembles at 1, 8, 1000 and 100,000 rows.
import * as ours from '../engines/mle.ts'
import { ortEngines, ortSubject } from '../engines/ort.ts'
import { compare, type Subject } from '../measure.ts'
import { batchesOf, benchModel, rowsOf } from '../models.ts'
import { FLOAT, oneNode } from '../onnx.ts'
import { fillUniform, uniform } from '../random.ts'
import { joined, type Column, type Table, type Workload } from '../results.ts'

const BATCHES = [1, 8, 1000, 100_000]
const FEATURES = 20

interface Grown {
  readonly name: string
  readonly about: string
  readonly mle: Uint8Array
  readonly onnx: Uint8Array
  readonly rows: Float32Array
  readonly features: number
}

/** The deep ones are split where few leaves are left; of the chain-like every inner node has a leaf. */
export const treeShapes: Workload = async ({ quick, effort }) => {
  const shallow = await benchModel('shallow100')
  const grown: Grown[] = [
    shallow,
    await ensemble('deep50', '50 trees of 400 leaves each, split at random, 15 to 25 levels, through ONNX', 50, (next, leaves) => (leaves < 400 ? Math.floor(next() * leaves) : -1)),
    await ensemble('chain100', '100 trees of one branch, 40 levels, through ONNX', 100, (_next, leaves) => (leaves <= 40 ? leaves - 1 : -1)),
  ]
  const engines = await ortEngines()
  const tables: Table[] = []
  for (const model of grown) {
    const loaded = await ours.load(model.mle)
    const columns: Column[] = []
    for (const batch of BATCHES) {
      const batches = batch > 1000 ? [rowsOf(model, batch)] : batchesOf(model, batch)
      const subjects: Subject[] = ours.subjects(loaded, batches, batch, ['variable'])
      for (const engine of engines) subjects.push(await ortSubject(engine, model.onnx, batches.map((data) => [{ type: 'float32', data, dims: [batch, model.features] }]), 'variable'))
      console.error(`  ${model.name}, ${batch} rows`)
      columns.push({ name: batch === 1 ? '1 row' : `${batch.toLocaleString('en')} rows`, results: await compare(subjects, batch > 1000 ? { rounds: quick ? 2 : 3, ms: effort.ms } : effort) })
    }
    tables.push(joined(model.name, `${model.about}; device ${loaded.device.name}`, columns))
    loaded.dispose()
  }
  return tables
}

/** Trees that grow by splitting the leaf that `choose` names of those there are, until it names none. */
async function ensemble(name: string, about: string, trees: number, choose: (next: () => number, leaves: number) => number): Promise<Grown> {
  const next = uniform(13)
  const treeIds: number[] = []
  const nodeIds: number[] = []
  const lefts: number[] = []
  const rights: number[] = []
  const isLeaf: boolean[] = []
  for (let tree = 0; tree < trees; tree++) {
    const first = treeIds.length
    const leaves: number[] = []
    const grow = (): number => {
      const node = treeIds.length - first
      treeIds.push(tree)
      nodeIds.push(node)
      lefts.push(0)
      rights.push(0)
      isLeaf.push(true)
      leaves.push(node)
      return node
    }
    grow()
    for (let at = choose(next, leaves.length); at >= 0; at = choose(next, leaves.length)) {
      const [node] = leaves.splice(at, 1)
      isLeaf[first + node] = false
      // A chain goes on to either side.
      const sides = next() < 0.5 ? [lefts, rights] : [rights, lefts]
      for (const side of sides) side[first + node] = grow()
    }
  }
  const ids = nodeIds.map((_, i) => i)
  const leaves = ids.filter((i) => isLeaf[i])
  const onnx = oneNode(
    'TreeEnsembleRegressor', [{ name: 'X', type: FLOAT, shape: ['batch', FEATURES] }], { name: 'variable', type: FLOAT, shape: ['batch', 1] },
    {
      int: { n_targets: 1 },
      ints: {
        nodes_treeids: treeIds, nodes_nodeids: nodeIds, nodes_featureids: ids.map((i) => (isLeaf[i] ? 0 : Math.floor(next() * FEATURES))),
        nodes_truenodeids: lefts, nodes_falsenodeids: rights,
        target_treeids: leaves.map((i) => treeIds[i]), target_nodeids: leaves.map((i) => nodeIds[i]), target_ids: leaves.map(() => 0),
      },
      floats: { nodes_values: ids.map((i) => (isLeaf[i] ? 0 : next() - 0.5)), target_weights: leaves.map(() => next() - 0.5) },
      strings: { nodes_modes: ids.map((i) => (isLeaf[i] ? 'LEAF' : 'BRANCH_LEQ')) },
    }, 'ai.onnx.ml',
  )
  return { name, about, mle: await ours.convert(onnx, 'model.onnx'), onnx, rows: fillUniform(new Float32Array(1000 * FEATURES), 14, 1), features: FEATURES }
}
