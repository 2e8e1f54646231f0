import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { read } from '../../src/format/index.ts'
import { at, file, plainGraph, run, saved } from './support.ts'

const model = await saved('plain.mle', { ...plainGraph(), metadata: { name: 'plain' } })
const inputs = ['--input', file('inputs.json', '{"columns": ["a", "b"], "rows": [[1, 2]]}')]

const fault = async (...argv: string[]): Promise<string> => {
  const { code, err } = await run(...argv)
  return `${code} ${/^mle: ([A-Z_]+):/.exec(err)?.[1] ?? err}`
}

test('keygen, sign, verify', async () => {
  assert.equal((await run('keygen', '-o', at('me'))).code, 0)
  assert.equal(statSync(at('me.pem')).mode & 0o777, 0o600)
  assert.equal(await fault('keygen', '-o', at('me')), '1 CLI_EXISTS')
  assert.equal((await run('convert', model, '-o', at('named.mle'), '--id', 'plain', '--model-version', '3')).code, 0)
  assert.equal(await fault('verify', at('named.mle'), '--key', at('me.pub.pem')), '1 TRUST_UNSIGNED')
  assert.equal((await run('sign', at('named.mle'), '--key', at('me.pem'), '-o', at('signed.mle'), '--not-after', '2100-01-01')).code, 0)
  const { code, out } = await run('verify', at('signed.mle'), '--key', at('me.pub.pem'), '--model-id', 'plain', '--min-version', '3', '--codec', 'none', '--max-bytes', '100000')
  assert.equal(code, 0)
  assert.match(out, /signed\.mle: verified, model plain version 3\nroot [0-9a-f]{64}\nsigned by [0-9a-f]{64} until 2100-01-01T00:00:00\.000Z\n$/)
  assert.equal(await fault('verify', at('signed.mle'), '--key', at('me.pub.pem'), '--model-id', 'plain', '--min-version', '4'), '1 TRUST_VERSION')
  assert.match(await fault('verify', at('signed.mle')), /^2 mle: --key NAME\.pub\.pem is missing/)
  assert.match(await fault('verify', at('signed.mle'), '--key', at('me.pub.pem'), '--min-version', '4'), /^2 mle: --min-version needs --model-id/)
  assert.match(await fault('sign', model, '--key', at('me.pem'), '--not-after', 'soon'), /^2 mle: --not-after takes a date/)
})

test('run, inspect and convert take only what is signed when they are told so', async () => {
  const trusting = ['--verify', at('me.pub.pem')]
  assert.equal((await run('inspect', at('signed.mle'), ...trusting)).code, 0)
  assert.equal((await run('convert', at('signed.mle'), '-o', at('again.mle'), ...trusting)).code, 0)
  for (const command of ['inspect', 'convert', 'run']) {
    const more = command === 'run' ? inputs : command === 'convert' ? ['-o', at('no.mle')] : []
    assert.equal(await fault(command, model, ...more, ...trusting), '1 TRUST_UNSIGNED', command)
    assert.equal(await fault(command, file('forest.txt', 'tree\nversion=v3\n'), ...more, ...trusting), '1 TRUST_SOURCE', command)
  }
  assert.ok(!existsSync(at('no.mle')))
  assert.match(await fault('inspect', model, '--model-id', 'plain'), /^2 mle: --require, --model-id and --min-version need --verify/)
})

test('openssl signs what --message-to writes', async (t) => {
  assert.equal((await run('sign', model, '--public', at('me.pub.pem'), '--message-to', at('message.bin'))).code, 0)
  try {
    execFileSync('openssl', ['pkeyutl', '-sign', '-rawin', '-inkey', at('me.pem'), '-in', at('message.bin'), '-out', at('signature.bin')])
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return t.skip('needs the command openssl')
    throw error
  }
  assert.equal((await run('sign', model, '--public', at('me.pub.pem'), '--signature', at('signature.bin'), '-o', at('by-openssl.mle'))).code, 0)
  assert.equal((await run('verify', at('by-openssl.mle'), '--key', at('me.pub.pem'))).code, 0)
  assert.equal(await fault('sign', at('named.mle'), '--public', at('me.pub.pem'), '--signature', at('signature.bin'), '-o', at('wrong.mle')), '1 TRUST_SIGNATURE')
})

test('encrypt and decrypt', async () => {
  assert.equal((await run('keygen', '--secret', '-o', at('k.bin'))).code, 0)
  file('passphrase.txt', 'open sesame\nsecond line\n')
  const sealed = await run('encrypt', at('signed.mle'), '--key-file', at('k.bin'), '--passphrase-file', at('passphrase.txt'), '--iterations', '100000', '-o', at('sealed.mle'))
  assert.equal(sealed.code, 0)
  assert.match(sealed.out, /encrypted for 2\nnote: its signature was dropped; sign .*sealed\.mle anew\n$/)
  for (const key of [['--key-file', at('k.bin')], ['--passphrase-file', at('passphrase.txt')]]) {
    assert.equal((await run('decrypt', at('sealed.mle'), ...key, '-o', at('open.mle'))).code, 0)
    assert.deepEqual(readFileSync(at('open.mle')), readFileSync(at('named.mle')))
    assert.match((await run('inspect', at('sealed.mle'), ...key)).out, /encrypted/)
  }
  process.env.MLE_PASSPHRASE = 'open sesame'
  assert.equal((await run('convert', at('sealed.mle'), '--passphrase', '-o', at('converted.mle'))).code, 0)
  delete process.env.MLE_PASSPHRASE
  assert.equal((await read(at('converted.mle'))).metadata.modelId, 'plain')
  assert.equal(await fault('inspect', at('sealed.mle')), '1 FORMAT_ENCRYPTED')
  assert.equal(await fault('decrypt', at('sealed.mle'), '--key-file', file('wrong.bin', new Uint8Array(32)), '-o', at('no.mle')), '1 ENCRYPTION_KEY')
  assert.equal(await fault('decrypt', at('sealed.mle'), '--key-file', file('short.bin', new Uint8Array(31)), '-o', at('no.mle')), '1 CLI_KEY')
  assert.match(await fault('decrypt', at('sealed.mle'), '-o', at('no.mle')), /^2 mle: give --key-file/)
  assert.match(await fault('encrypt', model, '--key-file', at('k.bin')), /^2 mle: -o FILE is missing/)
  const hex = file('k.hex', `${readFileSync(at('k.bin')).toString('hex')}\n`)
  assert.equal((await run('decrypt', at('sealed.mle'), '--key-file', hex, '-o', at('open.mle'))).code, 0)
})

test('a key stands in no output, whatever goes wrong', async () => {
  const key = file('known.bin', new Uint8Array(32).fill(0x4b))
  await run('encrypt', model, '--key-file', key, '-o', at('known.mle'))
  const damaged = new Uint8Array(readFileSync(at('known.mle')))
  damaged[damaged.length - 70] ^= 1
  for (const outcome of [await run('decrypt', file('damaged.mle', damaged), '--key-file', key, '-o', at('no.mle')), await run('decrypt', at('sealed.mle'), '--key-file', key, '-o', at('no.mle'))]) {
    assert.equal(outcome.code, 1)
    assert.doesNotMatch(outcome.out + outcome.err, /KKKK|4b4b|S0tL/i)
  }
})
