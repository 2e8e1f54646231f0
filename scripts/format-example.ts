// The worked example of docs/format.md, made from a real file so that it cannot drift.
// Run to rewrite the page: node --import tsx scripts/format-example.ts
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tinyGraph } from '../conformance/malformed-files.ts'
import { open, rootOf, write } from '../src/format/index.ts'
import { hex } from '../src/platform/sha256.ts'

const PAGE = new URL('../docs/format.md', import.meta.url)
const START = '<!-- example: written by scripts/format-example.ts -->\n'
const END = '<!-- end of example -->'

/** Lines of 16 bytes; runs of zeros are folded. */
function dump(bytes: Uint8Array, from: number, to: number): string[] {
  const lines: string[] = []
  for (let at = from; at < to; at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, to))
    if (row.every((byte) => byte === 0)) {
      let end = at
      while (end < to && bytes[end] === 0) end++
      const skipped = end === to ? end - at : Math.floor((end - at) / 16) * 16
      lines.push(`${address(at)}  ${skipped} zero bytes`)
      at += skipped - 16
      if (end === to) break
      continue
    }
    const digits = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${address(at)}  ${digits.padEnd(47)}  ${text}`)
  }
  return lines
}

const address = (at: number): string => at.toString(16).padStart(4, '0')

/** The example as it stands in the page. */
export async function formatExample(): Promise<string> {
  const bytes = await write(tinyGraph)
  const container = await open(bytes)
  const lines = ['```', 'header', ...dump(bytes, 0, 64)]
  container.sections.forEach(({ name }, i) => lines.push(`entry of ${name}: kind, CRC, length, SHA-256`, ...dump(bytes, 64 + 48 * i, 112 + 48 * i)))
  container.sections.forEach(({ name, offset }, i) => lines.push(name, ...dump(bytes, offset, container.sections[i + 1]?.offset ?? bytes.length)))
  lines.push('```', '', `${bytes.length} bytes. The root is \`${hex(rootOf(container))}\`.`)
  return `${lines.join('\n')}\n`
}

/** The page with the example put in. */
export async function updatedPage(): Promise<string> {
  const page = readFileSync(PAGE, 'utf8')
  const start = page.indexOf(START)
  const end = page.indexOf(END)
  if (start < 0 || end < start) throw new Error('docs/format.md has lost the marks around its example')
  return page.slice(0, start + START.length) + (await formatExample()) + page.slice(end)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, await updatedPage())
