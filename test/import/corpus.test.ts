// Every case of the packed corpus: import, predict, compare with what the training library gave; and the same bits again
// after a round trip through a .mle file.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import type { InputRecord, InputValue } from '../../src/feed.ts'
import { readBytes, write } from '../../src/format/index.ts'
import { importModel } from '../../src/import/index.ts'
import { load, MleError, type Tensor } from '../../src/index.ts'
import { compareCase, inputOf, readCases, type FixtureCase } from '../support/fixtures.ts'

const PACKS = ['sklearn', 'sklearn_extra', 'sklearn_models', 'sklearn_more', 'sklearn_old', 'xgboost', 'lightgbm', 'catboost', 'boosting']

/** Cases that are refused today: case -> code. A case that starts to pass must leave the list. */
const REFUSED: ReadonlyMap<string, string> = new Map(
  Object.entries(JSON.parse(readFileSync(new URL('refused.json', import.meta.url), 'utf8')) as Record<string, string>),
)

async function predict(fixture: FixtureCase): Promise<Tensor[][]> {
  const { file, inputs, expected } = fixture.description
  const graph = await importModel(fixture.bytes(file), { fileName: file })
  const results: Tensor[][] = []
  const direct = await load(graph)
  const stored = await load(readBytes(await write(graph)))
  const { columns } = graph.metadata
  const compare = async (rows: InputValue | InputRecord): Promise<void> => {
    for (const one of expected) {
      const got = await direct.call(one.method, rows)
      compareCase(fixture, one, got[one.output_index ?? 0])
      assert.deepEqual(await stored.call(one.method, rows), got, `${fixture.name} ${one.method} after a round trip`)
      results.push(got)
    }
  }
  const files = inputs.map((input) => inputOf(fixture, input))
  // Numbers and categories of one model are two inputs; otherwise several files are the same rows in several forms.
  const together = graph.inputs.some(({ name }) => name === 'cats')
  for (const file of together ? [] : files) {
    let rows: InputValue = file
    // A file of an array fills the columns of a table in order, as the command does.
    if (columns !== undefined && graph.inputs.length > 1 && typeof rows === 'object' && rows !== null && 'data' in rows && 'dtype' in rows) rows = rowsOf(rows as Tensor)
    await compare(rows)
  }
  if (together) await compare(Object.fromEntries(inputs.map(({ dtype }, i) => [dtype === 'strings' ? 'cats' : 'X', dtype === 'strings' ? rowsOfColumns(files[i]) : files[i]])))
  direct.dispose()
  stored.dispose()
  return results
}

function rowsOf({ shape, data }: Tensor): number[][] {
  return Array.from({ length: shape[0] }, (_, r) => Array.from({ length: shape[1] }, (__, c) => Number(data[r * shape[1] + c])))
}

/** rs_onehot_multi lists columns, each as [position, its values, its categories]; others list rows. */
function rowsOfColumns(value: InputValue): InputValue {
  const columns = value as unknown as readonly (readonly [number, readonly string[], readonly string[]])[]
  return typeof columns[0][0] === 'number' ? columns[0][1].map((_, row) => columns.map(([, values]) => values[row])) : value
}

for (const pack of PACKS) {
  describe(pack, () => {
    let passed = 0
    let refused = 0
    for (const fixture of readCases(pack)) {
      const code = REFUSED.get(`${pack}/${fixture.name}`)
      test(fixture.name, async () => {
        if (code === undefined) {
          await predict(fixture)
          passed++
          return
        }
        await assert.rejects(predict(fixture), (error) => error instanceof MleError && error.code === code, `${pack}/${fixture.name} is expected to be refused with ${code}`)
        refused++
      })
    }
    after(() => console.log(`${pack}: ${passed} cases pass, ${refused} are refused`))
  })
}
