// The threads' program in a browser.
import { reportThreads } from './workers-program.ts'

Object.assign(globalThis, { reportThreads })
