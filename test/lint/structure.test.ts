// Rules of the house that the linter has no rule for.
import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import ts from '@typescript/typescript6'
import { importsOf, place, readSources, walk } from '../../scripts/sources.ts'

const sources = readSources('src')

/** Layers from the top; imports point downward or stay inside one. The first pattern that a path matches decides. */
const LAYERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['cli', /^src\/cli\//],
  ['api', /^src\/[a-z-]+\.ts$/],
  ['import', /^src\/(import|export)\//],
  ['security', /^src\/security\//],
  ['format', /^src\/format\//],
  ['graph', /^src\/graph\//],
  ['ops', /^src\/ops\//],
  ['math', /^src\/math\//],
  ['platform', /^src\/platform\//],
  ['tensor', /^src\/tensor\//],
  ['error', /^src\/error\.ts$/],
]

/** Layers whose values an import may reach, beyond its own. Types may come from one more: the graph's are plain data. */
const MAY: ReadonlyMap<string, readonly string[]> = new Map([
  ['cli', ['api', 'import', 'format', 'security', 'graph', 'ops', 'math', 'platform', 'tensor', 'error']],
  ['api', ['import', 'format', 'security', 'graph', 'ops', 'math', 'platform', 'tensor', 'error']],
  ['import', ['format', 'graph', 'ops', 'math', 'platform', 'tensor', 'error']],
  ['format', ['graph', 'ops', 'math', 'platform', 'tensor', 'error']],
  ['security', ['format', 'graph', 'ops', 'math', 'platform', 'tensor', 'error']],
  ['graph', ['ops', 'math', 'platform', 'tensor', 'error']],
  ['ops', ['math', 'platform', 'tensor', 'error']],
  ['math', []],
  ['platform', ['tensor', 'error']],
  ['tensor', ['error']],
  ['error', []],
])

function layerOf(path: string): string {
  if (path === 'src/error.ts') return 'error'
  const layer = LAYERS.find(([, pattern]) => pattern.test(path))
  assert.ok(layer, `${path} belongs to no layer`)
  return layer[0]
}

test('imports point downward', () => {
  const wrong: string[] = []
  for (const source of sources) {
    const from = layerOf(source.path)
    for (const { specifier, node } of importsOf(source)) {
      if (!specifier.startsWith('.')) continue
      const to = layerOf(posix.join(posix.dirname(source.path), specifier))
      if (to === from || MAY.get(from)?.includes(to)) continue
      wrong.push(`${place(source, node)}: ${from} may not import ${specifier} (${to})`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('relative imports name the .ts file; nothing else is imported outside src/cli', () => {
  const wrong: string[] = []
  for (const source of sources) {
    for (const { specifier, node } of importsOf(source)) {
      const fine = specifier.startsWith('.') ? specifier.endsWith('.ts') : specifier.startsWith('node:') && source.path.startsWith('src/cli/')
      if (!fine) wrong.push(`${place(source, node)}: ${specifier}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('importing a module does nothing: only declarations at the top level', () => {
  const wrong: string[] = []
  for (const source of sources) {
    // Programs: the command, and what a worker thread runs.
    if (source.path === 'src/cli/main.ts' || source.path === 'src/worker.ts') continue
    for (const statement of source.tree.statements) {
      if (!isDeclaration(statement)) wrong.push(`${place(source, statement)}: ${statement.getText(source.tree).slice(0, 60)}`)
    }
  }
  assert.deepEqual(wrong, [])
})

function isDeclaration(node: ts.Statement): boolean {
  return (
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isVariableStatement(node)
  )
}

test('no ** with variable operands where results must be the same bits everywhere', () => {
  const wrong: string[] = []
  for (const source of sources) {
    if (!/^src\/(ops(?!\/formula)|import|graph|math)\//.test(source.path)) continue
    walk(source.tree, (node) => {
      if (!ts.isBinaryExpression(node)) return
      const { kind } = node.operatorToken
      if (kind !== ts.SyntaxKind.AsteriskAsteriskToken && kind !== ts.SyntaxKind.AsteriskAsteriskEqualsToken) return
      // Powers of two are exact on every engine.
      if (ts.isNumericLiteral(node.left) && node.left.text === '2') return
      if (!isConstant(node.left) || !isConstant(node.right)) wrong.push(`${place(source, node)}: ${node.getText(source.tree)}`)
    })
  }
  assert.deepEqual(wrong, [])
})

function isConstant(node: ts.Expression): boolean {
  if (ts.isPrefixUnaryExpression(node)) return isConstant(node.operand)
  if (ts.isParenthesizedExpression(node)) return isConstant(node.expression)
  return ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)
}
