// package.json as the build, the size check and the package check read it.
import { existsSync, readFileSync } from 'node:fs'

export interface Entry {
  /** As users import it: '.', './import', ... */
  readonly subpath: string
  /** Name of its files in dist/: index, import, cli, ... */
  readonly name: string
  readonly source: string
}

export interface PackageJson {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly type: string
  readonly license: string
  readonly sideEffects: boolean
  readonly engines: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
  readonly files: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>
}

export function readPackage(folder = '.'): PackageJson {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as PackageJson
}

/** The library entries of `exports`: those with types. dist/NAME.js comes from src/NAME/index.ts, dist/index.js from src/index.ts. */
export function libraryEntries(pkg: PackageJson): Entry[] {
  return Object.entries(pkg.exports).filter(([, target]) => typeof target === 'object').map(([subpath]) => {
    const name = subpath === '.' ? 'index' : subpath.slice(2)
    return { subpath, name, source: name === 'index' ? 'src/index.ts' : [`src/${name}.ts`, `src/${name}/index.ts`].find((path) => existsSync(path)) ?? `src/${name}/index.ts` }
  })
}

/** The commands of `bin`: dist/cli.js comes from src/cli/main.ts, dist/conformance.js from conformance/run.ts. */
export function commandEntries(pkg: PackageJson): Entry[] {
  return Object.entries(pkg.bin ?? {}).map(([command, file]) => {
    const name = file.replace(/^\.?\/?dist\//, '').replace(/\.js$/, '')
    return { subpath: command, name, source: [`src/${name}/main.ts`, `${name}/run.ts`].find((path) => existsSync(path)) ?? `src/${name}/main.ts` }
  })
}
