// Every fixture made by scikit-learn: imported, run, compared with what scikit-learn computed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { importModel } from '../../../src/import/index.ts'
import { load } from '../../../src/load.ts'
import { compareCase, inputOf, readCases, type FixtureCase } from '../../support/fixtures.ts'
import { REFUSED } from './refused.ts'

async function check(fixture: FixtureCase): Promise<void> {
  const { description } = fixture
  const model = await load(await importModel(fixture.bytes(description.file), { fileName: description.file }), { device: 'cpu' })
  for (const input of description.inputs) {
    const rows = inputOf(fixture, input)
    for (const expected of description.expected) {
      const results = await model.call(expected.method, rows)
      compareCase(fixture, expected, results[expected.output_index ?? 0])
    }
  }
}

for (const pack of ['sklearn', 'sklearn_extra', 'sklearn_more', 'sklearn_old']) {
  const cases = readCases(pack)
  const refused: string[] = []
  for (const fixture of cases) {
    test(`${pack}/${fixture.name}`, async () => {
      const reason = REFUSED.get(`${pack}/${fixture.name}`)
      if (reason === undefined) return check(fixture)
      refused.push(fixture.name)
      await assert.rejects(check(fixture), (error) => error instanceof MleError && error.code === reason, `${fixture.name} no longer fails with ${reason}: take it off the list`)
    })
  }
  test(`${pack}: counts`, () => {
    console.log(`${pack}: ${cases.length - refused.length} of ${cases.length} cases compared, ${refused.length} refused as listed`)
    for (const name of REFUSED.keys()) {
      if (name.startsWith(`${pack}/`)) assert.ok(cases.some((fixture) => `${pack}/${fixture.name}` === name), `${name} is listed but not in the pack`)
    }
  })
}
