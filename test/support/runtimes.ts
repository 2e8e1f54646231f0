// Other JavaScript runtimes on this machine: those of test/runtimes/package.json, installed before the tests run.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

export interface Runtime {
  readonly name: string
  /** Program and arguments before the script. */
  readonly command: readonly string[]
  /** Why it cannot be run here; undefined where it can. */
  readonly missing?: string
}

const MODULES = resolve('test/runtimes/node_modules')

/** The first file of these that exists. */
function installed(...paths: readonly string[]): string | undefined {
  return paths.map((path) => resolve(MODULES, path)).find((path) => existsSync(path))
}

function runtime(name: string, program: string | undefined, ...args: readonly string[]): Runtime {
  return program === undefined ? { name, command: [], missing: `needs ${name}, which has no package for ${process.platform} ${process.arch} or is not installed; npm ci --prefix test/runtimes` } : { name, command: [program, ...args] }
}

/** The Node that runs the tests, and the others. */
export function runtimes(): readonly Runtime[] {
  const { platform, arch } = process
  const os = platform === 'win32' ? 'win' : platform
  return [
    { name: `Node ${process.versions.node.split('.')[0]}`, command: [process.execPath] },
    runtime('Node 24', installed(`node-${os}-${arch}/bin/node`, `node-${os}-${arch}/bin/node.exe`)),
    runtime('Deno', installed(`@deno/${platform}-${arch}-glibc/deno`, `@deno/${platform}-${arch}/deno`, `@deno/${platform}-${arch}/deno.exe`), 'run', '--allow-all', '--no-config'),
    runtime('Bun', installed(`@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}/bin/bun`, `@oven/bun-windows-${arch === 'arm64' ? 'aarch64' : arch}/bin/bun.exe`)),
  ]
}
