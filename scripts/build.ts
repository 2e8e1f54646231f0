// `npm run build`: dist/ from package.json's exports and bin. One file per entry, a base that they all share, a core that runs models, and
// chunks that are imported when needed (operator packs, importers, subcommands), so that an entry loads at most four files.
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build as esbuild, transform, type Plugin as EsbuildPlugin } from 'esbuild'
import { rollup, type GetModuleInfo, type InputOption, type Plugin } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { packNames } from '../src/ops/packs.ts'
import { SIGNATURES as signatures } from '../src/ops/signature-table.ts'
import { WASM_MODULES } from '../src/ops/wasm/kernels.ts'
import { imageBytes, wasmBytes, type WasmImage } from '../src/ops/wasm/module.ts'
import { RELAXED_MODULES, relaxedImageBytes } from '../src/ops/wasm/relaxed.ts'
import { commandEntries, libraryEntries, readPackage } from './package.ts'
import { generatedSource } from './wasm-image.ts'

const TARGET = 'es2022'
/** Loaded for nearly every graph, so it is part of the core and costs no request of its own. */
const FIRST_PACK = 'src/ops/packs/core.ts'
/** What several packs share goes to the first of these that reaches it, instead of a file of its own; functions of numbers to `functions`. */
const PACKS = packNames()
const FUNCTIONS = /^src[\\/]math[\\/]/
/** Shares gamma functions with the pack of functions, which no other pack needs. */
const SPECIAL = 'decomposition'
/** The wasm device and what families of kernels share, as one file. */
const WASM = ['src/graph/wasm-device.ts', 'src/ops/wasm/index.ts']
const WASM_SHARED = ['memory', 'constants', 'panels'].map((name) => `src/ops/wasm/${name}.ts`)
/** Each family of wasm kernels with its module; first those that most graphs have: others share with them. */
const WASM_FAMILIES = ['linear', 'elementwise', ...readdirSync('src/ops/wasm/generated').map((name) => name.slice(0, -3))]
/** The webgpu device, and runs on it. */
const WEBGPU = ['src/graph/webgpu-device.ts', 'src/accelerated.ts']
/** Tensors on a GPU: a file that the device shares. */
const WEBGPU_ENTRY = 'src/webgpu.ts'
/** It runs models, as the first entry does. */
const WORKER_ENTRY = 'src/worker.ts'
/** Evaluated while building. */
const SIGNATURES = 'src/ops/signature-table.ts'
/** What importers share, and those of trees: two files instead of eight. */
const IMPORTERS = ['src/graph/builder.ts', 'src/ops/signatures.ts', SIGNATURES, 'src/import/json.ts', 'src/import/once.ts']
const TREE_IMPORTERS = ['src/import/trees.ts', 'src/import/tree-summary.ts', 'src/ops/trees/encode.ts']
/** Arrays in files: the command needs no more of what importers share. */
const NPY = 'src/tensor/npy.ts'
const FORMAT = 'src/format/index.ts'
/** Files that are read chunk by chunk. */
const PIECES = 'src/format/read-chunks.ts'
/** Threads: what the owner's side and theirs share. */
const THREADS = ['src/platform/workers.ts', 'src/graph/shared-weights.ts', 'src/worker-messages.ts']
/** The command that is started most often loads nothing of the others. */
const RUN = 'src/cli/run.ts'
const CHUNK_NAMES = ['base', 'core', 'webgpu-device', 'webgpu-tensors', 'shared', 'container', 'threads', 'importers', 'tree-importers', 'wasm', 'npy', 'functions', 'tools', 'cli-main', 'cli-run', 'cli-commands']
const BROWSER_SOURCE = 'src/browser.ts'

const stripTypes: Plugin = {
  name: 'strip-types',
  async transform(code, id) {
    if (!id.endsWith('.ts')) return null
    return { code: (await transform(code, { loader: 'ts', target: TARGET, sourcefile: id })).code, map: null, moduleSideEffects: /\/(main|conformance\/run)\.ts$/.test(id) }
  },
}

/** Evaluated here: importers then load a table, not the rules of all operators with the kernels beside them. */
const tabulateSignatures: Plugin = {
  name: 'tabulate-signatures',
  load(id) {
    if (relative('.', id) !== SIGNATURES) return null
    return { code: `export const SIGNATURES = /* @__PURE__ */ JSON.parse(${JSON.stringify(JSON.stringify(signatures))})`, map: null, moduleSideEffects: false }
  },
}

const minify: Plugin = {
  name: 'minify',
  async renderChunk(code) {
    return { code: (await transform(code, { minify: true, format: 'esm', target: TARGET, legalComments: 'none' })).code, map: null }
  },
}

/** A page downloads all modules of one file, so that they are deflated there. */
const deflateWasm: EsbuildPlugin = {
  name: 'deflate-wasm',
  setup(build) {
    build.onLoad({ filter: /[\\/]wasm[\\/]generated[\\/].*\.ts$/ }, async ({ path }) => {
      const { image }: { image: WasmImage } = await import(pathToFileURL(path).href)
      return { contents: generatedSource(await imageBytes(image), 0), loader: 'ts' }
    })
  },
}

/**
 * Which file each module goes to. `base`: what the first entry and entries that run no models reach, which is reading files and tensors. `core`:
 * what else the first entry and the first pack reach. Each other pack is a file. `shared`: what another library
 * entry reaches together with any other entry or lazy chunk. A command is two files of its own, so that `mle --version`
 * loads no engine, and what it shares with lazy chunks of the library is `tools`. The rest is for rollup: one file per
 * entry or lazy import.
 */
function assignChunks(entries: readonly string[], commands: ReadonlySet<string>, info: GetModuleInfo): Map<string, string> {
  const closures = closuresOf(entries, info)
  const commandFolders = new Set([...commands].map((id) => dirname(id)))
  const isOfCommand = (id: string): boolean => commandFolders.has(dirname(id))
  const chunks = new Map<string, string>()
  const assign = (ids: Iterable<string>, chunk: string): void => {
    for (const id of ids) if (!chunks.has(id) && !commands.has(id)) chunks.set(id, chunk)
  }
  const reached = (root: string | undefined): ReadonlySet<string> => closures.get(root ?? '') ?? new Set()
  const usedBy = (id: string, roots: readonly string[]): number => roots.filter((root) => reached(root).has(id)).length
  const roots = [...closures.keys()]
  const libraryRoots = roots.filter((id) => !isOfCommand(id))

  const otherEntries = entries.filter((id) => id !== entries[0] && relative('.', id) !== WORKER_ENTRY && !commands.has(id))
  assign([...reached(entries[0])].filter((id) => usedBy(id, otherEntries) > 0), 'base')
  assign(reached(entries[0]), 'core')
  const reachedFrom = (path: string): ReadonlySet<string> => reached(roots.find((id) => relative('.', id) === path))
  assign(reachedFrom(FIRST_PACK), 'core')
  assign([...reachedFrom(WEBGPU_ENTRY)].filter((id) => !entries.includes(id)), 'webgpu-tensors')
  const container = entries.filter((id) => /^src[\\/](format|security)[\\/]index\.ts$/.test(relative('.', id))).map(reached)
  if (container.length === 2) assign([...container[0]].filter((id) => container[1].has(id)), 'container')
  assign(reachedFrom(PIECES), 'container')
  assign(THREADS.map((path) => resolve(path)), 'threads')
  assign(IMPORTERS.map((path) => resolve(path)), 'importers')
  assign(TREE_IMPORTERS.map((path) => resolve(path)), 'tree-importers')
  const lazy: (readonly [chunk: string, ids: Iterable<string>])[] = [
    ...PACKS.map((pack) => [`packs-${pack}`, reachedFrom(`src/ops/packs/${pack}.ts`)] as const),
    ...WASM.map((path) => ['wasm', reachedFrom(path)] as const),
    ['wasm', WASM_SHARED.map((path) => resolve(path))],
    ...WASM_FAMILIES.flatMap((name) => [`${name}.ts`, `generated/${name}.ts`].map((path) => [`wasm-${name}`, reachedFrom(`src/ops/wasm/${path}`)] as const)),
    ['npy', reachedFrom(NPY)],
    ...WEBGPU.map((path) => ['webgpu-device', reachedFrom(path)] as const),
  ]
  // What such a file has in common with another entry goes to the base, or the entry would load that file: of arrays in files only importers do.
  for (const [chunk, ids] of lazy) if (chunk !== 'npy') assign([...ids].filter((id) => otherEntries.some((entry) => reached(entry).has(id))), 'base')
  const packs = PACKS.filter((pack) => pack !== SPECIAL).map((pack) => reachedFrom(`src/ops/packs/${pack}.ts`))
  assign(packs.flatMap((ids) => [...ids].filter((id) => FUNCTIONS.test(relative('.', id)) && packs.filter((other) => other.has(id)).length > 1)), 'functions')
  for (const [chunk, ids] of lazy) assign(ids, chunk)
  // What writing .mle files shares with lazy chunks stays apart from what importers share, which a writer does not need.
  const formatEntry = entries.find((id) => relative('.', id) === FORMAT)
  if (formatEntry !== undefined) assign([...reached(formatEntry)].filter((id) => usedBy(id, libraryRoots) > 1 && usedBy(id, otherEntries) === 1), 'container')
  for (const entry of entries) if (!commands.has(entry)) assign([...reached(entry)].filter((id) => usedBy(id, libraryRoots) > 1), 'shared')
  for (const entry of commands) assign([...reached(entry)].filter(isOfCommand), 'cli-main')
  assign([...reachedFrom(RUN)].filter(isOfCommand), 'cli-run')
  for (const root of roots.filter(isOfCommand)) {
    assign([...reached(root)].filter((id) => isOfCommand(id)), 'cli-commands')
    assign([...reached(root)].filter((id) => usedBy(id, libraryRoots) > 0), 'tools')
  }
  return chunks
}

/** For every entry and every lazily imported module: the modules that it imports statically, directly or not. */
function closuresOf(entries: readonly string[], info: GetModuleInfo): Map<string, ReadonlySet<string>> {
  const closures = new Map<string, ReadonlySet<string>>()
  const close = (root: string): void => {
    const seen = new Set<string>([root])
    closures.set(root, seen)
    for (const id of seen) {
      const module = info(id)
      for (const next of module?.importedIds ?? []) if (!next.startsWith('node:')) seen.add(next)
      for (const lazy of module?.dynamicallyImportedIds ?? []) if (!closures.has(lazy) && !lazy.startsWith('node:')) close(lazy)
    }
  }
  for (const entry of entries) close(entry)
  return closures
}

async function buildModules(input: Readonly<Record<string, string>>, commands: ReadonlySet<string>): Promise<void> {
  let chunks: Map<string, string> | undefined
  const bundle = await rollup({ input: { ...input }, external: /^node:/, plugins: [tabulateSignatures, stripTypes], onwarn: fail })
  const entries = Object.values(input).map((path) => resolve(path))
  await bundle.write({
    dir: 'dist',
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: ({ name, moduleIds }) => `${chunkName(name, moduleIds)}.js`,
    manualChunks: (id, { getModuleInfo }) => (chunks ??= assignChunks(entries, new Set([...commands].map((path) => resolve(path))), getModuleInfo)).get(id),
    plugins: [minify],
    hoistTransitiveImports: false,
  })
  await bundle.close()
}

/** src/ops/packs/nn.ts -> packs-nn, src/import/sklearn/index.ts -> import-sklearn: stable names say what a chunk holds. */
function chunkName(name: string, moduleIds: readonly string[]): string {
  if (CHUNK_NAMES.includes(name) || name.startsWith('packs-') || name.startsWith('wasm-') || moduleIds.length === 0) return name
  const path = relative('src', moduleIds[moduleIds.length - 1]).replace(/(\/index)?\.ts$/, '')
  return path.split(/[\\/]/).slice(-2).join('-')
}

async function buildTypes(input: InputOption): Promise<void> {
  const bundle = await rollup({ input, external: /^node:/, plugins: [dts({ tsconfig: 'tsconfig.json' })], onwarn: fail })
  await bundle.write({ dir: 'dist', format: 'es', entryFileNames: '[name].d.ts', chunkFileNames: 'types-[name].d.ts', manualChunks: (id) => (id.includes('/src/') && !id.endsWith('/index.ts') ? 'shared' : undefined) })
  await bundle.close()
}

function fail(warning: { readonly message: string }): void {
  throw new Error(warning.message)
}

const pkg = readPackage()
const library = libraryEntries(pkg)
const commands = commandEntries(pkg)
rmSync('dist', { recursive: true, force: true })
await buildModules(Object.fromEntries([...library, ...commands].map(({ name, source }) => [name, source])), new Set(commands.map(({ source }) => source)))
await buildTypes(Object.fromEntries(library.map(({ name, source }) => [name, source])))
if (existsSync(BROWSER_SOURCE)) {
  await esbuild({ entryPoints: [BROWSER_SOURCE], outfile: 'dist/mle.browser.js', bundle: true, minify: true, format: 'esm', target: TARGET, platform: 'neutral', legalComments: 'none', logLevel: 'warning', plugins: [deflateWasm] })
}
mkdirSync('dist/wasm')
for (const name of WASM_MODULES) {
  writeFileSync(`dist/wasm/${name}.wasm`, await wasmBytes(name))
  if (RELAXED_MODULES.includes(name)) writeFileSync(`dist/wasm/${name}-relaxed.wasm`, await relaxedImageBytes(name))
}
for (const { name } of commands) chmodSync(`dist/${name}.js`, 0o755)
for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) => file !== 'wasm').sort()) console.log(`${String(readFileSync(`dist/${name}`).byteLength).padStart(8)}  dist/${name}`)
