// Which arrays of a file belong to which layer. Keras saves a layer's arrays in the order in which the layer made them.
import type { Tensor } from '../../tensor/index.ts'
import { kerasError } from './config.ts'

export interface NamedTensor {
  readonly name: string
  readonly tensor: Tensor
}

/** An array that a layer takes from the file. */
export interface WeightSpec {
  readonly name: string
  /** False for running statistics: Keras lists them after all others of a model. */
  readonly trainable: boolean
}

/** A layer inside a model, as far as finding its arrays goes. */
export interface Member {
  readonly name: string
  readonly className: string
  readonly specs: readonly WeightSpec[]
}

/** Where a layer takes its arrays from. */
export interface Weights {
  /** Of a source that gives nothing: what was asked for so far. */
  readonly recorded?: WeightSpec[]
  /** The layer's next arrays, in the order given. Throws KERAS_WEIGHTS. */
  take(specs: readonly WeightSpec[]): Tensor[]
  /** The text of a file that the layer keeps beside its arrays, such as a vocabulary; undefined where there is none. */
  asset?(name: string): string | undefined
  /** The source of an inner layer: a cell, or the layer that a wrapper holds; by the names that its attribute has had. */
  child(...attributes: string[]): Weights
  /** The sources of the layers of a model, or of the cells of a stack. */
  members(layers: readonly Member[], folder?: string): Weights[]
}

export function spec(name: string, trainable = true): WeightSpec {
  return { name, trainable }
}

/** A source that gives nothing and notes what is asked for. */
export function recordingWeights(): { weights: Weights; specs: WeightSpec[] } {
  const specs: WeightSpec[] = []
  const weights: Weights = {
    recorded: specs,
    take(wanted) {
      specs.push(...wanted)
      return wanted.map(() => ({ dtype: 'float32', shape: [0], data: new Float32Array(0) }))
    },
    asset: () => '',
    child: () => weights,
    members: (layers) => layers.map(() => weights),
  }
  return { weights, specs }
}

/** A list in the order of the file: .h5 files and TensorFlow.js. */
export function listWeights(list: readonly NamedTensor[], where: string): Weights {
  let next = 0
  const weights: Weights = {
    take(specs) {
      if (next + specs.length > list.length) {
        throw kerasError('KERAS_WEIGHTS', `${where} has ${list.length} arrays (${list.map((one) => one.name).join(', ').slice(0, 200)}), expected ${next + specs.length}: ${specs.map((one) => one.name).join(', ')}; save the model again with model.save()`)
      }
      const taken = list.slice(next, next + specs.length)
      next += specs.length
      return taken.map((one) => one.tensor)
    },
    child: () => weights,
    members: (layers, folder) => folder === 'cells' ? layers.map(() => weights) : shared(list, layers, where).map((part, i) => listWeights(part, `layer ${JSON.stringify(layers[i].name)}`)),
  }
  return weights
}

/** A list of arrays of a whole model, dealt out to its layers: by names where they say, else in the order that Keras uses. */
function shared(list: readonly NamedTensor[], layers: readonly Member[], where: string): NamedTensor[][] {
  // 'model_1/dense_1/kernel:0'; names of layers may hold slashes too.
  const byName = layers.map((layer) => list.filter((one) => `/${one.name}`.includes(`/${layer.name}/`) || one.name.startsWith(`${layer.name}_`) && !one.name.includes('/')))
  if (byName.every((part, i) => part.length === layers[i].specs.length)) return byName
  const total = layers.reduce((sum, layer) => sum + layer.specs.length, 0)
  if (total !== list.length) throw kerasError('KERAS_WEIGHTS', `${where} has ${list.length} arrays, its layers need ${total}; save the model again with model.save()`)
  // All trainable arrays in the order of the layers, then the others; each layer's part is in that order again, as a model inside deals it out alike.
  let trainable = 0
  let other = layers.reduce((sum, layer) => sum + layer.specs.filter((one) => one.trainable).length, 0)
  return layers.map(({ specs }) => {
    const own = specs.filter((one) => one.trainable).length
    return [...list.slice(trainable, (trainable += own)), ...list.slice(other, (other += specs.length - own))]
  })
}

/** Arrays by path, as Keras 3 writes them: layers/dense/vars/0; texts alike: layers/string_lookup/vocabulary.txt. */
export function treeWeights(arrays: ReadonlyMap<string, Tensor>, path: string, assets: ReadonlyMap<string, string> = new Map()): Weights {
  const prefix = path === '' ? '' : `${path}/`
  const has = (folder: string): boolean => {
    for (const files of [arrays, assets]) for (const name of files.keys()) if (name.startsWith(`${folder}/`)) return true
    return false
  }
  let next = 0
  const weights: Weights = {
    take(specs) {
      return specs.map((one) => {
        const found = arrays.get(`${prefix}vars/${next}`)
        if (found === undefined) throw kerasError('KERAS_WEIGHTS', `the weights have no ${prefix}vars/${next} (${one.name})`)
        next++
        return found
      })
    },
    asset: (name) => assets.get(`${prefix}${name}`),
    child: (...attributes) => treeWeights(arrays, prefix + (attributes.find((one) => has(prefix + one)) ?? attributes[0]), assets),
    members(layers, inFolder = 'layers') {
      const used = new Map<string, number>()
      // The first releases of the format called the folder by the attribute that it came from.
      const folder = [`${prefix}${inFolder}`, `${prefix}_layer_checkpoint_dependencies`].find(has) ?? `${prefix}${inFolder}`
      return layers.map((layer) => {
        const snake = snakeCase(layer.className)
        const count = used.get(snake) ?? 0
        used.set(snake, count + 1)
        const byClass = `${folder}/${count === 0 ? snake : `${snake}_${count}`}`
        return treeWeights(arrays, has(byClass) || !has(`${folder}/${layer.name}`) ? byClass : `${folder}/${layer.name}`, assets)
      })
    },
  }
  return weights
}

/** Conv2DTranspose -> conv2d_transpose, as Keras names folders. */
export function snakeCase(name: string): string {
  return name.replace(/\W+/g, '').replace(/(.)([A-Z][a-z]+)/g, '$1_$2').replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()
}
