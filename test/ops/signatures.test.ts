import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allSchemas } from '../../src/ops/registry.ts'
import { SIGNATURES } from '../../src/ops/signature-table.ts'
import { signatureOf } from '../../src/ops/signatures.ts'

test('every operator has a signature, which says what its schema says', () => {
  assert.equal(SIGNATURES.length, allSchemas().size)
  for (const [key, { name, domain, version, attributes, outputs }] of allSchemas()) {
    const signature = signatureOf(key)
    assert.deepEqual([signature.name, signature.domain, signature.version], [name, domain, version])
    assert.deepEqual(signature.attributes, attributes.map((one) => ({ name: one.name, kind: one.kind })))
    assert.deepEqual(signature.outputs.map((one) => one.name), outputs.map((one) => one.name))
  }
  assert.throws(() => signatureOf('Nothing'), { code: 'GRAPH_OPERATOR' })
})

test('signatures are plain data, which the build can write down', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(SIGNATURES)), SIGNATURES)
})
