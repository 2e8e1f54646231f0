// Pools over raw memory with the bits of src/ops/cpu/pool.ts: the largest element, or the average.
import { AVERAGE, LARGEST, pool } from './parts/pool.ts'

/** `kind`: 0 the largest, 1 the average of the input's elements, 2 the average with the padding's. */
export function pool32(kind: i32, shape: usize, x: usize, y: usize, planes: usize): void {
  if (kind == 0) pool<f32>(LARGEST, false, shape, x, y, planes, 0)
  else pool<f32>(AVERAGE, kind == 2, shape, x, y, planes, 0)
}

export function pool64(kind: i32, shape: usize, x: usize, y: usize, planes: usize): void {
  if (kind == 0) pool<f64>(LARGEST, false, shape, x, y, planes, 0)
  else pool<f64>(AVERAGE, kind == 2, shape, x, y, planes, 0)
}
