// This project's side of the batch protocol: `mle-conformance --batch --command 'node --import tsx conformance/adapters/mle.ts'`.
// Takes the device as its argument: cpu (default), wasm, webgpu.
import type { DeviceName } from '../../src/graph/device.ts'
import { runFiles } from './engine.ts'
import { serve } from './serve.ts'

const DEVICES: readonly DeviceName[] = ['cpu', 'wasm', 'webgpu', 'auto']

const device = DEVICES.find((name) => name === (process.argv[2] ?? 'cpu'))
if (device === undefined) throw new TypeError(`there is no device ${process.argv[2]}; devices are ${DEVICES.join(', ')}`)
await serve((request) => runFiles(request, device))
