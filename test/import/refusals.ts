// A table of bad files and the code that each is refused with: one test a line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../src/error.ts'
import { load, type Tensor } from '../../src/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'

export type Refusal = readonly [code: string, what: string, bytes: () => Uint8Array]

/** An input must be refused with its code, and at once. */
export function testRefusals(refusals: readonly Refusal[]): void {
  for (const [code, what, bytes] of refusals) {
    test(`${code}: ${what}`, async () => {
      await assert.rejects(
        async () => predictOne(await importModel(bytes())),
        (error) => error instanceof MleError && error.code === code && error.message.length > 20,
      )
    })
  }
}

/** What only a run can tell (its operators check their constants when a plan is made) counts too. */
async function predictOne(graph: Graph): Promise<void> {
  const model = await load(graph)
  const inputs: Record<string, Tensor> = {}
  for (const { name, dtype, shape } of model.inputs) {
    const width = Number(shape[1])
    inputs[name] = dtype === 'string' ? { dtype, shape: [1, width], data: new Array<string>(width).fill('') } : { dtype: 'float64', shape: [1, width], data: new Float64Array(width) }
  }
  await model.call('margin', inputs)
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/** A document with the value at a path replaced; undefined leaves it out. */
export function replaced(root: Json, path: readonly (string | number)[], value: Json | undefined): Json {
  if (path.length === 0) return value ?? null
  const [key, ...rest] = path
  const copy: Record<string, Json | undefined> | Json[] = Array.isArray(root) ? [...(root as readonly Json[])] : { ...(root as { readonly [key: string]: Json | undefined }) }
  const holder = copy as Record<string | number, Json | undefined>
  holder[key] = rest.length === 0 ? value : replaced(holder[key] ?? {}, rest, value)
  return copy
}

export function documentOf(root: Json, path: readonly (string | number)[] = [], value?: Json): () => Uint8Array {
  return () => utf8(JSON.stringify(path.length === 0 ? root : replaced(root, path, value)))
}
