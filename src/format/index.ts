// The container: .mle bytes <-> Graph. docs/format.md is the specification.
export { inspect } from './inspect.ts'
export { DEFAULT_LIMITS, type Limits } from './limits.ts'
export { open } from './open.ts'
export { isMle, rootOf } from './prefix.ts'
export { read, readBytes } from './read.ts'
export type { CheckOptions, Chunk, CodecName, Container, Guard, Inspection, Opener, ReadOptions, SealedPiece, Section, SectionName, TensorInfo, WriteOptions } from './types.ts'
export { write } from './write.ts'
