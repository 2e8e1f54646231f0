// The list of layers of an architecture file: one after the other, with named values for branches.
import { findFunction } from '../functions/index.ts'
import { bindArguments } from '../functions/define.ts'
import { scaledSelfAttention } from './self-attention.ts'
import { architectureError, findLayer, weightValue } from '../layers/index.ts'
import { sizeOf, tensorArgument } from '../trace/tracer.ts'
import { callFunction } from '../functions/index.ts'
import { isKind, list, type TensorValue, type Value } from '../trace/values.ts'
import { makeLayer, unknownLayer, type World } from './modules.ts'

/** A layer as the file has it. */
export interface LayerEntry {
  readonly type: string
  readonly name: string
  readonly as: readonly string[]
  readonly from?: readonly string[]
  readonly settings: ReadonlyMap<string, Value>
  readonly layers?: readonly LayerEntry[]
  readonly repeat?: number
  /** `layers[3]`, for messages. */
  readonly where: string
}

/** Names of functions that differ from torch's. */
const ALIASES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['Concat', 'cat'], ['MatMul', 'matmul'], ['Subtract', 'sub'], ['Multiply', 'mul'], ['Divide', 'div'], ['Clamp', 'clamp'], ['ReduceMean', 'mean'], ['ReduceSum', 'sum'], ['ReduceMax', 'amax'], ['Interpolate', 'interpolate'], ['L2Normalize', 'normalize'],
])
const LISTS = new Set(['cat', 'stack', 'hstack', 'vstack', 'meshgrid'])

const snake = (type: string): string => type.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()

/** Runs the layers; gives the last result, or what `outputs` names. */
export function runLayers(world: World, entries: readonly LayerEntry[], inputs: ReadonlyMap<string, Value>, outputs: readonly string[] | undefined): Value {
  const values = new Map<string, Value>(inputs)
  const [first] = inputs.values()
  const last = runList(world, entries, values, first, '')
  if (outputs === undefined) return last
  return { kind: 'dict', entries: new Map(outputs.map((name): [string, Value] => [name, valueNamed(values, name, 'outputs')])) }
}

function valueNamed(values: ReadonlyMap<string, Value>, name: string, where: string): Value {
  const value = values.get(name)
  if (value === undefined) throw architectureError('ARCHITECTURE_REFERENCE', `${where}: the value ${JSON.stringify(name)} is not defined before it is used; known are ${[...values.keys()].join(', ')}`, where)
  return value
}

function runList(world: World, entries: readonly LayerEntry[], values: Map<string, Value>, given: Value, prefix: string): Value {
  let current = given
  for (const entry of entries) {
    const count = entry.repeat ?? 1
    for (let round = 0; round < count; round++) {
      world.t.charge(100)
      const numbered = (text: string): string => text.replaceAll('{i}', String(round))
      const from = entry.from?.map((name) => valueNamed(values, numbered(name), entry.where)) ?? [current]
      const path = entry.name === '' ? prefix.slice(0, -1) : prefix + numbered(entry.name)
      const result = runEntry(world, entry, from, values, path)
      const parts = flat(result)
      const names = entry.as.length > 0 ? entry.as.map(numbered) : entry.name === '' ? [] : [path]
      names.forEach((name, i) => {
        if (names.length === 1) values.set(name, parts[0] ?? result)
        else if (parts[i] !== undefined) values.set(name, parts[i])
        else throw architectureError('ARCHITECTURE_REFERENCE', `${entry.where}: ${entry.type} gives ${parts.length} values, ${names.length} names stand for them`, entry.where)
      })
      current = parts[0] ?? result
    }
  }
  return current
}

function flat(value: Value): TensorValue[] {
  if (isKind(value, 'tensor')) return [value]
  return isKind(value, 'tuple') || isKind(value, 'list') ? value.items.flatMap(flat) : []
}

const CHAIN = new Set(['Sequential', 'Block', 'Repeat'])

function runEntry(world: World, entry: LayerEntry, from: readonly Value[], values: Map<string, Value>, path: string): Value {
  const { type, settings, where } = entry
  if (CHAIN.has(type)) {
    if (entry.layers === undefined) throw architectureError('ARCHITECTURE_SETTING', `${where}: ${type} needs "layers"`, where)
    // Inside, "input" is what the block is given.
    const inner = new Map(values)
    inner.set('input', from[0])
    return runList(world, entry.layers, inner, from[0], path === '' ? '' : `${path}.`)
  }
  if (entry.layers !== undefined) throw architectureError('ARCHITECTURE_SETTING', `${where}: only Sequential and Block have "layers"`, where)
  if (type === 'Parameter') {
    const value = weightValue(world, path)
    if (value === undefined) throw architectureError('ARCHITECTURE_MISSING', `${where} (Parameter): the file has no tensor ${JSON.stringify(world.weights.prefix + path)}`, where)
    return value
  }
  if (type === 'Positions') {
    const axis = settings.get('dim') ?? 1
    return callFunction(world.t, 'arange', [sizeOf(world.t, tensorArgument(from[0], where), typeof axis === 'number' ? axis : 1)], new Map())
  }
  if (type === 'SelfAttention') return scaledSelfAttention(world, path, from, settings, where)
  const layer = findLayer(type)
  if (layer !== undefined) {
    for (const key of settings.keys()) {
      if (!layer.isOpen && !layer.parameters.some((parameter) => parameter.name === key)) throw architectureError('ARCHITECTURE_SETTING', `${where} (${type}) has no setting ${JSON.stringify(key)}; known are ${layer.parameters.map((parameter) => parameter.name).join(', ') || 'none'}`, where)
    }
    for (const { name, fallback } of layer.parameters) {
      if (fallback === undefined && !settings.has(name)) throw architectureError('ARCHITECTURE_SETTING', `${where} (${type}) needs the setting ${JSON.stringify(name)}`, where)
    }
    return makeLayer(world, type, [], settings, { path }).call('forward', from, new Map())
  }
  const name = ALIASES.get(type) ?? snake(type)
  const known = findFunction(name, true)
  if (known === undefined) throw unknownLayer(type)
  const args = LISTS.has(name) ? [list([...from])] : from
  const used = known.parameters.map((parameter) => parameter.name)
  for (const key of settings.keys()) if (!used.includes(key)) throw architectureError('ARCHITECTURE_SETTING', `${where} (${type}) has no setting ${JSON.stringify(key)}; known are ${used.slice(args.length).join(', ') || 'none'}`, where)
  return known.make(world.t, bindArguments(known, args, settings))
}

