// What a layer is to the rest of the importer.
import type { Json, JsonObject } from '../json.ts'
import type { Net, Value } from '../network/net.ts'
import type { Config } from './config.ts'
import type { NetworkInput } from './inputs.ts'
import type { Weights } from './weights.ts'

/** What the file says about the library that wrote it. */
export interface ModelInfo {
  /** 1, 2 or 3. */
  readonly major: number
  /** The version as written: '2.2.4-tf', '1.2.2', 'tfjs-layers 4.22.0'. */
  readonly version: string
  /** The backend that wrote the file, where it says so: Theano's kernels lie flipped. */
  readonly backend: string | undefined
  /** Made by TensorFlow.js itself, whose layers differ from Keras' here and there; a model that was converted is Keras'. */
  readonly isTfjs: boolean
  /** Notes for the user of the model: what a layer could not keep. */
  readonly note: (text: string) => void
  /** Makes an inner layer, such as a wrapper's. */
  readonly layer: (serialized: Json | undefined, where: string, weights: Weights) => Layer
}

/** True for files of Keras `major`.`minor` or a later one; what Keras 3 did not number counts as the latest. */
export function isSince({ isTfjs, major, version }: ModelInfo, wantedMajor: number, wantedMinor: number): boolean {
  if (isTfjs || major !== wantedMajor) return !isTfjs && major > wantedMajor
  const minor = /^\d+\.(\d+)/.exec(version)
  return minor === null ? major >= 3 : Number(minor[1]) >= wantedMinor
}

/** True for Keras before it was TensorFlow's, up to 2.3, and for TensorFlow.js, whose layers were taken from it. */
export function isStandalone(info: ModelInfo): boolean {
  return info.isTfjs || info.major === 1 || (info.major === 2 && !isSince(info, 2, 4) && !info.version.endsWith('-tf'))
}

/** A value with its mask: bool [batch, steps], false where a step is to be skipped. */
export interface Masked {
  readonly value: Value
  readonly mask?: Value
}

export interface CallArguments {
  readonly inputs: readonly Masked[]
  /** Keyword arguments of the call that are tensors or lists of them. */
  readonly tensors: ReadonlyMap<string, readonly Masked[]>
  /** Other arguments of the call: by name, those by position as '0', '1', ... */
  readonly plain: ReadonlyMap<string, Json>
}

export interface Layer {
  /** The layer's class, for messages. */
  readonly className: string
  readonly name: string
  /** What a model used as a layer reads. */
  readonly inputs?: readonly NetworkInput[]
  /** A function between layers. */
  readonly isOperation?: boolean
  call(net: Net, call: CallArguments): Masked[]
}

export type LayerFactory = (config: Config, weights: Weights, info: ModelInfo, whole: JsonObject) => Omit<Layer, 'className' | 'name'>

/** A layer of one input and one output that hands the mask on. */
export function simple(step: (net: Net, value: Value) => Value): Omit<Layer, 'className' | 'name'> {
  return { call: (net, { inputs: [{ value, mask }] }) => [{ value: step(net, value), mask }] }
}

/** A layer of one input and one output after which no mask holds. */
export function unmasked(step: (net: Net, value: Value) => Value): Omit<Layer, 'className' | 'name'> {
  return { call: (net, { inputs: [{ value }] }) => [{ value: step(net, value) }] }
}
