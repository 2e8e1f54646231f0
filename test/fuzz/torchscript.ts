// Fuzzes what follows code: sources of scripts and architecture files with lines and characters changed. Every input must end in a graph or an MleError.
import { importModel } from '../../src/import/index.ts'
import { openZip, readZipEntry } from '../../src/import/zip.ts'
import { readCases } from '../support/fixtures.ts'
import { zipArchive } from '../support/zip.ts'
import { fuzzerOf, mutate, type Fuzzer, type Random } from './campaign.ts'

const more = readCases('pytorch_more').filter(({ name }) => ['mlp_tanh', 'rnn_relu', 'embedding_mean', 'causal_attention'].includes(name))
const scripts = await Promise.all(more.flatMap(({ bytes }) => [bytes('traced.pt'), bytes('scripted.pt')]).map(async (bytes) => {
  const archive = openZip(bytes)
  return Promise.all([...archive.entries.keys()].map(async (name): Promise<[string, Uint8Array]> => [name, (await readZipEntry(archive, name)).slice()]))
}))
const sources = more.map(({ bytes }) => ({ weights: bytes('model.pt'), text: bytes('model.py') }))
const listed = readCases('pytorch').filter(({ name }) => ['lstm_state_dict', 'transformer_encoder_state_dict', 'mlp_bn_silu_state_dict'].includes(name)).map(({ bytes }) => ({ weights: bytes('model.pt'), text: bytes('arch.json') }))
const CHARACTERS = [...'()[]{}:,.=+-*_ \n0129"'].map((char) => char.charCodeAt(0))

/** Lines moved, doubled or left out; sometimes characters changed. */
function edited(source: Uint8Array, random: Random): Uint8Array {
  if (random(3) === 0) return mutate(source, random, CHARACTERS)
  const lines = Buffer.from(source).toString('latin1').split('\n')
  for (let edits = 1 + random(3); edits > 0; edits--) {
    if (lines.length === 0) break
    const [a, b] = [random(lines.length), random(lines.length)]
    const kind = random(4)
    if (kind === 0) lines.splice(a, 1)
    else if (kind === 1) lines.splice(b, 0, lines[a])
    else if (kind === 2) [lines[a], lines[b]] = [lines[b], lines[a]]
    else lines[a] = (lines[a] ?? '').replace(/\d+|\b\w+\b/, (word) => (random(2) === 0 ? String(random(1000)) : `${word}${random(10)}`))
  }
  return Buffer.from(lines.join('\n'), 'latin1')
}

/** A file of weights and an architecture side by side: u32 length of the architecture, it, the weights. */
function joined(weights: Uint8Array, text: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + text.length + weights.length)
  new DataView(out.buffer).setUint32(0, text.length, true)
  out.set(text, 4)
  out.set(weights, 4 + text.length)
  return out
}

export const fuzz: Fuzzer = fuzzerOf({
  name: 'torchscript',
  slowMs: 8000,
  make(random) {
    if (random(2) === 0) {
      const { weights, text } = random(2) === 0 ? sources[random(sources.length)] : listed[random(listed.length)]
      return joined(weights, edited(text, random))
    }
    const entries = scripts[random(scripts.length)]
    const code = entries.filter(([name]) => name.endsWith('.py'))
    const [chosen] = code[random(code.length)]
    return zipArchive(entries.map(([name, content]): [string, Uint8Array] => [name, name === chosen ? edited(content, random) : content]))
  },
  async read(bytes) {
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) await importModel(bytes, { fileName: 'model.pt' })
    else {
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
      await importModel(bytes.slice(4 + length), { fileName: 'model.pt', architecture: Buffer.from(bytes.subarray(4, 4 + length)).toString('latin1') })
    }
  },
})
