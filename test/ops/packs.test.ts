import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../src/error.ts'
import { opKey } from '../../src/ops/kernel.ts'
import { loadOperators, loadPack, packNames, packOf } from '../../src/ops/packs.ts'
import { allSchemas } from '../../src/ops/registry.ts'

for (const name of packNames()) {
  test(`pack ${name} has the operators that are listed for it, each with a kernel`, async () => {
    const { schemas, cpu } = await loadPack(name)
    const keys = schemas.map((schema) => opKey(schema.domain, schema.name)).sort()
    const listed = [...allSchemas().keys()].filter((key) => packOf(key) === name).sort()
    assert.deepEqual(keys, listed)
    assert.ok(keys.length > 0)
    assert.deepEqual(schemas.filter((schema) => schema.alias !== true && !cpu.has(opKey(schema.domain, schema.name))).map((schema) => schema.name), [])
    assert.deepEqual([...cpu.keys()].filter((key) => !listed.includes(key)), [])
  })
}

test('every operator is in one pack, and the packs have no others', async () => {
  const packs = await Promise.all(packNames().map(loadPack))
  const keys = packs.flatMap((pack) => pack.schemas.map((schema) => opKey(schema.domain, schema.name)))
  assert.deepEqual([...keys].sort(), [...allSchemas().keys()].sort())
})

test('loadOperators loads the packs of the operators named, and no others', async () => {
  const { schemas, cpu } = await loadOperators(['mle.TreeEnsemble', 'ArgMax'])
  assert.ok(schemas.has('mle.TreeEnsemble') && cpu.has('ArgMax') && schemas.has('Gemm'))
  assert.equal(schemas.has('Sin'), false)
  assert.equal(cpu.has('mle.TextCounts'), false)
  assert.equal((await loadOperators([])).schemas.size, 0)
})

test('an unknown operator is refused by name', async () => {
  await assert.rejects(loadOperators(['Add', 'mle.Nonsense']), (error: unknown) => error instanceof MleError && error.code === 'GRAPH_OPERATOR' && error.message.includes('mle.Nonsense'))
})
