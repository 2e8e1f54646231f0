// Writes conformance/trust/: signed and encrypted files, and the list of what readers must say with the policy and the key beside them.
// Run: node --import tsx conformance/make-trust.ts. Keys and sealed.mle are made only where they are missing.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { write } from '../src/format/index.ts'
import { encrypt, generateKeys } from '../src/security/index.ts'
import { tinyGraph } from './malformed-files.ts'

const folder = new URL('./trust/', import.meta.url)
mkdirSync(folder, { recursive: true })
const missing = (name: string): boolean => !existsSync(new URL(name, folder))
for (const name of ['signer', 'other']) {
  if (!missing(`${name}.pem`)) continue
  const { privateKey, publicKey } = await generateKeys()
  writeFileSync(new URL(`${name}.pem`, folder), privateKey)
  writeFileSync(new URL(`${name}.pub.pem`, folder), publicKey)
}
const key = Uint8Array.from({ length: 32 }, (_, i) => 7 * i)
writeFileSync(new URL('key.bin', folder), key)
writeFileSync(new URL('policy.json', folder), `${JSON.stringify({ signers: ['signer.pub.pem'], modelId: 'tiny', minVersion: 2, now: '2026-06-01T00:00:00Z' })}\n`)
if (missing('sealed.mle')) {
  // Two chunks of one size: a second tensor of another dtype.
  const graph = {
    ...tinyGraph,
    nodes: [...tinyGraph.nodes, { op: 'Identity', domain: 'ai.onnx', version: 16, inputs: ['n'], outputs: ['z'], attributes: new Map() }],
    initializers: new Map([['n', { dtype: 'int32', shape: [2], data: Int32Array.of(3, 4) } as const], ...tinyGraph.initializers]),
  }
  writeFileSync(new URL('sealed.mle', folder), (await encrypt(await write(graph), { keys: [key, new Uint8Array(32).fill(1)] })).file)
}
const { trustFiles } = await import('./trust-files.ts')
const files = await trustFiles()
for (const old of readdirSync(folder)) if (old.endsWith('.mle') && old !== 'sealed.mle') rmSync(new URL(old, folder))
for (const { name, bytes } of files) writeFileSync(new URL(`${name}.mle`, folder), bytes)
const list = files.map(({ name, code, why, with: given }) => ({ file: `${name}.mle`, with: given, code, why }))
writeFileSync(new URL('expected.json', folder), `[\n${list.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]\n`)
console.log(`${files.length} files`)
