// A software Vulkan driver, and a headless Chromium, for tests on machines without a GPU or a browser: both from the development
// dependency @sparticuz/chromium, unpacked once into a cache folder of the repository. No network.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

const DRIVER = 'vk_swiftshader_icd.json'

/** Environment in which Dawn finds SwiftShader, or undefined on platforms that the package has no driver for. */
export function swiftShaderEnvironment(): Record<string, string> | undefined {
  const folder = unpacked('swiftshader', (bin, own) => unpackTar(decompressed(bin, 'swiftshader.tar.br'), own))
  return folder === undefined ? undefined : { LD_LIBRARY_PATH: folder, VK_DRIVER_FILES: join(folder, DRIVER) }
}

/** The browser's program and the environment that it needs, or undefined on platforms that the package has none for. */
export function chromiumProgram(): { readonly path: string; readonly environment: Record<string, string> } | undefined {
  const folder = unpacked('chromium', (bin, own, final) => {
    writeFileSync(join(own, 'chromium'), decompressed(bin, 'chromium.br'), { mode: 0o755 })
    // Its driver lies beside it; libraries of certificates for systems that lack them, and a font.
    for (const name of ['swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br']) unpackTar(decompressed(bin, name), own)
    writeFileSync(join(own, 'fonts.conf'), `<?xml version="1.0"?><fontconfig><dir>${final}</dir><cachedir>${final}/cache</cachedir></fontconfig>`)
  })
  return folder === undefined ? undefined : { path: join(folder, 'chromium'), environment: { LD_LIBRARY_PATH: folder, FONTCONFIG_PATH: folder } }
}

function decompressed(bin: string, name: string): Uint8Array {
  return brotliDecompressSync(readFileSync(join(bin, name)))
}

/** A folder of the cache, filled at its first use. */
function unpacked(name: string, fill: (bin: string, own: string, final: string) => void): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const main = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  let root = dirname(main)
  while (!existsSync(join(root, 'bin'))) root = dirname(root)
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const folder = resolve('.cache', `${name}-${version}`)
  if (existsSync(folder)) return folder
  // Unpacked beside and renamed, so that a second process never meets half of it.
  const own = `${folder}-${process.pid}`
  mkdirSync(own, { recursive: true })
  fill(join(root, 'bin'), own, folder)
  try {
    renameSync(own, folder)
  } catch {
    rmSync(own, { recursive: true })
  }
  return folder
}

/** Regular files of a tar archive, by their base names: https://www.gnu.org/software/tar/manual/html_node/Standard.html */
function unpackTar(archive: Uint8Array, folder: string): void {
  const text = (start: number, length: number): string => Buffer.from(archive.subarray(start, start + length)).toString('latin1').replace(/\0.*$/s, '')
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const name = text(at, 100)
    const size = Number.parseInt(text(at + 124, 12), 8)
    const kind = text(at + 156, 1)
    if (kind === '0' || kind === '') writeFileSync(join(folder, basename(name)), archive.subarray(at + 512, at + 512 + size), { mode: 0o755 })
    at += 512 + Math.ceil(size / 512) * 512
  }
}
