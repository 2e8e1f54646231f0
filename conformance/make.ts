// Writes the vectors and index.json: `node --import tsx conformance/make.ts [AREA ...]`. Without areas: operators and graphs, which
// a test makes again and compares. The others are made from test/fixtures by the importers of the day, and only when asked for.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeNpy } from '../src/tensor/npy.ts'
import { entriesOf, indexText, writeArea, type MadeVector } from './make/files.ts'
import { graphVectors } from './make/graphs.ts'
import { operatorVectors } from './make/operators.ts'
import { AREAS, MALFORMED_INPUT, type Area } from './runner/vectors.ts'

const MAKERS: readonly (readonly [Area, () => Promise<MadeVector[]>])[] = [
  ['operators', operatorVectors],
  ['graphs', graphVectors],
  ['onnx', async () => (await import('./make/onnx.ts')).onnxVectors()],
  ['models', async () => (await import('./make/models.ts')).modelVectors()],
]

/** Made from sources alone. */
const CURRENT: readonly Area[] = ['operators', 'graphs']

const root = fileURLToPath(new URL('.', import.meta.url))
const asked = process.argv.slice(2)
const unknown = asked.find((name) => !MAKERS.some(([area]) => area === name))
if (unknown !== undefined) throw new TypeError(`there is no maker of ${unknown}; there are ${MAKERS.map(([area]) => area).join(', ')}`)
for (const [area, make] of MAKERS) if (asked.length === 0 ? CURRENT.includes(area) : asked.includes(area)) writeArea(root, area, await make())
writeFileSync(join(root, MALFORMED_INPUT), writeNpy({ dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 2) }))
const entries = AREAS.flatMap((area) => entriesOf(root, area))
writeFileSync(join(root, 'index.json'), indexText(entries))
for (const area of AREAS) console.log(`${String(entries.filter((entry) => entry.area === area).length).padStart(5)}  ${area}`)
