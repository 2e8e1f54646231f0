// docs/operators.md: every operator from its schema and the doc comment above it. `npm run docs` writes it.
import ts from '@typescript/typescript6'
import { loadOperators, packNames, packOf } from '../src/ops/packs.ts'
import { allSchemas } from '../src/ops/registry.ts'
import { WASM_OPERATORS } from '../src/ops/wasm/operators.ts'
import { gpuKernels } from '../src/ops/webgpu/index.ts'
import { exact, type AttributeSchema, type InputSchema, type OpSchema, type OutputSchema } from '../src/ops/schema.ts'
import { readSources, walk, type Source } from './sources.ts'
import { VOCABULARY } from './vocabulary.ts'

interface Prose {
  /** First sentence of the comment. */
  readonly summary: string
  readonly formula?: string
  readonly see: readonly string[]
}

/** The text of docs/operators.md. */
export async function operatorsPage(): Promise<string> {
  const schemas = allSchemas()
  const { cpu } = await loadOperators(schemas.keys())
  const prose = operatorProse(schemas)
  const lines = [
    '# Operators',
    '',
    '<!-- Written by `npm run docs` from src/ops/schemas/. -->',
    '',
    'Operators of the domain `ai.onnx` have the meaning of the ONNX operator of that name and version; domain `mle` holds our own. Importers upgrade older',
    'definitions to the one version listed. The tolerance bounds the difference of one element from the formula evaluated in float64: u is half a unit in the last',
    'place of 1 in the output\'s dtype, y the formula\'s value, Σ the sum of the absolute terms of a reducing operator. "Rows" says that a row of the outputs may',
    'depend on one row of the inputs only, so that a batch can run in blocks of rows. Kernels of webgpu are for the dtypes of',
    '[webgpu.md](webgpu.md), which also says where the tolerance does not hold there.',
  ]
  lines.push('', '## Operators of the first versions', '', ...vocabularyLines(schemas))
  for (const pack of packNames()) {
    lines.push('', `## Pack \`${pack}\``)
    const members = [...schemas].filter(([key]) => packOf(key) === pack).sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [key, schema] of members) lines.push('', ...operatorLines(key, schema, prose.get(key), cpu.has(key)))
  }
  return `${lines.join('\n')}\n`
}

/** The vocabulary of .mle files of versions 1 and 2; throws for an operator that is none. */
function vocabularyLines(schemas: ReadonlyMap<string, OpSchema>): string[] {
  const unknown = VOCABULARY.flatMap(({ operators }) => operators).find((key) => !schemas.has(key))
  if (unknown !== undefined) throw new Error(`scripts/vocabulary.ts names ${unknown}, which is no operator`)
  const link = (key: string): string => `[${key}](#${key.toLowerCase().replaceAll('.', '')})`
  return [
    `Files of versions 1 and 2 had ${VOCABULARY.length} operators by number. Each has its place here: an operator, or a lowering, which is a few operators that an importer puts together.`,
    '', '| then | now | |', '|---|---|---|', ...VOCABULARY.map(({ name, operators, how }) => row(name, operators.map(link).join(' '), how)),
  ]
}

function operatorLines(key: string, schema: OpSchema, prose: Prose | undefined, onCpu: boolean): string[] {
  const facts = [`Domain \`${schema.domain}\`, version ${schema.version}.`]
  if (schema.alias) facts.push('No step of its own: the output is the input\'s memory.')
  facts.push(`Backends: ${onCpu ? backendsOf(key).join(', ') : schema.alias ? 'all' : 'none yet'}.`, `Tolerance: ${boundText(schema)}.`)
  if (schema.rowWise !== undefined) facts.push('Rows.')
  const lines = [`### ${key}`, '']
  if (prose !== undefined && prose.summary !== '') lines.push(prose.summary, '')
  if (prose?.formula !== undefined) lines.push(`    ${prose.formula}`, '')
  lines.push(facts.join(' '), '', '| | name | type | |', '|---|---|---|---|')
  for (const input of schema.inputs) lines.push(row('input', input.name, inputType(input, schema), flags(input)))
  for (const output of schema.outputs) lines.push(row('output', output.name, '', flags(output)))
  for (const attribute of schema.attributes) lines.push(row('attribute', attribute.name, attribute.kind, attributeText(attribute)))
  if (prose !== undefined && prose.see.length > 0) lines.push('', `See ${prose.see.join(', ')}.`)
  return lines
}

/** Backends with a kernel of their own; elsewhere cpu's runs. */
function backendsOf(key: string): string[] {
  const onWasm = [...WASM_OPERATORS.values()].some((keys) => keys.includes(key))
  return ['cpu', ...(onWasm ? ['wasm'] : []), ...(gpuKernels.has(key) ? ['webgpu'] : [])]
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function inputType({ type }: InputSchema, { typeSets }: OpSchema): string {
  if (typeof type !== 'string') return type.join(', ')
  const set = typeSets === undefined ? undefined : new Map(Object.entries(typeSets)).get(type)
  return set === undefined ? `${type}` : `${type}: ${set.join(', ')}`
}

function flags({ optional, variadic }: OutputSchema): string {
  return [optional ? 'optional' : '', variadic ? 'one or more' : ''].filter(Boolean).join(', ')
}

function attributeText({ required, default: value }: AttributeSchema): string {
  if (required) return 'required'
  return value === undefined ? '' : `default ${JSON.stringify(value)}`
}

/** The bound in words, read off the function itself: every bound is linear in |y| and in the sum of terms. */
function boundText({ bound }: OpSchema): string {
  if (bound === exact) return 'exact'
  const texts = ([['float32', 2 ** -24], ['float64', 2 ** -53]] as const).map(([dtype, eps]) => {
    const constant = bound(eps, 0, 0)
    const relative = (bound(eps, 1, 0) - constant) / (2 * eps)
    const terms = (bound(eps, 0, 1) - constant) / eps
    const parts = [
      relative === 0 ? '' : `${short(relative)} ulp`,
      terms === 0 ? '' : `${short(terms)} u Σ`,
      constant < 1e-200 ? '' : short(constant),
    ].filter(Boolean)
    return { dtype, text: parts.join(' + ') || 'exact' }
  })
  return texts[0].text === texts[1].text ? texts[0].text : texts.map(({ dtype, text }) => `${text} (${dtype})`).join(', ')
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** The prose of every operator: the doc comment of the declaration, list element or property that names it. */
export function operatorProse(schemas: ReadonlyMap<string, OpSchema>): Map<string, Prose> {
  const wanted = new Map<string, string[]>()
  for (const [key, { name }] of schemas) wanted.set(name, [...(wanted.get(name) ?? []), key])
  const found = new Map<string, Prose>()
  for (const source of readSources('src/ops/schemas')) {
    walk(source.tree, (node) => {
      if (!ts.isStringLiteral(node)) return
      const domain = namedDomain(node)
      for (const key of wanted.get(node.text) ?? []) {
        if (found.has(key) || domain === false || (typeof domain === 'string' && domain !== schemas.get(key)?.domain)) continue
        const comment = commentAbove(source, node)
        if (comment !== undefined) found.set(key, proseOf(comment))
      }
    })
  }
  return found
}

/** The domain beside a `name: 'X'`; undefined where the name is an argument of a helper or in a list; false for other strings. */
function namedDomain(node: ts.StringLiteral): string | false | undefined {
  const { parent } = node
  if (ts.isPropertyAssignment(parent)) {
    if (parent.name.getText() !== 'name') return false
    const domain = parent.parent.properties.find((property) => ts.isPropertyAssignment(property) && property.name.getText() === 'domain')
    if (domain === undefined || !ts.isPropertyAssignment(domain)) return parent.parent.properties.some((property) => ts.isSpreadAssignment(property)) ? undefined : false
    return ts.isStringLiteral(domain.initializer) ? domain.initializer.text : undefined
  }
  if (ts.isCallExpression(parent)) return parent.arguments[0] === node ? undefined : false
  return ts.isArrayLiteralExpression(parent) && parent.elements[0] === node ? undefined : false
}

function commentAbove({ text }: Source, node: ts.Node): string | undefined {
  for (let at: ts.Node = node; !ts.isSourceFile(at); at = at.parent) {
    const comments = (ts.getLeadingCommentRanges(text, at.getFullStart()) ?? []).map(({ pos, end }) => text.slice(pos, end)).filter((comment) => comment.startsWith('/**'))
    if (comments.length > 0) return comments[comments.length - 1]
  }
  return undefined
}

function proseOf(comment: string): Prose {
  const body = comment.slice(3, -2).split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trimEnd()).join('\n').trim()
  const [description, ...tags] = body.split(/(?:^|\s)@(?=formula|see|param|example|throws)/)
  const tagged = (name: string): string[] => tags.filter((tag) => tag.startsWith(name)).map((tag) => tag.slice(name.length).replaceAll(/\s+/g, ' ').trim())
  const paragraph = description.split(/\n\s*\n/)[0].replaceAll(/\s+/g, ' ').trim()
  const summary = /^.*?[.](?=\s|$)/.exec(paragraph)?.[0] ?? paragraph
  return { summary, formula: tagged('formula')[0], see: tagged('see') }
}
