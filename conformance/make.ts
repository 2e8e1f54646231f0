// Writes the vectors and index.json: `node --import tsx conformance/make.ts [AREA ...]`. Without areas: all that are made from
// the sources of this project. The same bytes on every engine; a test makes them again and compares.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeNpy } from '../src/tensor/npy.ts'
import { entriesOf, indexText } from './make/files.ts'
import { AREAS, MALFORMED_INPUT } from './runner/vectors.ts'

const root = fileURLToPath(new URL('.', import.meta.url))
writeFileSync(join(root, MALFORMED_INPUT), writeNpy({ dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 2) }))
const entries = AREAS.flatMap((area) => entriesOf(root, area))
writeFileSync(join(root, 'index.json'), indexText(entries))
for (const area of AREAS) console.log(`${String(entries.filter((entry) => entry.area === area).length).padStart(5)}  ${area}`)
