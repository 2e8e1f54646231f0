// Which files an entry of the built package loads when it is imported: its static imports, followed to the end.
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from '@typescript/typescript6'

export interface Loaded {
  /** The entry and every file that it imports statically, directly or not. */
  readonly files: readonly string[]
  /** Static imports that are no relative path: node:fs and the like. */
  readonly external: readonly string[]
  /** Files imported only when needed. */
  readonly lazy: readonly string[]
}

/**
 * @param entry path with forward slashes, such as dist/index.js
 * @param folder the package
 */
export function loadedBy(entry: string, folder: string = '.'): Loaded {
  const files = new Set([entry])
  const external = new Set<string>()
  const lazy = new Set<string>()
  for (const file of files) {
    const tree = ts.createSourceFile(file, readFileSync(join(folder, file), 'utf8'), ts.ScriptTarget.Latest, false, ts.ScriptKind.JS)
    const visit = (node: ts.Node): void => {
      if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
        const { text } = node.moduleSpecifier
        if (text.startsWith('.')) files.add(posix.join(posix.dirname(file), text))
        else external.add(text)
      } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && ts.isStringLiteralLike(node.arguments[0])) {
        lazy.add(posix.join(posix.dirname(file), node.arguments[0].text))
      }
      ts.forEachChild(node, visit)
    }
    visit(tree)
  }
  return { files: [...files], external: [...external], lazy: [...lazy].filter((file) => !files.has(file)) }
}
