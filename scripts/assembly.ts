// Compiles AssemblyScript text that imports from src/: the sources are shared with the portable engine, except for files that
// have a namesake in src/ops/wasm/assembly, which replaces them (src/math/bits.ts by registers instead of typed arrays).
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import asc from 'assemblyscript/asc'

const REPLACED = ['src/math/bits.ts']

/** The compiler drops the .ts of an import's path, but not of a re-export's. */
const plainPaths = (text: string): string => text.replace(/( from '\.[^']*)\.ts'/g, "$1'")

/**
 * The Wasm bytes of `source`, placed at `path` (so `./x.ts` resolves beside it) and compiled without runtime, asserts or memory
 * management.
 *
 * @param flags further asc options, e.g. ['--enable', 'simd']
 * @throws Error with the compiler's messages
 */
export async function compileAssembly(path: string, source: string, flags: readonly string[] = []): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main([path, '-O3', '--runtime', 'stub', '--noAssert', '--outFile', 'out.wasm', ...flags], {
    readFile(name) {
      if (name === path) return plainPaths(source)
      const file = REPLACED.includes(name) ? `src/ops/wasm/assembly/${basename(name)}` : name
      return file.startsWith('src/') && existsSync(file) ? plainPaths(readFileSync(file, 'utf8')) : null
    },
    writeFile(name, contents) {
      if (name.endsWith('.wasm') && typeof contents !== 'string') binary = contents
    },
    listFiles: () => [],
  })
  if (error !== null || binary === undefined) throw new Error(`${path}: ${error?.message ?? 'no output'}\n${stderr.toString()}`)
  return new Uint8Array(binary)
}
