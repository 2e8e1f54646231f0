// Functions of torch by name: their parameters as PyTorch's documentation has them, and what they become.
import { pytorchError } from '../error.ts'
import type { Tracer } from '../trace/tracer.ts'
import { describeValue, float, type Value } from '../trace/values.ts'

/** Arguments by parameter name; parameters that were left out have their default. */
export type Arguments = ReadonlyMap<string, Value>

export interface TorchFunction {
  readonly name: string
  readonly parameters: readonly { readonly name: string; readonly fallback?: Value }[]
  /** Further arguments are allowed and ignored. */
  readonly isOpen: boolean
  readonly make: (t: Tracer, args: Arguments) => Value
}

/** Keywords that say where and how a tensor lies in memory. */
const IGNORED = new Set(['device', 'layout', 'pin_memory', 'requires_grad', 'memory_format', 'non_blocking', 'generator', 'out', 'inplace', '_stacklevel', 'stacklevel'])

/**
 * Declares functions of one signature: names apart by spaces, parameters apart by spaces with `=default` (None, True, False, a number; a float has a dot);
 * `...` at the end ignores further ones.
 */
export function fn(names: string, signature: string, make: TorchFunction['make']): TorchFunction[] {
  const words = signature.split(' ').filter((word) => word !== '')
  const parameters = words.filter((word) => word !== '...').map((word) => {
    const [name, text] = word.split('=')
    return text === undefined ? { name } : { name, fallback: defaultOf(text) }
  })
  return names.split(' ').map((name) => ({ name, parameters, isOpen: words.includes('...'), make }))
}

function defaultOf(text: string): Value {
  if (text === 'None') return null
  if (text === 'True' || text === 'False') return text === 'True'
  if (/^-?\d+$/.test(text)) return Number(text)
  return /^-?[\d.e-]+$/.test(text) ? float(Number(text)) : text
}

/** Puts arguments to parameters. Throws PYTORCH_ARGUMENT. */
export function bindArguments({ name, parameters, isOpen }: Pick<TorchFunction, 'name' | 'parameters' | 'isOpen'>, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Arguments {
  const out = new Map<string, Value>()
  if (args.length > parameters.length && !isOpen) throw pytorchError('PYTORCH_ARGUMENT', `${name} takes ${parameters.length} arguments, got ${args.length}: ${args.map(describeValue).join(', ')}`)
  parameters.forEach((parameter, i) => {
    const value = i < args.length ? args[i] : (keywords.get(parameter.name) ?? (keywords.has(parameter.name) ? null : parameter.fallback))
    if (value === undefined) throw pytorchError('PYTORCH_ARGUMENT', `${name} needs the argument ${parameter.name}`)
    out.set(parameter.name, value)
  })
  for (const key of keywords.keys()) {
    if (!out.has(key) && !IGNORED.has(key) && !isOpen) throw pytorchError('PYTORCH_ARGUMENT', `${name} has no argument ${key}; known are ${parameters.map((one) => one.name).join(', ')}`)
  }
  return out
}
