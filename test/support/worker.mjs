// src/worker.ts in a thread: tsx does not reach threads by itself.
import { register } from 'tsx/esm/api'

register()
await import('../../src/worker.ts')
