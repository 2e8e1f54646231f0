// mle encrypt and mle decrypt.
import type { SealedPart } from '../security/index.ts'
import { onlyPositional, UsageError, wordOption, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { writeFile } from './outputs.ts'
import { readBytes, readKeyFile, unlockOptions, wholeOption } from './secrets.ts'

const ENCRYPT_HELP = `
Encrypts MODEL, an .mle file, with AES-256-GCM. Every key and passphrase given opens it. Its signatures are dropped, as they were over
other bytes: encrypt, then sign.

  -o, --output FILE       where to
  --key-file FILE         a key, 32 bytes or 64 hexadecimal digits (mle keygen --secret -o FILE); once for each
  --passphrase-file FILE  a passphrase, the first line of FILE
  --passphrase            a passphrase, from the variable MLE_PASSPHRASE, else typed in
  --iterations N          rounds for the passphrase, at least 100000; default 600000
  --parts all|weights     what to seal: everything (default), or the weights alone
`

const DECRYPT_HELP = `
Decrypts MODEL: the file as it was before it was encrypted, without signatures.

  -o, --output FILE       where to
  --key-file FILE         a key
  --passphrase-file FILE  a passphrase, the first line of FILE
  --passphrase            a passphrase, from the variable MLE_PASSPHRASE, else typed in
`

function outputOf(args: ParsedArgs): string {
  const output = args.text('output')
  if (output === undefined) throw new UsageError('-o FILE is missing')
  return output
}

async function executeEncrypt(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const output = outputOf(args)
  const keyFiles = args.texts('key-file')
  const { passphrase } = await unlockOptions({ ...args, text: (name) => (name === 'key-file' ? undefined : args.text(name)) })
  if (keyFiles.length === 0 && passphrase === undefined) throw new UsageError('give --key-file, --passphrase-file or --passphrase')
  const parts: SealedPart[] | undefined = wordOption(args, 'parts', ['all', 'weights']) === 'weights' ? ['weights'] : undefined
  const iterations = wholeOption(args, 'iterations')
  if (iterations !== undefined && (iterations < 100_000 || iterations > 10_000_000)) throw new UsageError(`--iterations takes 100000 to 10000000, got ${iterations}`)
  const { encrypt: seal } = await import('../security/index.ts')
  const { file, droppedSignatures } = await seal(readBytes(path), { keys: keyFiles.map(readKeyFile), passphrases: passphrase === undefined ? [] : [passphrase], iterations, parts })
  writeFile(output, file)
  terminal.out(`${output}: encrypted for ${keyFiles.length + (passphrase === undefined ? 0 : 1)}\n`)
  if (droppedSignatures > 0) terminal.out(`note: ${droppedSignatures === 1 ? 'its signature was' : `its ${droppedSignatures} signatures were`} dropped; sign ${output} anew\n`)
}

async function executeDecrypt(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const output = outputOf(args)
  const unlocking = await unlockOptions(args)
  if (unlocking.key === undefined && unlocking.passphrase === undefined) throw new UsageError('give --key-file, --passphrase-file or --passphrase')
  const { decrypt: unseal } = await import('../security/index.ts')
  writeFile(output, await unseal(readBytes(path), unlocking))
  terminal.out(`${output}: decrypted\n`)
}

export const encrypt: Command = {
  usage: 'encrypt MODEL --key-file FILE ... -o OUT [--parts all|weights]',
  help: ENCRYPT_HELP,
  options: {
    output: { type: 'string', short: 'o' },
    'key-file': { type: 'string', multiple: true },
    'passphrase-file': { type: 'string' },
    passphrase: { type: 'boolean' },
    iterations: { type: 'string' },
    parts: { type: 'string' },
  },
  run: executeEncrypt,
}

export const decrypt: Command = {
  usage: 'decrypt MODEL --key-file FILE -o OUT',
  help: DECRYPT_HELP,
  options: { output: { type: 'string', short: 'o' }, 'key-file': { type: 'string' }, 'passphrase-file': { type: 'string' }, passphrase: { type: 'boolean' } },
  run: executeDecrypt,
}
