// `npm run docs`: writes the pages that are made from the sources.
import { mkdirSync, writeFileSync } from 'node:fs'
import { errorsPage } from './errors.ts'
import { operatorsPage } from './operators.ts'

mkdirSync('docs', { recursive: true })
writeFileSync('docs/errors.md', errorsPage())
writeFileSync('docs/operators.md', await operatorsPage())
