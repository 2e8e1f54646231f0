// What the package says about itself. What it ships is looked at by scripts/check-package.ts after a build.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commandEntries, libraryEntries, readPackage } from '../scripts/package.ts'

const pkg = readPackage()
const lock = readFileSync('package-lock.json', 'utf8')

test('no runtime dependency of any kind', () => {
  assert.deepEqual(pkg.dependencies, {})
  for (const field of ['optionalDependencies', 'bundleDependencies', 'bundledDependencies']) assert.ok(!(field in pkg), field)
  assert.ok(!('postinstall' in pkg.scripts) && !('install' in pkg.scripts) && !('preinstall' in pkg.scripts), 'no install scripts')
})

test('the only peer is optional: the package that gives Node a GPU, loaded when a model asks for it', () => {
  assert.deepEqual(pkg.peerDependencies, { webgpu: '>=0.3.0' })
  assert.deepEqual(pkg.peerDependenciesMeta, { webgpu: { optional: true } })
  assert.ok('webgpu' in pkg.devDependencies, 'tests need it')
})

test('exports and commands come from sources that exist', () => {
  const entries = [...libraryEntries(pkg), ...commandEntries(pkg)]
  assert.ok(entries.some(({ subpath }) => subpath === '.'))
  for (const { subpath, source } of entries) assert.ok(existsSync(source), `${subpath}: ${source}`)
})

test('every export has types first and a default', () => {
  for (const { subpath, name } of libraryEntries(pkg)) {
    const target = pkg.exports[subpath]
    assert.deepEqual(Object.entries(target), [['types', `./dist/${name}.d.ts`], ['default', `./dist/${name}.js`]], subpath)
  }
  assert.equal(pkg.exports['./package.json'], './package.json')
  assert.equal(pkg.exports['./mle.browser.js'], './dist/mle.browser.js')
  assert.equal(pkg.exports['./wasm/*'], './dist/wasm/*')
})

test('an ES module without side effects for Node 20.16 and later', () => {
  assert.equal(pkg.type, 'module')
  assert.equal(pkg.sideEffects, false)
  assert.equal(pkg.engines.node, '>=20.16')
  assert.equal(pkg.license, 'MIT')
})

test('only built files are published', () => {
  assert.deepEqual(pkg.files, ['dist', 'CHANGELOG.md'])
})

test('every script file that package.json names exists', () => {
  for (const [name, command] of Object.entries(pkg.scripts)) {
    for (const [path] of command.matchAll(/[\w/.-]+\.ts\b/g)) assert.ok(existsSync(path), `${name}: ${path}`)
  }
})

interface LockedPackage {
  readonly version: string
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const locked = (JSON.parse(lock) as { packages: Record<string, LockedPackage> }).packages

test('the lockfile names no host and no path, and agrees with package.json', () => {
  assert.doesNotMatch(lock, /"resolved"/)
  assert.doesNotMatch(lock, /"version": "(file|link|git)/)
  assert.equal(locked[''].version, pkg.version)
  assert.deepEqual(locked[''].devDependencies, pkg.devDependencies)
})

test('the lockfile holds the binaries of every platform: npm ci refuses one that does not', () => {
  const missing = Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => locked[`node_modules/${name}`] === undefined && locked[`${path}/node_modules/${name}`] === undefined),
  )
  assert.deepEqual(missing, [])
})
