// Kernels of ai.onnx.ml.
import { allocateView, isView, VIEW_OBJECTS, type HostKernel, type KernelContext, type KernelEntry, type Value } from '../kernel.ts'
import { zipMapKeys } from '../schemas/ml.ts'

// X [rows, classes] -> sequence of maps from class to a scalar
function makeZipMap({ attributes, scratch }: KernelContext): HostKernel {
  const keys = zipMapKeys(attributes)
  return ([scores]) => {
    if (!isView(scores)) throw new TypeError('ZipMap was called without a tensor')
    scratch.take(0, scores.size * 2 * VIEW_OBJECTS)
    const rows: Value[] = []
    for (let at = 0; at < scores.size; at += keys.length) {
      rows.push(new Map(keys.map((key, c): [string | number, Value] => {
        const value = allocateView(scores.dtype, [])
        value.data[0] = scores.data[at + c]
        return [key, value]
      })))
    }
    return [rows]
  }
}

export const mlKernels: readonly (readonly [string, KernelEntry])[] = [['ai.onnx.ml.ZipMap', { makeHost: makeZipMap }]]
