import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { VERSION } from '../../src/cli/version.ts'
import { readPackage } from '../../scripts/package.ts'
import { at, file, run, saved, tableGraph } from './support.ts'

const COMMANDS = ['convert', 'run', 'inspect', 'bench']

test('--version is the package version', async () => {
  assert.equal(VERSION, readPackage().version)
  assert.deepEqual(await run('--version'), { code: 0, out: `${VERSION}\n`, err: '' })
})

test('help lists every command, and each command explains its options', async () => {
  for (const argv of [['--help'], ['help'], ['-h']]) {
    const { code, out } = await run(...argv)
    assert.equal(code, 0)
    for (const name of COMMANDS) assert.match(out, new RegExp(`mle ${name} `))
  }
  for (const name of COMMANDS) {
    const { code, out } = await run('help', name)
    assert.equal(code, 0)
    assert.match(out, new RegExp(`^mle ${name} `))
    assert.deepEqual(await run(name, '--help'), { code: 0, out, err: '' })
  }
})

test('wrong usage: exit code 2 and a hint', async () => {
  assert.equal((await run()).code, 2)
  const { code, err } = await run('predict')
  assert.equal(code, 2)
  assert.match(err, /^mle: there is no command predict; commands are .*; see mle help\n$/)
  assert.equal((await run('help', 'predict')).code, 2)
})

test('the process itself: exit codes, streams, a pipe', async () => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
  const spawn = async (...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...argv])) }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { code, stdout, stderr }
    }
  }
  const model = await saved('spawn.mle', tableGraph())
  const rows = file('spawn.csv', 'x,y,city\n1,2,Rome\n')
  const [fine, bad, wrong] = await Promise.all([
    spawn('run', model, '--input', rows, '--method', 'transform', '--output', '-'),
    spawn('run', at('absent.mle'), '--input', rows),
    spawn('run'),
  ])
  assert.deepEqual(fine, { code: 0, stdout: '[[1, 2]]\n', stderr: '' })
  assert.equal(bad.code, 1)
  assert.match(bad.stderr, /^mle: CLI_FILE: .*absent\.mle does not exist\n$/)
  assert.equal(wrong.code, 2)
})
