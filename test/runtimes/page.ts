// The program in a browser: the page's test calls `hashVectors`.
import { hashVectors } from './program.ts'

Object.assign(globalThis, { hashVectors })
