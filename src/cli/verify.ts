// mle verify: is a file signed by those who are trusted, and every byte of it as they signed it?
import { onlyPositional, UsageError, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { policyOptions, readText, unlockOptions, wholeOption } from './secrets.ts'

const HELP = `
Verifies the signatures of MODEL, an .mle file, and every hash of it. Nothing of the model is run.

  --key NAME.pub.pem   a trusted public key (SubjectPublicKeyInfo in PEM); once for each
  --require any|all    with several keys: one signature is enough, or each is needed
  --model-id ID        the model that it must be
  --min-version N      its least version, against an old model in the place of a new one
  --operator NAME      an operator that it may hold, once for each, such as Gemm or ai.onnx.Gemm
  --codec NAME         a codec that its weights may have, once for each
  --max-bytes N        its greatest size

An encrypted file needs no key unless the policy asks for what is sealed: then --key-file FILE, --passphrase-file FILE or --passphrase.
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const keys = args.texts('key')
  if (keys.length === 0) throw new UsageError('--key NAME.pub.pem is missing: a file never says whom to trust')
  const policy = policyOptions(args)
  if (keys.length > 1 && policy.require === undefined) throw new UsageError('with several keys, --require any or all must be given')
  const codecs = args.texts('codec').map((name) => codecOf(name))
  const operators = args.texts('operator')
  const { verifyFile } = await import('../security/index.ts')
  const { root, signatures, metadata } = await verifyFile(
    path,
    {
      signers: keys.map(readText), ...policy, maxBytes: wholeOption(args, 'max-bytes'),
      codecs: codecs.length === 0 ? undefined : codecs, operators: operators.length === 0 ? undefined : operators,
    },
    await unlockOptions(args),
  )
  const model = metadata?.modelId === undefined ? '' : `, model ${metadata.modelId}${metadata.modelVersion === undefined ? '' : ` version ${metadata.modelVersion}`}`
  terminal.out(`${path}: verified${model}\nroot ${root}\n`)
  for (const { keyId, notBefore, notAfter } of signatures) {
    terminal.out(`signed by ${keyId}${notBefore === undefined ? '' : ` from ${new Date(notBefore * 1000).toISOString()}`}${notAfter === undefined ? '' : ` until ${new Date(notAfter * 1000).toISOString()}`}\n`)
  }
}

const CODECS = ['none', 'lz4', 'zstd', 'brotli'] as const

function codecOf(name: string): (typeof CODECS)[number] {
  const found = CODECS.find((codec) => codec === name)
  if (found === undefined) throw new UsageError(`--codec takes ${CODECS.join(', ')}, got ${name}`)
  return found
}

export const verify: Command = {
  usage: 'verify MODEL --key NAME.pub.pem [--require any|all] [--model-id ID [--min-version N]]',
  help: HELP,
  options: {
    key: { type: 'string', multiple: true },
    require: { type: 'string' },
    'model-id': { type: 'string' },
    'min-version': { type: 'string' },
    operator: { type: 'string', multiple: true },
    codec: { type: 'string', multiple: true },
    'max-bytes': { type: 'string' },
    'key-file': { type: 'string' },
    'passphrase-file': { type: 'string' },
    passphrase: { type: 'boolean' },
  },
  run: execute,
}
