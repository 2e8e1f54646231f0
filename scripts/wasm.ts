// Compiles src/ops/wasm/assembly/*.ts, one WebAssembly module each, and writes them as importable text.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import asc from 'assemblyscript/asc'
import { WASM_OPERATORS } from '../src/ops/wasm/operators.ts'
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

function flagsOf(name: string, relaxed: boolean): string[] {
  return [
    `${SOURCES}/${name}.ts`, '--outFile', 'module.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--enable', 'simd',
    // Vectors pass between functions of a module, which the compiler takes for exports; no function of ours exports one.
    '--disableWarning', '112',
    ...(relaxed ? ['--enable', 'relaxed-simd'] : []),
  ]
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
  const result = await asc.main(flagsOf(name, relaxed), {
    readFile: readSource,
    writeFile: (file, contents) => {
      if (file === 'module.wasm' && contents instanceof Uint8Array) binary = contents
    },
    listFiles: () => [],
  })
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

export function writeGenerated(name: string, binary: Uint8Array, relaxed: boolean): void {
  const file = relaxed ? `${name}-relaxed` : name
  writeFileSync(generatedPath(file), `${generatedOf(file, binary)}${DIGEST}${wasmDigest(name, binary, relaxed)}\n`)
}

const DIGEST = '// sha256 of sources, compiler and module: '

/** The digest that a generated file carries; see wasmDigest. */
export function generatedDigest(file: string): string | undefined {
  return readFileSync(generatedPath(file), 'utf8').split(DIGEST)[1]?.trim()
}

/** Every file that the compiler reads for a module. */
function sourcesOf(name: string): string[] {
  const found = new Set<string>()
  const visit = (path: string): void => {
    if (found.has(path)) return
    found.add(path)
    for (const [, specifier] of (readSource(path) ?? '').matchAll(/ from '(\.[^']*)'/g)) visit(posix.join(posix.dirname(path), specifier))
  }
  visit(`${SOURCES}/${name}.ts`)
  return [...found].sort()
}

/** Tells whether a module is what its sources give, without compiling them: a digest of all that goes into it, and of what came out. */
export function wasmDigest(name: string, binary: Uint8Array, relaxed: boolean): string {
  const hash = createHash('sha256')
  for (const path of sourcesOf(name)) hash.update(`${path}\0${readSource(path)}\0`)
  const { version } = JSON.parse(readFileSync('node_modules/assemblyscript/package.json', 'utf8')) as { readonly version: string }
  hash.update(`${version}\0${flagsOf(name, relaxed).join(' ')}\0${['scripts/wasm-constants.ts', 'src/ops/wasm/binary.ts'].map((path) => readFileSync(path, 'utf8')).join('\0')}\0${[...WASM_OPERATORS.keys()].join()}\0`)
  return hash.update(binary).digest('hex')
}
