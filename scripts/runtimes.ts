// Before `npm test`: the other runtimes of test/runtimes/package.json, once and again when its lockfile changes.
// Without a network the tests that need them are skipped, visibly; on CI that is a failure.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'

const FOLDER = 'test/runtimes'
const DONE = `${FOLDER}/node_modules/.package-lock.json`

if (!existsSync(DONE) || statSync(DONE).mtimeMs < statSync(`${FOLDER}/package-lock.json`).mtimeMs) {
  console.log('installing Node 24, Deno and Bun for the tests (npm ci --prefix test/runtimes)')
  const { status } = spawnSync('npm', ['ci', '--prefix', FOLDER, '--no-progress'], { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) {
    console.error('the other runtimes could not be installed; their tests are skipped')
    if (process.env.CI === 'true') process.exitCode = 1
  }
}
