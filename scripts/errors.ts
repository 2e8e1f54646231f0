// docs/errors.md: every error code in src/, its messages and the files that raise it. `npm run docs` writes it.
import ts from '@typescript/typescript6'
import { readSources, walk } from './sources.ts'

interface Raised {
  readonly messages: Set<string>
  readonly files: Set<string>
}

/** What the prefix of a code says about the place of the fault. */
const AREAS: ReadonlyMap<string, string> = new Map([
  ['ARCHITECTURE', 'Architecture files, which say what is computed with weights alone'],
  ['BYTES', 'Where the bytes of a model come from'],
  ['CLI', 'The command `mle`'],
  ['CODEC', 'Compressed sections of .mle files'],
  ['COMPARE', 'The command `mle compare`'],
  ['CSV', 'CSV input of the command'],
  ['DEVICE', 'Devices'],
  ['ENCRYPTION', 'Encrypted files'],
  ['FORMAT', '.mle files'],
  ['GRAPH', 'The graph of a model'],
  ['IMPORT', 'Foreign files in general'],
  ['INPUT', 'Inputs of a run'],
  ['LEGACY', '.mle files of versions 1 and 2'],
  ['MEMORY', 'Limits of memory'],
  ['METHOD', 'Methods of a model'],
  ['MODEL', 'Loaded models'],
  ['NPY', '.npy files'],
  ['ONNX', 'ONNX files, read and written'],
  ['OP', 'Operators: inputs, shapes and attributes that they do not take'],
  ['PICKLE', 'Pickle and joblib files'],
  ['PYTORCH', 'PyTorch files'],
  ['RUN', 'Runs'],
  ['SAFETENSORS', 'safetensors files'],
  ['SESSION', 'Sessions'],
  ['SHAPE', 'Shapes'],
  ['SKLEARN', 'scikit-learn models'],
  ['TENSOR', 'Tensors made from arrays'],
  ['TREE', 'Tree ensembles'],
  ['WEIGHTS', 'Weights in fewer bits'],
  ['TRUST', 'Signatures and what a policy asks for'],
  ['WORKER', 'Worker threads'],
  ['ZIP', 'Zip archives: PyTorch and Keras files'],
])

/** Codes are the first argument of MleError and of the small helpers of an area that make or throw one. */
const RAISER = /error|fail|fault|refuse|reject|bad|wrong|limit/i
const CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const codes = raisedCodes()
  const areas = [...new Set([...codes.keys()].map(areaOf))].sort()
  const lines = [
    '# Errors',
    '',
    '<!-- Written by `npm run docs` from the sources. -->',
    '',
    'Every fault of the data (files, graphs, inputs, limits) is an `MleError` with a stable `code`; a caller\'s mistake (wrong type or value of an',
    'argument) is a `TypeError` or `RangeError`. Messages may gain words; codes never change meaning. `{name}` stands for what was found. The command prints',
    '`mle: CODE: message` and exits with 1.',
  ]
  for (const area of areas) {
    lines.push('', `## ${area}`, '')
    const what = AREAS.get(area)
    if (what !== undefined) lines.push(`${what}.`, '')
    lines.push('| code | message | raised in |', '|---|---|---|')
    for (const [code, { messages, files }] of [...codes].filter(([code]) => areaOf(code) === area).sort(([a], [b]) => (a < b ? -1 : 1))) {
      lines.push(`| \`${code}\` | ${[...messages].sort().map(escapeCell).join('<br>')} | ${[...files].map((file) => `\`${file.slice('src/'.length)}\``).join(', ')} |`)
    }
  }
  return `${lines.join('\n')}\n`
}

function areaOf(code: string): string {
  return code.split('_')[0]
}

/** Codes that the sources raise, with every message. */
export function raisedCodes(): Map<string, Raised> {
  const codes = new Map<string, Raised>()
  for (const source of readSources('src')) {
    walk(source.tree, (node) => {
      if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return
      if (!RAISER.test(node.expression.getText(source.tree))) return
      const list = node.arguments ?? []
      const at = list.findIndex((argument) => ts.isStringLiteral(argument) && CODE.test(argument.text))
      const code = list[at]
      if (code === undefined || !ts.isStringLiteral(code)) return
      const message = list.slice(at + 1).map(messageOf).find((text) => text !== undefined)
      let raised = codes.get(code.text)
      if (raised === undefined) codes.set(code.text, (raised = { messages: new Set(), files: new Set() }))
      if (message !== undefined) raised.messages.add(message)
      raised.files.add(source.path)
    })
  }
  return codes
}

/** A message with `{...}` for what is filled in: the expression where it is a name, else an ellipsis. */
function messageOf(node: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map(({ expression, literal }) => `{${placeholder(expression)}}${literal.text}`).join('')
  if (ts.isConditionalExpression(node)) return [messageOf(node.whenTrue), messageOf(node.whenFalse)].filter((text) => text !== undefined).join(' / ') || undefined
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) return `${messageOf(node.left) ?? `{${placeholder(node.left)}}`}${messageOf(node.right) ?? `{${placeholder(node.right)}}`}`
  return undefined
}

function placeholder(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isPropertyAccessExpression(node)) return node.name.text === 'length' ? `number of ${placeholder(node.expression)}` : node.name.text
  if (ts.isCallExpression(node) && node.arguments.length > 0 && /^(JSON\.stringify|String)$/.test(node.expression.getText())) return placeholder(node.arguments[0])
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && /^(join|toString|toFixed)$/.test(node.expression.name.text)) return placeholder(node.expression.expression)
  return '…'
}

function escapeCell(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')
}
