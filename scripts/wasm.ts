// Compiles src/ops/wasm/assembly/*.ts, one WebAssembly module each, and writes them as importable text.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { withConstantsInMemory } from './wasm-constants.ts'
import { generatedSource } from './wasm-image.ts'

const SOURCES = 'src/ops/wasm/assembly'
const GENERATED = 'src/ops/wasm/generated'

/** Trees are not deflated: theirs is often the only module, and inflating costs more than reading a few kilobytes more. */
const PLAIN_TREE_BYTES = 32768

/** Sources that WebAssembly expresses better than JavaScript: the compiler reads the second in place of the first. */
const REPLACED: ReadonlyMap<string, string> = new Map([['src/math/bits.ts', `${SOURCES}/bits.ts`]])

/** Names of the modules: every file in the assembly folder that stands in for no other; its subfolders hold parts of them. */
export function wasmNames(): string[] {
  const parts = [...REPLACED.values()]
  return readdirSync(SOURCES).filter((name) => name.endsWith('.ts') && !parts.includes(`${SOURCES}/${name}`)).map((name) => name.slice(0, -3)).sort()
}

/** The compiler's view of a file: it appends .ts to specifiers, which ours already have. */
function readSource(path: string): string | null {
  const file = path.replace(/\.ts\.ts$/, '.ts')
  const actual = REPLACED.get(file) ?? file
  return existsSync(actual) ? readFileSync(actual, 'utf8') : null
}

/**
 * Compiles one module. Memory is imported and nothing is placed in it but constants in its first page: no other static data, no runtime, so that
 * instances can share a memory whose layout belongs to the arena.
 *
 * @param relaxed with fused multiply-add, which rounds once where the strict build rounds twice
 * @throws Error with the compiler's messages
 */
export async function compileWasm(name: string, { relaxed = false }: { readonly relaxed?: boolean } = {}): Promise<Uint8Array> {
  let binary: Uint8Array | undefined
  const result = await asc.main(
    [
      `${SOURCES}/${name}.ts`, '--outFile', 'module.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--enable', 'simd',
      // Vectors pass between functions of a module, which the compiler takes for exports; no function of ours exports one.
      '--disableWarning', '112',
      ...(relaxed ? ['--enable', 'relaxed-simd'] : []),
    ],
    {
      readFile: readSource,
      writeFile: (file, contents) => {
        if (file === 'module.wasm' && contents instanceof Uint8Array) binary = contents
      },
      listFiles: () => [],
    },
  )
  if (result.error !== null || binary === undefined) throw new Error(`${name}: ${result.error?.message ?? 'no output'}\n${result.stderr.toString()}`)
  const messages = result.stderr.toString()
  if (messages !== '') throw new Error(`${name}: ${messages}`)
  return withConstantsInMemory(name, binary)
}

export function generatedPath(name: string): string {
  return `${GENERATED}/${name}.ts`
}

export function generatedOf(name: string, binary: Uint8Array): string {
  return generatedSource(binary, name === 'trees' ? PLAIN_TREE_BYTES : undefined)
}

export function writeGenerated(name: string, binary: Uint8Array): void {
  writeFileSync(generatedPath(name), generatedOf(name, binary))
}
