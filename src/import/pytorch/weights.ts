// Named tensors of a file: state dicts, checkpoints that hold one among other things, whole modules, scripts.
import { isNumericNdArray, isPyObject, isTuple, type PyValue } from '../pickle/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { PytorchFile } from './archive.ts'
import { pytorchError } from './error.ts'
import { tensorReader } from './tensors.ts'

const MAX_DEPTH = 64
/** Names of all tensors: a dict may be named from many places. */
const MAX_TENSORS = 1_000_000

/**
 * Every tensor of a file by its dotted path, in the file's order: `layers.0.weight`, `model_state_dict.fc.bias`. Of modules, parameters and buffers
 * have the names that state_dict() gives them.
 */
export function namedTensors(file: PytorchFile): Map<string, Tensor> {
  const { tensorOf } = tensorReader(file)
  const out = new Map<string, Tensor>()
  let walked = 0
  const walk = (value: PyValue, path: string, depth: number): void => {
    if (depth > MAX_DEPTH || ++walked > MAX_TENSORS) throw pytorchError('PYTORCH_LIMIT', `the file nests deeper than ${MAX_DEPTH} or holds more than ${MAX_TENSORS} values`)
    const tensor = isNumericNdArray(value) ? { dtype: value.dtype, shape: value.shape, data: value.data } : tensorOf(value, path === '' ? 'the tensor' : path)
    if (tensor !== undefined) {
      if (out.has(path)) throw pytorchError('PYTORCH_TENSOR', `two tensors are named ${JSON.stringify(path)}`, path)
      out.set(path, tensor)
      return
    }
    const join = (name: string): string => (path === '' ? name : name === '' ? path : `${path}.${name}`)
    if (value instanceof Map) {
      for (const [key, item] of value) if (typeof key === 'string' || typeof key === 'number') walk(item, join(String(key)), depth + 1)
    } else if (Array.isArray(value)) value.forEach((item, i) => walk(item, join(String(i)), depth + 1))
    else if (isTuple(value)) value.items.forEach((item, i) => walk(item, join(String(i)), depth + 1))
    else if (isPyObject(value)) {
      for (const [key, item] of value.state) walk(item, key === '_parameters' || key === '_buffers' || key === '_modules' ? path : join(key), depth + 1)
    }
  }
  walk(file.value, '', 0)
  return out
}
