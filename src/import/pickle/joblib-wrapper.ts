// joblib's NumpyArrayWrapper: the pickle describes an array, and its bytes follow at once in the stream.
import { sizeOf } from '../../tensor/index.ts'
import { pickleError, type PickleContext } from './context.ts'
import { parseShape } from './dtype.ts'
import { stridesOfOrder } from './ndarray.ts'
import { describe, isPyDType, isPyGlobal, isPyObject, type PyDType, type PyObject, type PyValue } from './values.ts'

export interface WrappedArrayPlan {
  readonly dtype: PyDType
  readonly shape: readonly number[]
  readonly strides: readonly number[] | undefined
  readonly bytes: number
  /** A length byte and padding come before the data (joblib 1.2 and later). */
  readonly aligned: boolean
  /** The array holds Python objects and stands in the stream as a pickle of its own. */
  readonly nested: boolean
}

export function isArrayWrapper(object: PyObject): boolean {
  return object.name === 'NumpyArrayWrapper' && (object.module === 'joblib.numpy_pickle' || object.module === 'sklearn.externals.joblib.numpy_pickle')
}

export function wrappedArrayPlan(context: PickleContext, wrapper: PyValue, offset: number): WrappedArrayPlan {
  const fail = (what: string): never => {
    throw pickleError('PICKLE_JOBLIB', offset, `joblib array wrapper: ${what}`)
  }
  if (!isPyObject(wrapper)) return fail('no object')
  const { state } = wrapper
  const subclass = state.get('subclass')
  if (!isPyGlobal(subclass) || context.entries.get(subclass)?.form !== 'subclass') fail(`array class ${describe(subclass)} is not supported, expected numpy.ndarray, matrix or memmap`)
  const dtype = state.get('dtype')
  if (!isPyDType(dtype)) return fail(`dtype is ${describe(dtype)}`)
  const shape = parseShape(context, state.get('shape') ?? null, offset)
  const alignment = state.get('numpy_array_alignment_bytes')
  if (alignment !== undefined && alignment !== null && alignment !== 16) fail(`alignment is ${describe(alignment)}, expected 16`)
  return {
    dtype,
    shape,
    strides: stridesOfOrder(state.get('order') ?? 'C', shape, offset),
    bytes: sizeOf(shape) * dtype.itemBytes,
    aligned: alignment === 16,
    nested: dtype.element === 'object' || (dtype.element === undefined && dtype.fields.length > 0),
  }
}
