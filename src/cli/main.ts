#!/usr/bin/env node
// The command `mle`. Exit code 0: done; 1: bad data, one line `mle: CODE: message` on stderr; 2: wrong usage.
import { mle } from './mle.ts'

interface ModuleBuiltin {
  readonly enableCompileCache?: () => unknown
}

// Where the engine can (Node from 22 on), what a command loads is compiled once and kept; NODE_DISABLE_COMPILE_CACHE=1 turns this off.
;(process.getBuiltinModule?.('module') as ModuleBuiltin | undefined)?.enableCompileCache?.()

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `mle run ... | head` closes the pipe early; that is no fault.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
process.exitCode = await mle(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  interactive: process.stderr.isTTY === true,
})
