// Finds and runs a subcommand and turns what goes wrong into an exit code. Imports nothing that is not needed at once:
// each subcommand, and the engine with it, is loaded when it is called.
import { parseArgs } from 'node:util'
import { UsageError, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { VERSION } from './version.ts'

const COMMANDS: ReadonlyMap<string, { readonly summary: string; readonly load: () => Promise<Command> }> = /* @__PURE__ */ new Map([
  ['convert', { summary: 'turn a trained model of any supported format into an .mle file', load: async () => (await import('./convert.ts')).convert }],
  ['export', { summary: 'write a model of any supported format as an ONNX file', load: async () => (await import('./export.ts')).exportCommand }],
  ['run', { summary: 'predict with a model on .npy, .csv or .json inputs', load: async () => (await import('./run.ts')).run }],
  ['inspect', { summary: 'show inputs, outputs, methods, operators and sizes of a model', load: async () => (await import('./inspect.ts')).inspect }],
  ['compare', { summary: 'run two models, or one on two devices, and name the first operator that differs', load: async () => (await import('./compare.ts')).compare }],
  ['keygen', { summary: 'make keys for signing and for encryption', load: async () => (await import('./keygen.ts')).keygen }],
  ['sign', { summary: 'sign an .mle file', load: async () => (await import('./sign.ts')).sign }],
  ['verify', { summary: 'verify the signatures of an .mle file, and every byte of it', load: async () => (await import('./verify.ts')).verify }],
  ['encrypt', { summary: 'encrypt an .mle file', load: async () => (await import('./encrypt.ts')).encrypt }],
  ['decrypt', { summary: 'decrypt an .mle file', load: async () => (await import('./encrypt.ts')).decrypt }],
  ['bench', { summary: 'measure load time, latency and throughput of a model', load: async () => (await import('./bench.ts')).bench }],
  ['profile', { summary: 'measure what each step of a model takes on the GPU', load: async () => (await import('./profile.ts')).profile }],
])

/** Runs one command line and returns the exit code. */
export async function mle(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv
  try {
    if (name === undefined) {
      terminal.err(await overview())
      return 2
    }
    if (name === '--version' || name === '-V') {
      terminal.out(`${VERSION}\n`)
      return 0
    }
    if (name === 'help' || name === '--help' || name === '-h') {
      terminal.out(rest.length === 0 ? await overview() : await helpOf(rest[0]))
      return 0
    }
    const command = await commandNamed(name)
    if (rest.includes('--help') || rest.includes('-h')) {
      terminal.out(helpText(command))
      return 0
    }
    await command.run(parse(command, rest), terminal)
    return 0
  } catch (error) {
    return report(error, COMMANDS.has(name) ? name : undefined, terminal)
  }
}

async function commandNamed(name: string): Promise<Command> {
  const entry = COMMANDS.get(name)
  if (entry === undefined) throw new UsageError(`there is no command ${name}; commands are ${[...COMMANDS.keys()].join(', ')}`)
  return entry.load()
}

function parse(command: Command, argv: readonly string[]): ParsedArgs {
  const { values, positionals } = parseArgs({ args: [...argv], options: command.options, allowPositionals: true, strict: true })
  const given = new Map(Object.entries(values))
  return {
    positionals,
    text(name) {
      const value = given.get(name)
      return typeof value === 'string' ? value : undefined
    },
    texts(name) {
      const value = given.get(name)
      return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
    },
    flag: (name) => given.get(name) === true,
  }
}

async function overview(): Promise<string> {
  const width = Math.max(...[...COMMANDS.keys()].map((name) => name.length))
  return [
    'mle: run trained machine-learning models',
    '',
    ...[...COMMANDS].map(([name, { summary }]) => `  mle ${name.padEnd(width)}  ${summary}`),
    '',
    '  mle help COMMAND  how to call a command',
    '  mle --version',
    '',
  ].join('\n')
}

async function helpOf(name: string): Promise<string> {
  return helpText(await commandNamed(name))
}

function helpText(command: Command): string {
  return `mle ${command.usage}\n\n${command.help.trim()}\n`
}

/** One line for people and programs, and the exit code. Errors are told apart by shape: their class is not loaded here. */
function report(error: unknown, command: string | undefined, terminal: Terminal): number {
  if (!(error instanceof Error)) {
    terminal.err(`mle: INTERNAL: ${oneLine(String(error))}\n`)
    return 1
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS')) {
    terminal.err(`mle: ${oneLine(error.message)}; see mle help${command === undefined ? '' : ` ${command}`}\n`)
    return 2
  }
  terminal.err(`mle: ${error.name === 'MleError' ? code : foreignCode(code)}: ${oneLine(error.message)}\n`)
  return 1
}

/** Errors of the host: a file that cannot be written. Anything else is a fault of this program. */
function foreignCode(code: string): string {
  return /^E[A-Z]+$/.test(code) ? 'CLI_FILE' : 'INTERNAL'
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim()
}
