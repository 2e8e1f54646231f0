// The program's side of the batch protocol: requests as JSON lines on standard input, replies on standard output.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { BatchReply, BatchRequest } from '../runner/batch.ts'
import type { Reply } from '../runner/judge.ts'

/** Answers every request until standard input ends. */
export async function serve(run: (request: BatchRequest) => Promise<Reply>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as BatchRequest
    process.stdout.write(`${JSON.stringify(replyTo(request, await run(request)))}\n`)
  }
}

function replyTo({ id, outputs }: BatchRequest, reply: Reply): BatchReply {
  if (reply.kind === 'broken') return { id, ok: false, code: 'INTERNAL', message: reply.why }
  if (reply.kind === 'refused') return { id, ok: false, code: reply.code, message: reply.message }
  for (const [index, { format, bytes }] of reply.files) writeFileSync(join(outputs, `${index}.${format}`), bytes)
  return { id, ok: true }
}
