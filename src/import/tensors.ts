// Files that hold named tensors: PyTorch's and safetensors.
import { plainBytes } from '../tensor/bytes.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { isPytorch } from './pytorch/detect.ts'
import { isSafetensors } from './safetensors/detect.ts'
import type { PytorchLimits } from './pytorch/index.ts'

export interface NamedTensors {
  readonly format: 'pytorch' | 'safetensors'
  /** By name, in the file's order; nested dicts give dotted names. float16 and bfloat16 are raw bits. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** Free text pairs of safetensors. */
  readonly metadata: ReadonlyMap<string, string>
  /** True for scripts and whole modules, which say what is computed too. */
  readonly computes?: boolean
}

/**
 * The tensors of a state dict, a checkpoint, a TorchScript archive or a safetensors file; undefined for files of other kinds.
 *
 * @throws MleError PYTORCH_*, SAFETENSORS_*, PICKLE_*, ZIP_* for files that are damaged or not allowed
 * @example const { tensors } = await readTensors(await readFile('weights.pt'), { fileName: 'weights.pt' })
 */
export async function readTensors(source: Uint8Array, { fileName = '', limits }: { readonly fileName?: string; readonly limits?: PytorchLimits } = {}): Promise<NamedTensors | undefined> {
  const bytes = plainBytes(source)
  if (isPytorch(bytes, fileName)) return { format: 'pytorch', ...(await (await import('./pytorch/index.ts')).readPytorchTensors(bytes, limits)), metadata: new Map() }
  if (isSafetensors(bytes, fileName)) return { format: 'safetensors', ...(await import('./safetensors/index.ts')).readSafetensors(bytes) }
  return undefined
}
