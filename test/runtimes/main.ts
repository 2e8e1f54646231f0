// The program in runtimes with files: `main.js VECTORS.json DEVICE OUT.json`.
import type { DeviceName } from '../../src/graph/device.ts'
import { hashVectors } from './program.ts'

const { readFileSync, writeFileSync } = globalThis.process.getBuiltinModule('node:fs')
const [vectors, device, out] = globalThis.process.argv.slice(2)
writeFileSync(out, JSON.stringify(await hashVectors(JSON.parse(readFileSync(vectors, 'utf8')), device as DeviceName)))
