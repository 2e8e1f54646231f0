// Options of the commands that read models: keys of encrypted files, and whom to trust. What they need loads when one is given.
import type { Guard } from '../format/types.ts'
import type { GuardOptions } from '../security/index.ts'
import type { Command, ParsedArgs } from './command.ts'

/** Options of every command that reads encrypted or signed files. */
export const ACCESS_OPTIONS: Command['options'] = {
  'key-file': { type: 'string' },
  'passphrase-file': { type: 'string' },
  passphrase: { type: 'boolean' },
  verify: { type: 'string', multiple: true },
  require: { type: 'string' },
  'model-id': { type: 'string' },
  'min-version': { type: 'string' },
}

export const ACCESS_HELP = `
Encrypted and signed .mle files:

  --key-file FILE         the key of an encrypted file: 32 bytes, or 64 hexadecimal digits
  --passphrase-file FILE  its passphrase, the first line of FILE
  --passphrase            its passphrase, from the variable MLE_PASSPHRASE, else typed in
  --verify NAME.pub.pem   use the file only if it is signed with this key; once for each trusted key
  --require any|all       with several keys: one signature is enough, or each is needed
  --model-id ID           the model that the signed file must be
  --min-version N         its least version
`

const isGiven = (args: ParsedArgs): boolean => Object.keys(ACCESS_OPTIONS).some((name) => args.text(name) !== undefined || args.texts(name).length > 0 || args.flag(name))

/** What the options give to `load`. */
export async function accessOf(args: ParsedArgs): Promise<GuardOptions> {
  return isGiven(args) ? (await import('./secrets.ts')).accessOptions(args) : {}
}

/** What they give to `read` and `inspect`. */
export async function guardFrom(args: ParsedArgs): Promise<Guard | undefined> {
  return isGiven(args) ? (await import('./secrets.ts')).accessGuard(args) : undefined
}
