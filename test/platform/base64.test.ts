import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import fc from 'fast-check'
import { fromBase64 } from '../../src/platform/base64.ts'

const withoutBuffer = (text: string): Uint8Array => {
  const hidden = mock.method(process, 'getBuiltinModule', () => undefined)
  try {
    return fromBase64(text)
  } finally {
    hidden.mock.restore()
  }
}

test('bytes come back, with a host that has Buffer and without', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    const text = btoa(String.fromCharCode(...bytes))
    for (const form of [text, text.replaceAll('=', '')]) {
      assert.deepEqual(fromBase64(form), bytes)
      assert.deepEqual(withoutBuffer(form), bytes)
    }
  }))
})

test('what is no base64 is refused by both', () => {
  for (const text of ['A', 'AAAAA', 'AA-A', 'AA A?', 'A===', '=AAA']) {
    assert.throws(() => fromBase64(text), { name: 'InvalidCharacterError' }, text)
    assert.throws(() => withoutBuffer(text), { name: 'InvalidCharacterError' }, text)
  }
})
