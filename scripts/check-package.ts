// `npm run check:package`: packs the built package, installs the tarball into an empty folder, type-checks and runs a
// consumer there, and looks at what was packed. Run after `npm run build`.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { loadedBy } from './loaded.ts'
import { commandEntries, libraryEntries, readPackage } from './package.ts'

/** Start-up: every further file costs about half a millisecond. */
const MAX_FILES_PER_ENTRY = 3
/** Nothing else may be in the tarball. */
const PACKED = [/^package\.json$/, /^README\.md$/, /^LICENSE$/, /^CHANGELOG\.md$/, /^dist\/[\w.-]+\.(js|d\.ts|wasm)$/]

const pkg = readPackage()
const library = libraryEntries(pkg)
const commands = commandEntries(pkg)
const folder = mkdtempSync(join(tmpdir(), 'mle-package-'))
try {
  checkFiles()
  const tarball = pack()
  install(tarball)
  checkTypes()
  runConsumer()
  console.log(`package ok: ${library.map(({ subpath }) => subpath).join(' ')}${commands.map(({ subpath }) => `, command ${subpath}`).join('')}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', [...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

function checkFiles(): void {
  assert.deepEqual(pkg.dependencies, {}, 'dependencies stay empty')
  for (const { subpath, name } of [...library, ...commands]) {
    const { files, external } = loadedBy(`dist/${name}.js`)
    console.log(`${subpath}: ${files.join(' ')}`)
    assert.ok(files.length <= MAX_FILES_PER_ENTRY, `${subpath} loads ${files.length} files, at most ${MAX_FILES_PER_ENTRY} are allowed`)
    if (library.some((entry) => entry.name === name)) assert.deepEqual(external, [], `${subpath} imports ${external.join(', ')}, which browser bundlers fail on`)
  }
  const inLibrary = new Set<string>()
  for (const { name } of library) {
    const queue = [`dist/${name}.js`]
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      if (inLibrary.has(file)) continue
      inLibrary.add(file)
      const { files, external, lazy } = loadedBy(file)
      assert.deepEqual(external, [], `${file} imports ${external.join(', ')}`)
      assert.deepEqual(lazy.filter((target) => target.includes('node:')), [], `${file} imports node: modules`)
      queue.push(...files, ...lazy)
    }
  }
}

function pack(): string {
  const [report] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], '.')) as readonly { filename: string; size: number; files: readonly { path: string }[] }[]
  const strays = report.files.map((file) => file.path).filter((path) => !PACKED.some((pattern) => pattern.test(path)))
  assert.deepEqual(strays, [], 'the tarball holds files that nobody needs')
  console.log(`tarball: ${report.files.length} files, ${(report.size / 1000).toFixed(1)} KB`)
  return join(folder, report.filename)
}

function install(tarball: string): void {
  mkdirSync(join(folder, 'app'))
  writeFileSync(join(folder, 'app/package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  npm(['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball], join(folder, 'app'))
  const installed = readdirSync(join(folder, 'app/node_modules')).filter((name) => !name.startsWith('.'))
  assert.deepEqual(installed, [pkg.name], 'one package is installed')
}

/** The examples of the README and an import of every entry, strictly, as Node and as bundlers resolve modules. */
function checkTypes(): void {
  const app = join(folder, 'app')
  const examples = [...readFileSync('README.md', 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code)
  examples.forEach((code, i) => writeFileSync(join(app, `readme${i}.ts`), `${code}\nexport {}\n`))
  const imports = library.map(({ subpath }, i) => `export * as entry${i} from '${subpath.replace('.', pkg.name)}'\n`).join('')
  writeFileSync(join(app, 'entries.ts'), imports)
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
    const compilerOptions = { strict: true, noEmit: true, target: 'es2023', lib: ['es2024', 'dom', 'esnext.disposable'], types: [], module, moduleResolution, skipLibCheck: false }
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', app], { stdio: 'inherit' })
  }
  console.log(`types: ${examples.length} examples of the README and ${library.length} entries, as nodenext and bundler resolve them`)
}

function runConsumer(): void {
  const app = join(folder, 'app')
  const specifiers = library.map(({ subpath }) => subpath.replace('.', pkg.name))
  const code = `${specifiers.map((specifier) => `if (Object.keys(await import('${specifier}')).length === 0) throw new Error('${specifier} exports nothing')`).join('\n')}\n`
  writeFileSync(join(app, 'run.js'), code)
  execFileSync(process.execPath, ['run.js'], { cwd: app, stdio: 'inherit' })
  for (const { subpath } of commands) {
    const shown = execFileSync(join(app, 'node_modules/.bin', subpath), ['--version'], { cwd: app, encoding: 'utf8' })
    assert.equal(shown.trim(), pkg.version, `${subpath} --version`)
  }
}
