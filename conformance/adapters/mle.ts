// This project's side of the batch protocol: `mle-conformance --batch --command 'node --import tsx conformance/adapters/mle.ts'`.
// Takes the device as its argument: cpu (default), wasm, webgpu.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DeviceName } from '../../src/graph/device.ts'
import type { BatchReply, BatchRequest } from '../runner/batch.ts'
import { runFiles } from './engine.ts'

const DEVICES: readonly DeviceName[] = ['cpu', 'wasm', 'webgpu', 'auto']

async function answer(request: BatchRequest, device: DeviceName): Promise<BatchReply> {
  const { id } = request
  const reply = await runFiles(request, device)
  if (reply.kind !== 'outputs') return { id, ok: false, code: reply.kind === 'refused' ? reply.code : 'INTERNAL', message: reply.kind === 'refused' ? reply.message : reply.why }
  for (const [index, { format, bytes }] of reply.files) writeFileSync(join(request.outputs, `${index}.${format}`), bytes)
  return { id, ok: true }
}

const device = DEVICES.find((name) => name === (process.argv[2] ?? 'cpu'))
if (device === undefined) throw new TypeError(`there is no device ${process.argv[2]}; devices are ${DEVICES.join(', ')}`)
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as BatchRequest, device))}\n`)
}
