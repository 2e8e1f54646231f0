// The other runtimes of test/runtimes/package.json, installed before the tests that need them run: no script of npm does it, as scripts
// that run by themselves are switched off (.npmrc).
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'

export const RUNTIMES_FOLDER = 'test/runtimes'
const DONE = `${RUNTIMES_FOLDER}/node_modules/.package-lock.json`

/** Once, and again when the lockfile changes. Without a network the tests that need them are skipped, visibly; on CI they fail. */
export function installRuntimes(): void {
  if (existsSync(DONE) && statSync(DONE).mtimeMs >= statSync(`${RUNTIMES_FOLDER}/package-lock.json`).mtimeMs) return
  console.log(`installing Node 24, Deno and Bun for the tests (npm ci --prefix ${RUNTIMES_FOLDER})`)
  const { status } = spawnSync('npm', ['ci', '--prefix', RUNTIMES_FOLDER, '--no-progress'], { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) console.error('they could not be installed; their tests are skipped')
}
