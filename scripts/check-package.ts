// `npm run check:package`: packs the built package, installs the tarball into an empty folder, type-checks and runs a
// consumer there, weighs it against budgets, and looks at what was packed. Run after `npm run build`.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkBudgets } from './budgets.ts'
import { loadedBy } from './loaded.ts'
import { commandEntries, libraryEntries, readPackage } from './package.ts'

/** Start-up: every further file costs about half a millisecond. */
/** Its own, the base, the core, and one that it shares with files imported later. Each costs half a millisecond. */
const MAX_FILES_PER_ENTRY = 4
/** Everything in one file, for pages without a bundler. */
const PAGE_FILE = 'dist/mle.browser.js'
/** Nothing else may be in the tarball. */
const PACKED = [/^package\.json$/, /^README\.md$/, /^LICENSE$/, /^CHANGELOG\.md$/, /^dist\/[\w.-]+\.(js|d\.ts)$/, /^dist\/wasm\/[\w-]+\.wasm$/]

const pkg = readPackage()
const library = libraryEntries(pkg)
const commands = commandEntries(pkg)
const folder = mkdtempSync(join(tmpdir(), 'mle-package-'))
try {
  checkFiles()
  const tarball = pack()
  install(tarball)
  assert.equal(checkBudgets(join(folder, 'app/node_modules', pkg.name)), 0, 'every entry, pack and family of kernels keeps its budget')
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
  assert.deepEqual(loadedBy(PAGE_FILE), { files: [PAGE_FILE], external: [], lazy: [] }, `${PAGE_FILE} stands alone`)
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

/** Every entry imports; a real model is imported, written, loaded and run, in a program and with the command. */
function runConsumer(): void {
  const app = join(folder, 'app')
  for (const name of ['model.joblib', 'input.csv', 'expected_predict.json']) copyFileSync(`examples/demo/${name}`, join(app, name))
  const specifiers = library.map(({ subpath }) => subpath.replace('.', pkg.name))
  writeFileSync(join(app, 'run.js'), `
import { readFileSync, writeFileSync } from 'node:fs'
import { load } from '${pkg.name}'
import { importModel } from '${pkg.name}/import'
import { write } from '${pkg.name}/format'
for (const specifier of ${JSON.stringify(specifiers)}) if (Object.keys(await import(specifier)).length === 0) throw new Error(specifier + ' exports nothing')
const bytes = await write(await importModel(new Uint8Array(readFileSync('model.joblib'))))
writeFileSync('model.mle', bytes)
const model = await load(bytes)
const { data } = await model.predict([{ age: 34, income: 38945.32, city: 'Lyon', grade: 'mid', score: 55.684 }])
if (data[0] !== 'no') throw new Error('predicted ' + data[0])
const trees = await WebAssembly.compile(readFileSync(new URL(import.meta.resolve('${pkg.name}/wasm/trees.wasm'))))
if (WebAssembly.Module.exports(trees).length === 0) throw new Error('the exported module has no functions')
const page = await import('${pkg.name}/mle.browser.js')
const inPage = await page.load(await page.importModel(new Uint8Array(readFileSync('model.joblib'))))
if ((await inPage.predict([{ age: 57, income: 34900.36, city: 'Unknownville', grade: 'high', score: 57.572 }])).data[0] !== 'yes') throw new Error('the page file predicts wrongly')
`)
  execFileSync(process.execPath, ['run.js'], { cwd: app, stdio: 'inherit' })
  // Node 20.19, 22.12 and later require modules that await nothing while they start.
  if ('require_module' in process.features) {
    writeFileSync(join(app, 'required.cjs'), `
for (const specifier of ${JSON.stringify(specifiers)}) if (Object.keys(require(specifier)).length === 0) throw new Error(specifier + ' exports nothing')
require('${pkg.name}').load(require('fs').readFileSync('model.mle')).then(async (model) => {
  const { data } = await model.predict([{ age: 34, income: 38945.32, city: 'Lyon', grade: 'mid', score: 55.684 }])
  if (data[0] !== 'no') throw new Error('predicted ' + data[0])
})
`)
    execFileSync(process.execPath, ['required.cjs'], { cwd: app, stdio: 'inherit' })
  }
  for (const { subpath } of commands) {
    const command = (...args: readonly string[]): string => execFileSync(join(app, 'node_modules/.bin', subpath), [...args], { cwd: app, encoding: 'utf8' })
    assert.equal(command('--version').trim(), pkg.version, `${subpath} --version`)
    if (subpath !== 'mle') continue
    command('convert', 'model.joblib', '-o', 'model.mle')
    assert.deepEqual(JSON.parse(command('run', 'model.mle', '--input', 'input.csv', '--output', '-')), JSON.parse(readFileSync(join(app, 'expected_predict.json'), 'utf8')))
  }
}
