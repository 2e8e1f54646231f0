// Decides whether what a runtime gave is right. Shared by the command and by this project's own tests.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bfloatToFloat, halfToFloat } from '../../src/tensor/half.ts'
import { readNpy } from '../../src/tensor/npy.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import type { ExpectedOutput, Task, Tolerance } from './vectors.ts'

/** One output as a runtime wrote it. */
export interface OutputFile {
  readonly format: 'npy' | 'json'
  readonly bytes: Uint8Array
}

/** What a runtime did with a task. */
export type Reply =
  | { readonly kind: 'outputs'; readonly files: ReadonlyMap<number, OutputFile> }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** It hung, crashed, took too much memory or broke the protocol. */
  | { readonly kind: 'broken'; readonly why: string }

/** Why a task failed; `element` and what follows where an element differs. */
export interface Fault {
  readonly what: string
  readonly output?: string
  readonly element?: readonly number[]
  readonly expected?: string
  readonly got?: string
  readonly bound?: number
  /** How many elements differ. */
  readonly count?: number
}

type Item = number | bigint | boolean | string | null

interface Values {
  readonly dtype?: string
  readonly shape: readonly number[]
  /** The nesting of lists that are no array, such as sequences of different lengths. */
  readonly structure: string
  readonly items: ArrayLike<Item>
}

export interface JudgeOptions {
  /** That it refuses is enough, with whatever code. */
  readonly anyCode?: boolean
  /** Numbers below it count as zero, for devices without subnormal numbers. */
  readonly tiny?: number
}

/** What is wrong with a reply; undefined when it is right. */
export function judge(task: Task, reply: Reply, { anyCode = false, tiny = 0 }: JudgeOptions = {}): Fault | undefined {
  if (reply.kind === 'broken') return { what: reply.why }
  if (task.error !== undefined) {
    if (reply.kind === 'outputs') return { what: `accepted, but must be refused with ${task.error}` }
    return anyCode || reply.code === task.error ? undefined : { what: 'refused with another code', expected: task.error, got: `${reply.code}: ${reply.message}` }
  }
  if (reply.kind === 'refused') return { what: `refused with ${reply.code}: ${reply.message}` }
  for (const expected of task.expected) {
    const fault = judgeOutput(expected, readFileSync(join(task.folder, expected.file)), reply.files.get(expected.output), tiny)
    if (fault !== undefined) return { ...fault, output: expected.name }
  }
  return undefined
}

function judgeOutput(expected: ExpectedOutput, stored: Uint8Array, file: OutputFile | undefined, tiny: number): Fault | undefined {
  const format = expected.file.endsWith('.npy') ? 'npy' : 'json'
  if (file === undefined) return { what: `output ${expected.output} is missing` }
  if (file.format !== format) return { what: `output ${expected.output} is a .${file.format} file, expected .${format}` }
  const isText = expected.dtype === 'string'
  const wanted = decode({ format, bytes: stored }, isText)
  let got: Values
  try {
    got = decode(file, isText)
  } catch (error) {
    return { what: `output ${expected.output} cannot be read: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (expected.dtype !== undefined && format === 'npy' && got.dtype !== wanted.dtype) return { what: 'dtype', expected: wanted.dtype, got: got.dtype }
  if (got.structure !== wanted.structure) return { what: 'shape', expected: wanted.structure, got: got.structure }
  return compare(wanted, got, expected.tolerance, tiny)
}

function compare(wanted: Values, got: Values, tolerance: Tolerance, tiny: number): Fault | undefined {
  let first: Fault | undefined
  let count = 0
  for (let i = 0; i < wanted.items.length; i++) {
    const bound = Math.max(boundOf(tolerance, i, wanted.items[i]), tiny)
    if (isRight(wanted.items[i], got.items[i], bound, tolerance.kind === 'identical' && tiny === 0)) continue
    count++
    first ??= { what: 'value', element: indexOf(i, wanted.shape), expected: show(wanted.items[i]), got: show(got.items[i]), bound }
  }
  return first === undefined ? undefined : { ...first, count }
}

function boundOf(tolerance: Tolerance, index: number, wanted: Item): number {
  if (tolerance.kind === 'absolute') return tolerance.bounds[index]
  return tolerance.kind === 'close' ? tolerance.atol + tolerance.rtol * Math.abs(Number(wanted)) : 0
}

function isRight(wanted: Item, got: Item, bound: number, signedZeros: boolean): boolean {
  if (wanted === null || got === null || typeof wanted === 'string' || typeof got === 'string') return wanted === got
  if (typeof wanted === 'bigint' && typeof got === 'bigint') return wanted === got
  const [a, b] = [Number(wanted), Number(got)]
  if (Object.is(a, b)) return true
  if (a === b) return !signedZeros
  return Math.abs(a - b) <= bound && Number.isFinite(a) && Number.isFinite(b)
}

function show(item: Item): string {
  return Object.is(item, -0) ? '-0' : typeof item === 'string' ? JSON.stringify(item) : String(item)
}

function indexOf(place: number, shape: readonly number[]): number[] {
  const index: number[] = []
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(place % shape[axis])
    place = Math.floor(place / shape[axis])
  }
  return index
}

function decode({ format, bytes }: OutputFile, isText: boolean): Values {
  if (format === 'json') return decodeJson(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), isText)
  const tensor = readNpy(bytes)
  return { dtype: tensor.dtype, shape: tensor.shape, structure: `[${tensor.shape.join(', ')}]`, items: itemsOf(tensor) }
}

function itemsOf({ dtype, data }: Tensor): ArrayLike<Item> {
  const convert = dtype === 'float16' ? halfToFloat : dtype === 'bfloat16' ? bfloatToFloat : undefined
  return convert === undefined ? data : Array.from(data as ArrayLike<number>, convert)
}

/** Lists by nesting: an array where all rows agree, else the nesting itself. Objects are maps, whose keys have no order. */
function decodeJson(value: unknown, isText: boolean): Values {
  const items: Item[] = []
  const visit = (node: unknown): string => {
    if (Array.isArray(node)) {
      const parts = node.map(visit)
      return parts.every((part) => part === parts[0]) ? `${parts.length} x ${parts[0] ?? '()'}` : `(${parts.join(', ')})`
    }
    if (typeof node === 'object' && node !== null) return `{${Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => `${JSON.stringify(key)}: ${visit(item)}`).join(', ')}}`
    items.push(isText ? (node as Item) : numberOf(node as Item))
    return '1'
  }
  const structure = visit(value)
  return { shape: [items.length], structure, items }
}

/** JSON has no words for these. */
const WORDS: ReadonlyMap<unknown, number> = new Map([['NaN', NaN], ['Infinity', Infinity], ['-Infinity', -Infinity]])

function numberOf(item: Item): Item {
  return WORDS.get(item) ?? item
}
