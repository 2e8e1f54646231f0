// A thread that fills blocks of a shared memory beside others; the tests run sources, so that the loader comes first.
import { register } from 'tsx/esm/api'

register()
const { parentPort, workerData } = await import('node:worker_threads')
const { fillBlocks } = await import('./fill-blocks.ts')
parentPort.postMessage(fillBlocks(workerData))
