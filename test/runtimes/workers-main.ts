// The threads' program in runtimes with files: `main.mjs WORKER_URL` writes its report to standard output.
import { reportThreads } from './workers-program.ts'

const [workerUrl] = globalThis.process.argv.slice(2)
console.log(JSON.stringify(await reportThreads(workerUrl)))
