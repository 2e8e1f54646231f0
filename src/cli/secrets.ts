// Keys and passphrases of the command: from files, the environment or a prompt, never from the command line, which others can see.
import { readFileSync } from 'node:fs'
import { MleError } from '../error.ts'
import type { Guard } from '../format/types.ts'
import type { GuardOptions } from '../security/index.ts'
import { UsageError, wordOption, type ParsedArgs } from './command.ts'

/** What the options give to `load` and `read`. */
export async function accessOptions(args: ParsedArgs): Promise<GuardOptions> {
  const signers = args.texts('verify')
  const policy = policyOptions(args)
  if (signers.length === 0 && Object.values(policy).some((value) => value !== undefined)) throw new UsageError('--require, --model-id and --min-version need --verify')
  return { ...(await unlockOptions(args)), verify: signers.length === 0 ? undefined : { signers: signers.map(readText), ...policy } }
}

/** The guard for `read` and `inspect`; undefined where no option asks for one. */
export async function accessGuard(args: ParsedArgs): Promise<Guard | undefined> {
  const options = await accessOptions(args)
  if (options.verify === undefined && options.key === undefined && options.passphrase === undefined) return undefined
  return (await import('../security/index.ts')).guardOf(options)
}

export function policyOptions(args: ParsedArgs): { readonly require?: 'any' | 'all'; readonly modelId?: string; readonly minVersion?: number } {
  const minVersion = wholeOption(args, 'min-version')
  if (minVersion !== undefined && args.text('model-id') === undefined) throw new UsageError('--min-version needs --model-id')
  return { require: wordOption(args, 'require', ['any', 'all']), modelId: args.text('model-id'), minVersion }
}

/** An option that takes a whole number of at least 0. */
export function wholeOption(args: ParsedArgs, name: string): number | undefined {
  const given = args.text(name)
  if (given !== undefined && !/^\d{1,15}$/.test(given)) throw new UsageError(`--${name} takes a whole number, got ${given}`)
  return given === undefined ? undefined : Number(given)
}

export async function unlockOptions(args: ParsedArgs): Promise<{ readonly key?: Uint8Array; readonly passphrase?: string }> {
  const keyFile = args.text('key-file')
  const passphraseFile = args.text('passphrase-file')
  const given = [keyFile, passphraseFile, args.flag('passphrase') || undefined].filter((value) => value !== undefined)
  if (given.length > 1) throw new UsageError('--key-file, --passphrase-file and --passphrase exclude each other')
  return {
    key: keyFile === undefined ? undefined : readKeyFile(keyFile),
    passphrase: passphraseFile !== undefined ? readPassphraseFile(passphraseFile) : args.flag('passphrase') ? await askPassphrase() : undefined,
  }
}

export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    throw new MleError('CLI_FILE', `${path} cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'}`)
  }
}

export function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path))
}

/** 32 bytes as they are, or in hexadecimal digits. */
export function readKeyFile(path: string): Uint8Array {
  const bytes = readBytes(path)
  if (bytes.length === 32) return bytes
  const text = new TextDecoder().decode(bytes).trim()
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new MleError('CLI_KEY', `${path} holds no key: expected 32 bytes, or 64 hexadecimal digits; mle keygen --secret -o FILE makes one`)
  return new Uint8Array(Buffer.from(text, 'hex'))
}

function readPassphraseFile(path: string): string {
  const [line] = readText(path).split(/\r?\n/, 1)
  if (line === '') throw new MleError('CLI_KEY', `${path} holds no passphrase: its first line is empty`)
  return line
}

async function askPassphrase(): Promise<string> {
  const { MLE_PASSPHRASE: given } = process.env
  if (given !== undefined && given !== '') return given
  if (process.stdin.isTTY !== true) throw new MleError('CLI_KEY', 'there is no passphrase: set MLE_PASSPHRASE, give --passphrase-file, or type it on a terminal')
  process.stderr.write('passphrase: ')
  process.stdin.setRawMode(true)
  try {
    let typed = ''
    for await (const part of process.stdin) {
      for (const letter of String(part)) {
        if (letter === '\r' || letter === '\n') return typed
        if (letter === '\u0003') throw new MleError('CLI_KEY', 'no passphrase was typed')
        typed = letter === '\u007f' ? typed.slice(0, -1) : typed + letter
      }
    }
    return typed
  } finally {
    process.stdin.setRawMode(false)
    process.stderr.write('\n')
  }
}
