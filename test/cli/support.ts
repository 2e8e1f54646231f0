// Runs the command in this process, in a folder of its own; models are small graphs that pass their inputs through.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { mle } from '../../src/cli/mle.ts'
import { write } from '../../src/format/index.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export const folder: string = mkdtempSync(join(tmpdir(), 'mle-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A path in the test's folder. */
export const at = (name: string): string => join(folder, name)

/** Writes a file into the test's folder and returns its path. */
export function file(name: string, content: string | Uint8Array): string {
  writeFileSync(at(name), content)
  return at(name)
}

export async function run(...argv: string[]): Promise<Outcome> {
  let out = ''
  let err = ''
  const code = await mle(argv, { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false })
  return { code, out, err }
}

/** A table model: numbers `x` and `y`, text `city`; gives them back, and labels that numpy knows as int64 and bool. */
export function tableGraph(): Graph {
  const b = graphBuilder()
  const numbers = b.input('numbers', { dtype: 'float64', shape: ['batch', 2] })
  const city = b.input('city', { dtype: 'string', shape: ['batch', 1] })
  b.output('transformed', numbers, { dtype: 'float64', shape: ['batch', 2] })
  b.output('counts', numbers, { dtype: 'float64', shape: ['batch', 2] }, 'int64')
  b.output('flags', numbers, { dtype: 'float64', shape: ['batch', 2] }, 'bool')
  b.output('cities', city, { dtype: 'string', shape: ['batch', 1] })
  return b.build({
    framework: 'test', frameworkVersion: '1', estimator: 'Passer',
    methods: [{ name: 'transform', outputs: ['transformed'] }, { name: 'predict', outputs: ['cities'] }, { name: 'predict_proba', outputs: ['transformed', 'counts'] }],
    columns: [{ name: 'y', input: 'numbers', index: 1 }, { name: 'city', input: 'city', index: 0 }, { name: 'x', input: 'numbers', index: 0 }],
    notes: ['made by a test'],
  })
}

/** A model without column names: X [batch, 2] float32 and ids [batch] int64. */
export function plainGraph(): Graph {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: ['batch', 2] })
  const ids = b.input('ids', { dtype: 'int64', shape: ['batch'] })
  b.output('out', x, { dtype: 'float32', shape: ['batch', 2] })
  b.output('same', ids, { dtype: 'int64', shape: ['batch'] })
  return b.build({ methods: [{ name: 'predict', outputs: ['out'] }] })
}

/** Saves a graph as .mle in the test's folder. */
export async function saved(name: string, graph: Graph): Promise<string> {
  return file(name, await write(graph))
}
