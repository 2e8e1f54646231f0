// mle sign: puts a signature into an .mle file.
import { onlyPositional, UsageError, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { writeFile } from './outputs.ts'
import { readBytes, readText } from './secrets.ts'

const HELP = `
Signs MODEL, an .mle file. Other signatures stay; an earlier one by the same key is replaced.

  --key NAME.pem       private key: PKCS#8 in PEM, of mle keygen or openssl genpkey -algorithm ed25519
  -o, --output FILE    default: MODEL itself
  --not-before DATE    the signature counts from then on, such as 2026-12-01 or 2026-12-01T08:00:00Z
  --not-after DATE     and until then

With a key that this command cannot have (a hardware key, another machine):

  --public NAME.pub.pem --message-to FILE   writes the bytes to sign, for example with
                                            openssl pkeyutl -sign -rawin -inkey NAME.pem -in FILE -out SIGNATURE
  --public NAME.pub.pem --signature FILE    puts that signature of 64 bytes in; the dates must be the same
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const [key, publicKey, messageTo, signature] = ['key', 'public', 'message-to', 'signature'].map((name) => args.text(name))
  if ((key === undefined) === (publicKey === undefined)) throw new UsageError('give --key, or --public with --message-to or --signature')
  if (publicKey !== undefined && (messageTo === undefined) === (signature === undefined)) throw new UsageError('--public needs --message-to or --signature')
  const validity = { notBefore: dateOption(args, 'not-before'), notAfter: dateOption(args, 'not-after') }
  const { attachSignature, sign: signFile, signingMessage } = await import('../security/index.ts')
  const file = readBytes(path)
  if (publicKey !== undefined && messageTo !== undefined) {
    writeFile(messageTo, signingMessage(file, readText(publicKey), validity))
    terminal.out(`${messageTo}: sign these bytes\n`)
    return
  }
  const output = args.text('output') ?? path
  const signed = key !== undefined ? await signFile(file, readText(key), validity) : await attachSignature(file, readText(publicKey ?? ''), readBytes(signature ?? ''), validity)
  writeFile(output, signed)
  terminal.out(`${output}: signed\n`)
}

function dateOption(args: ParsedArgs, name: string): Date | undefined {
  const given = args.text(name)
  if (given === undefined) return undefined
  const date = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/.test(given) ? new Date(given) : new Date(NaN)
  if (Number.isNaN(date.getTime())) throw new UsageError(`--${name} takes a date such as 2026-12-01 or 2026-12-01T08:00:00Z (UTC), got ${given}`)
  return date
}

export const sign: Command = {
  usage: 'sign MODEL --key NAME.pem [-o OUT] [--not-before DATE] [--not-after DATE]',
  help: HELP,
  options: {
    key: { type: 'string' },
    output: { type: 'string', short: 'o' },
    public: { type: 'string' },
    'message-to': { type: 'string' },
    signature: { type: 'string' },
    'not-before': { type: 'string' },
    'not-after': { type: 'string' },
  },
  run: execute,
}
