// What it costs to start: the built package against an empty `node -e 0`, spawned in turns so that a busy machine slows both alike.
// npm run build && node --import tsx bench/startup.ts [rounds=30] [dist=dist]
// Fastest and median of the rounds in milliseconds; "over node" is the difference to `node -e 0` of the same column.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { write } from '../src/format/index.ts'
import { graphBuilder } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import { addTreeEnsemble } from '../src/import/trees.ts'
import { encodeTrees, type TreeDescription } from '../src/ops/trees/encode.ts'
import { tensor } from '../src/index.ts'

const ROUNDS = Number(process.argv[2] ?? 30)
const DIST = resolve(process.argv[3] ?? 'dist')
const FEATURES = 20
const TREES = 100
const NODES_PER_TREE = 411

/** Park and Miller's generator: the same forest every time. */
function random(): () => number {
  let state = 1
  return () => (state = (state * 48271) % 2147483647) / 2147483647
}

/** A tree grown by splitting leaves at random until it has its nodes; two class shares in each leaf. */
function tree(next: () => number): TreeDescription {
  const left = [-1]
  const right = [-1]
  const leaves = [0]
  while (left.length < NODES_PER_TREE) {
    const [leaf] = leaves.splice(Math.floor(next() * leaves.length), 1)
    for (const side of [left, right]) {
      side[leaf] = left.length
      leaves.push(left.length)
      left.push(-1)
      right.push(-1)
    }
  }
  return {
    left, right,
    feature: left.map(() => Math.floor(next() * FEATURES)),
    threshold: left.map(() => next() - 0.5),
    values: left.flatMap(() => {
      const share = next() / TREES
      return [share, 1 / TREES - share]
    }),
  }
}

/** A classifier of 100 trees and 41,100 nodes. */
function forest(): Graph {
  const next = random()
  const trees = encodeTrees(Array.from({ length: TREES }, () => tree(next)), { width: 2, precision: 'float32' })
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float64', shape: ['batch', FEATURES] })
  const probabilities = addTreeEnsemble(b, b.add('Cast', [x], { to: 'float32' }), trees, { outputs: 2 })
  return classifier(b, probabilities)
}

/** Logistic regression: what a small model is. */
function logistic(): Graph {
  const next = random()
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float64', shape: ['batch', FEATURES] })
  const weights = b.constant(tensor(Float64Array.from({ length: 2 * FEATURES }, () => next() - 0.5), [FEATURES, 2]))
  return classifier(b, b.add('Softmax', [b.add('Gemm', [x, weights, b.constant(tensor(Float64Array.of(0.1, -0.1), [2]))])]))
}

function classifier(b: ReturnType<typeof graphBuilder>, probabilities: string): Graph {
  const label = b.add('mle.LabelLookup', [b.add('ArgMax', [probabilities], { axis: 1, keepdims: 0 }), b.constant(tensor(['no', 'yes'], [2]))])
  b.output('label', label, { dtype: 'string', shape: ['batch'] })
  b.output('probabilities', probabilities, { dtype: 'float64', shape: ['batch', 2] })
  return b.build({ methods: [{ name: 'predict', outputs: ['label'] }, { name: 'predict_proba', outputs: ['probabilities'] }] })
}

interface Probe {
  readonly name: string
  readonly args: readonly string[]
  readonly times: number[]
  /** What the child measured itself, by name. */
  readonly inner: Map<string, number[]>
}

const folder = mkdtempSync(join(tmpdir(), 'mle-startup-'))
try {
  const files = { forest: join(folder, 'forest.mle'), small: join(folder, 'small.mle'), row: join(folder, 'row.json') }
  writeFileSync(files.forest, await write(forest()))
  writeFileSync(files.small, await write(logistic()))
  writeFileSync(files.row, JSON.stringify([Array.from({ length: FEATURES }, (_, i) => i / 10 - 1)]))
  const index = JSON.stringify(pathToFileURL(join(DIST, 'index.js')).href)
  const row = `[Array.from({ length: ${FEATURES} }, (_, i) => i / 10 - 1)]`
  const library = (body: string): string[] => ['--input-type=module', '-e', `const started = performance.now()\nconst { load } = await import(${index})\nconst imported = performance.now()\n${body}`]
  const predicting = (source: string): string[] => library(prediction(source))
  /** The same in a script, which requires the package: the host loads it without the machinery of asynchronous imports. */
  const required = (source: string): string[] => ['-e', `const started = performance.now()\nconst { load } = require(${JSON.stringify(join(DIST, 'index.js'))})\nconst imported = performance.now()\n;(async () => {${prediction(source)}\n})()`]
  const prediction = (source: string): string => `
const source = ${source}
const before = performance.now()
const model = await load(source)
const loaded = performance.now()
const { data } = await model.predict(${row})
const done = performance.now()
console.log(JSON.stringify({ import: imported - started, load: loaded - before, predict: done - loaded, label: data[0] }))`
  const bytesOf = (path: string): string => `new Uint8Array(process.getBuiltinModule('fs').readFileSync(${JSON.stringify(path)}))`
  const probe = (name: string, args: readonly string[]): Probe => ({ name, args, times: [], inner: new Map() })
  const probes = [
    probe('node -e 0', ['-e', '0']),
    probe('node -e 0, as a module', ['--input-type=module', '-e', '0']),
    probe('import the package', library('')),
    probe('small model from a path', predicting(JSON.stringify(files.small))),
    ...('require_module' in process.features ? [probe('small model, required', required(JSON.stringify(files.small)))] : []),
    probe('forest from bytes', predicting(bytesOf(files.forest))),
    probe('forest from a path', predicting(JSON.stringify(files.forest))),
    probe('forest from bytes, 50 times', library(`
const bytes = ${bytesOf(files.forest)}
const times = []
for (let i = 0; i < 60; i++) {
  const before = performance.now()
  const model = await load(bytes)
  times.push(performance.now() - before)
  model.dispose()
}
console.log(JSON.stringify({ 'warm load': times.slice(10).sort((a, b) => a - b)[25] }))`)),
    probe('mle --version', [join(DIST, 'cli.js'), '--version']),
    probe('mle run, small model', [join(DIST, 'cli.js'), 'run', files.small, '--input', files.row]),
    probe('mle run, forest', [join(DIST, 'cli.js'), 'run', files.forest, '--input', files.row]),
  ]
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { name, args, times, inner } of probes) {
      const before = performance.now()
      const child = spawnSync(process.execPath, [...args], { encoding: 'utf8' })
      const time = performance.now() - before
      if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`)
      // The first round fills the caches of the file system.
      if (round === 0) continue
      times.push(time)
      if (!child.stdout.startsWith('{')) continue
      for (const [key, value] of Object.entries(JSON.parse(child.stdout) as Record<string, unknown>)) if (typeof value === 'number') inner.set(key, [...(inner.get(key) ?? []), value])
    }
  }
  print(probes)
} finally {
  if (process.env.KEEP === undefined) rmSync(folder, { recursive: true, force: true })
}

function fastest(times: readonly number[]): number {
  return Math.min(...times)
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1]
}

function print(probes: readonly Probe[]): void {
  const [empty] = probes
  const ms = (value: number): string => value.toFixed(1).padStart(7)
  console.log(`${ROUNDS} rounds of each, Node ${process.versions.node}, ${DIST}\n`)
  console.log(`${'ms'.padEnd(30)}fastest median   over node: fastest median   inside: fastest/median`)
  for (const { name, times, inner } of probes) {
    const inside = [...inner].map(([key, values]) => `${key} ${fastest(values).toFixed(2)}/${median(values).toFixed(2)}`).join('  ')
    console.log(`${name.padEnd(30)}${ms(fastest(times))}${ms(median(times))}${ms(fastest(times) - fastest(empty.times)).padStart(21)}${ms(median(times) - median(empty.times))}   ${inside}`)
  }
}
