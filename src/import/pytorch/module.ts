// Whole modules that torch.save pickled: layers of torch.nn whose forward is fixed become a graph; classes of one's own are not in the file.
import type { Graph } from '../../graph/graph.ts'
import { isPyGlobal, isPyObject, isTuple, type PyObject, type PyValue } from '../pickle/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { PytorchFile } from './archive.ts'
import { EXPORT_ADVICE, pytorchError } from './error.ts'
import { findLayer } from './layers/index.ts'
import { createWorld, makeLayer, type World } from './architecture/modules.ts'
import { rankOrder } from './trace/ranks.ts'
import { traceGraph, type InputSpec } from './trace/session.ts'
import { float, list, tuple, type ModuleValue, type Value } from './trace/values.ts'

export function isModule(file: PytorchFile): boolean {
  return isPyObject(file.value) && file.value.module.startsWith('torch.nn.modules.')
}

/** Settings that are numbers with a fraction, whatever the pickle shows. */
const FLOATS = new Set(['eps', 'negative_slope', 'alpha', 'momentum', 'scale_factor', 'layer_norm_eps', 'min_val', 'max_val', 'lambd'])

/** The graph of a pickled module. Throws ARCHITECTURE_* and PYTORCH_*. */
export function importModule(file: PytorchFile, tensors: ReadonlyMap<string, Tensor>, shapes: ReadonlyMap<string, Omit<InputSpec, 'name'>>): Graph {
  const root = file.value
  if (!isPyObject(root)) throw pytorchError('PYTORCH_ARCHITECTURE', 'the file holds no module')
  const types = new Set<string>()
  const collect = (object: PyObject, depth: number): void => {
    if (depth > 64) throw pytorchError('PYTORCH_LIMIT', 'modules are nested deeper than 64')
    types.add(object.name)
    for (const [, child] of childrenOf(object)) collect(child, depth + 1)
  }
  collect(root, 0)
  return traceGraph({
    inputs: [{ name: 'input', ...shapes.get('input') }], ranks: rankOrder(types), metadata: { framework: 'pytorch', estimator: root.name },
    run: (t, values) => moduleOf(createWorld(t, { tensors, used: new Set(), prefix: '' }, 'module'), root, '').call('forward', values, new Map()),
  })
}

function childrenOf(object: PyObject): [string, PyObject][] {
  const children = object.state.get('_modules')
  return children instanceof Map ? [...children].flatMap(([name, child]): [string, PyObject][] => (isPyObject(child) ? [[String(name), child]] : [])) : []
}

function moduleOf(world: World, object: PyObject, path: string): ModuleValue {
  const layer = findLayer(object.name)
  if (layer === undefined || !object.module.startsWith('torch.nn.modules.')) {
    throw pytorchError('PYTORCH_ARCHITECTURE', `the module ${path === '' ? object.name : `${path} (${object.name})`} is not one whose computation is known; give an architecture file, or ${EXPORT_ADVICE}`)
  }
  const settings = new Map<string, Value>()
  for (const { name } of layer.parameters) {
    const value = object.state.get(name)
    const own = value === undefined ? undefined : settingOf(value, name)
    if (own !== undefined) settings.set(name, own)
  }
  // What is a tensor or None in the module is a flag of its constructor.
  for (const flag of ['bias']) if (typeof settings.get(flag) !== 'boolean') settings.delete(flag)
  const mode = object.state.get('mode')
  if (typeof mode === 'string') settings.set('mode', mode)
  const module = makeLayer(world, object.name, [], settings, { path })
  for (const [name, child] of childrenOf(object)) module.attributes.set(name, moduleOf(world, child, path === '' ? name : `${path}.${name}`))
  return module
}

function settingOf(value: PyValue, name: string): Value | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return Number.isInteger(value) && !FLOATS.has(name) ? value : float(value)
  if (isTuple(value)) return tuple(value.items.map((item) => settingOf(item, name) ?? null))
  if (Array.isArray(value)) return list(value.map((item) => settingOf(item, name) ?? null))
  // torch.nn.functional.relu
  return isPyGlobal(value) ? value.name : undefined
}
