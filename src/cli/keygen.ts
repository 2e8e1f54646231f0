// mle keygen: keys for signing and for encryption.
import { existsSync, writeFileSync } from 'node:fs'
import { MleError } from '../error.ts'
import { UsageError, type Command, type ParsedArgs, type Terminal } from './command.ts'

const HELP = `
Makes a pair of Ed25519 keys: NAME.pem, which signs and must stay secret, and NAME.pub.pem, which verifies. They are PKCS#8
and SubjectPublicKeyInfo as openssl writes and reads them. Files that exist are never written over.

  -o, --output NAME  where to
  --secret           a key for mle encrypt instead: 32 random bytes in the file NAME
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const name = args.text('output')
  if (name === undefined) throw new UsageError('-o NAME is missing')
  if (args.flag('secret')) {
    writeNew(name, crypto.getRandomValues(new Uint8Array(32)), 0o600)
    terminal.out(`${name}: a key for mle encrypt and mle decrypt; keep it secret\n`)
    return
  }
  const { generateKeys } = await import('../security/index.ts')
  if (existsSync(`${name}.pub.pem`)) throw new MleError('CLI_EXISTS', `${name}.pub.pem exists already and is not written over`)
  const { privateKey, publicKey, keyId } = await generateKeys()
  writeNew(`${name}.pem`, privateKey, 0o600)
  writeNew(`${name}.pub.pem`, publicKey, 0o644)
  terminal.out(`${name}.pem: private, keep it secret\n${name}.pub.pem: public, id ${keyId}\n`)
}

function writeNew(path: string, content: string | Uint8Array, mode: number): void {
  try {
    writeFileSync(path, content, { mode, flag: 'wx' })
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    throw exists ? new MleError('CLI_EXISTS', `${path} exists already and is not written over`) : new MleError('CLI_FILE', `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export const keygen: Command = {
  usage: 'keygen -o NAME [--secret]',
  help: HELP,
  options: { output: { type: 'string', short: 'o' }, secret: { type: 'boolean' } },
  run: execute,
}
