// Says that it is ready and ends at its first job.
import { parentPort } from 'node:worker_threads'

parentPort?.on('message', ({ kind }) => {
  if (kind === 'start') parentPort?.postMessage({ kind: 'ready' })
  else process.exit(3)
})
