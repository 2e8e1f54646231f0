// All functions of torch by name.
import { pytorchError, EXPORT_ADVICE } from '../error.ts'
import { replace, tensorArgument, cast, type Tracer } from '../trace/tracer.ts'
import { isKind, type Value } from '../trace/values.ts'
import { attentionFunctions } from './attention.ts'
import { bindArguments, type TorchFunction } from './define.ts'
import { elementwiseFunctions } from './elementwise.ts'
import { functionalLayers, layerFunctions } from './layers.ts'
import { recurrentFunctions } from './recurrent.ts'
import { reductionFunctions } from './reductions.ts'
import { shapeFunctions } from './shapes.ts'
import { functionalWindows, windowFunctions } from './windows.ts'

const table = (functions: readonly TorchFunction[]): ReadonlyMap<string, TorchFunction> => new Map(functions.map((one) => [one.name, one]))

let torch: ReadonlyMap<string, TorchFunction> | undefined
let functional: ReadonlyMap<string, TorchFunction> | undefined

function torchTable(): ReadonlyMap<string, TorchFunction> {
  return (torch ??= table([...elementwiseFunctions, ...shapeFunctions, ...reductionFunctions, ...layerFunctions, ...recurrentFunctions, ...attentionFunctions, ...windowFunctions]))
}

/** The function of a name, as scripts and torch itself order its arguments, or as torch.nn.functional does. */
export function findFunction(name: string, isFunctional: boolean): TorchFunction | undefined {
  return (isFunctional ? (functional ??= table([...functionalLayers, ...functionalWindows])).get(name) : undefined) ?? torchTable().get(name)
}

/**
 * Calls a function. A name that ends in `_` changes its first argument in place.
 *
 * @throws MleError PYTORCH_OPERATOR for functions that are not known
 */
export function callFunction(t: Tracer, name: string, args: readonly Value[], keywords: ReadonlyMap<string, Value>, isFunctional = false): Value {
  const known = findFunction(name, isFunctional)
  if (known !== undefined) return known.make(t, bindArguments(known, args, keywords))
  const inPlace = /^[a-z].*[^_]_$/.test(name) ? findFunction(name.slice(0, -1), isFunctional) : undefined
  if (inPlace !== undefined) {
    const target = tensorArgument(args[0] ?? keywords.get('input'), `the first argument of ${name}`)
    const result = inPlace.make(t, bindArguments(inPlace, args, keywords))
    return isKind(result, 'tensor') ? (result === target ? target : replace(target, cast(t, result, target.dtype))) : result
  }
  throw pytorchError('PYTORCH_OPERATOR', `torch.${name} is not supported; ${EXPORT_ADVICE}`)
}
