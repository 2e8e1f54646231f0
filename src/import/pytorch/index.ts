// PyTorch files -> Graph: scripts as they are, weights by an architecture file, whole modules of standard layers.
import type { Graph } from '../../graph/graph.ts'
import type { Tensor } from '../../tensor/index.ts'
import { readPytorch, type PytorchLimits } from './archive.ts'
import { importArchitecture } from './architecture/index.ts'
import { EXPORT_ADVICE, pytorchError } from './error.ts'
import { importModule, isModule } from './module.ts'
import { readSafetensors } from '../safetensors/index.ts'
import { importScript } from './script/index.ts'
import type { InputSpec } from './trace/session.ts'
import { namedTensors } from './weights.ts'

export type { PytorchLimits }

/** Shapes of inputs by name: counts, or names of counts. */
export type InputShapes = Readonly<Record<string, readonly (number | string)[]>>

export interface PytorchOptions {
  /** Text of an architecture file (docs/architecture-files.md). */
  readonly architecture?: string
  readonly inputShapes?: InputShapes
  readonly limits?: PytorchLimits
}

/** Shapes as specifications of inputs. */
export function inputSpecs(shapes: InputShapes = {}): Map<string, Omit<InputSpec, 'name'>> {
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }]))
}

/**
 * The graph of a PyTorch file.
 *
 * @throws MleError PYTORCH_ARCHITECTURE for weights without an architecture; others name what cannot be read or followed
 */
export async function importPytorch(bytes: Uint8Array, { architecture, inputShapes, limits }: PytorchOptions = {}): Promise<Graph> {
  const file = await readPytorch(bytes, limits)
  const shapes = inputSpecs(inputShapes)
  if (file.form === 'script' && architecture === undefined) return importScript(file, shapes)
  const tensors = namedTensors(file)
  if (architecture !== undefined) return importArchitecture(tensors, architecture, shapes, 'pytorch')
  if (isModule(file)) return importModule(file, tensors, shapes)
  throw needsArchitecture('the file', tensors.size)
}

/** The graph of a safetensors file under an architecture. */
export function importSafetensors(bytes: Uint8Array, { architecture, inputShapes }: PytorchOptions = {}): Graph {
  const { tensors } = readSafetensors(bytes)
  if (architecture === undefined) throw needsArchitecture('the safetensors file', tensors.size)
  return importArchitecture(tensors, architecture, inputSpecs(inputShapes), 'safetensors')
}

function needsArchitecture(what: string, count: number): Error {
  return pytorchError('PYTORCH_ARCHITECTURE', `${what} holds ${count} tensors and no computation; give an architecture file (--architecture arch.json, docs/architecture-files.md), or ${EXPORT_ADVICE}`)
}

/** Tensors of a PyTorch file by name, and whether it says what is computed. */
export async function readPytorchTensors(bytes: Uint8Array, limits?: PytorchLimits): Promise<{ readonly tensors: Map<string, Tensor>; readonly computes: boolean }> {
  const file = await readPytorch(bytes, limits)
  return { tensors: namedTensors(file), computes: file.form === 'script' || isModule(file) }
}
