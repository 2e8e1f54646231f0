// Engines differ in the last bits of Math.exp and its like, and of ** where it is computed at run time: src/ uses src/math instead.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import ts from '@typescript/typescript6'
import { place, readSources, walk, type Source } from '../../scripts/sources.ts'

const INEXACT = new Set([
  'exp', 'exp2', 'expm1', 'log', 'log1p', 'log2', 'log10', 'pow', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'atan2',
  'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh', 'cbrt', 'hypot',
])

// Uses that are exact on every engine, though the rule cannot see it: BigInt operands, or two to a small whole power.
// New code takes pow2 of src/math/bits.ts; a line that is gone must be removed here.
const EXACT = [
  'src/import/codec/bzip2.ts: 2 ** bitCount',
  'src/import/codec/bzip2.ts: 2 ** count',
  'src/import/codec/lz4-frame.ts: 2 ** (8 + 2 * sizeCode)',
  'src/import/codec/lzma.ts: 2 ** directCount',
  'src/import/codec/xz.ts: 2 ** (Math.floor(code / 2) + 11)',
  'src/platform/sha256.ts: middle ** degree',
]

/** Formulas are tests' references: the engine's functions are what src/math is compared with. */
const sources = readSources('src').filter(({ path }) => !path.startsWith('src/ops/formula/'))

const withoutLine = (finding: string): string => finding.replace(/:\d+:/, ':')

function isNumericConstant(node: ts.Node): boolean {
  if (ts.isParenthesizedExpression(node)) return isNumericConstant(node.expression)
  if (ts.isPrefixUnaryExpression(node)) return node.operator === ts.SyntaxKind.MinusToken && isNumericConstant(node.operand)
  return ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)
}

function engineMath(source: Source): string[] {
  const found: string[] = []
  walk(source.tree, (node) => {
    if (ts.isIdentifier(node) && node.text === 'Math') {
      const { parent } = node
      if (ts.isPropertyAccessExpression(parent) && parent.expression === node) {
        if (INEXACT.has(parent.name.text)) found.push(`${place(source, node)}: Math.${parent.name.text}`)
      } else if (!(ts.isPropertyAccessExpression(parent) && parent.name === node) && !ts.isPropertyAssignment(parent)) {
        // Math['exp'], const { exp } = Math, f(Math): nothing that can be checked.
        found.push(`${place(source, node)}: Math used other than as Math.name`)
      }
    }
    if (ts.isBinaryExpression(node)) {
      const { kind } = node.operatorToken
      const power = kind === ts.SyntaxKind.AsteriskAsteriskToken
      if (kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken || (power && !(isNumericConstant(node.left) && isNumericConstant(node.right)))) {
        found.push(`${place(source, node)}: ${node.getText(source.tree)}`)
      }
    }
  })
  return found
}

test('src/ computes no transcendental function with the engine', () => {
  assert.deepEqual(sources.flatMap(engineMath).filter((finding) => !EXACT.includes(withoutLine(finding))), [])
})

test('the list of exact uses holds nothing that is gone', () => {
  const found = new Set(sources.flatMap(engineMath).map(withoutLine))
  assert.deepEqual(EXACT.filter((use) => !found.has(use)), [], 'remove these lines from EXACT')
})

test('the rule sees what it forbids', () => {
  const check = (text: string): number => engineMath({ path: 'x.ts', text, tree: ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true) }).length
  for (const bad of ['Math.exp(1)', 'const f = Math.tanh', "Math['log'](2)", 'const { pow } = Math', '2 ** k', 'x ** 2', 'x **= 2', '2 ** (k - 1)', 'Math?.sin(1)']) assert.equal(check(bad), 1, bad)
  for (const good of ['Math.sqrt(2)', 'Math.fround(x)', '2 ** 53', '2 ** -24', '10n ** 3n', '// Math.exp(x) ** y', "const s = 'Math.exp'"]) assert.equal(check(good), 0, good)
})
