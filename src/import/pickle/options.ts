import type { PickleLimits } from './limits.ts'
import type { PyValue } from './values.ts'

export interface PickleOptions {
  /**
   * Says which classes and functions beyond numpy, scipy.sparse and the standard library's data types may occur. They become inert
   * `PyObject` and `PyGlobal` values; none is ever called. Everything else is refused with PICKLE_GLOBAL.
   */
  readonly allow?: (module: string, name: string) => boolean
  readonly limits?: Partial<PickleLimits>
  /** Resolves a persistent id (PyTorch's storages). Without it a persistent id is refused with PICKLE_PERSISTENT_ID. */
  readonly persistentLoad?: (id: PyValue) => PyValue
  /** Out-of-band buffers of protocol 5, in order. Without them NEXT_BUFFER is refused with PICKLE_BUFFER. */
  readonly buffers?: readonly Uint8Array[]
}

/** An `allow` that accepts every name inside the given packages: `allowPackages('sklearn', 'xgboost')`. */
export function allowPackages(...packages: readonly string[]): (module: string, name: string) => boolean {
  const names = new Set(packages)
  return (module) => {
    const dot = module.indexOf('.')
    return names.has(dot < 0 ? module : module.slice(0, dot))
  }
}
