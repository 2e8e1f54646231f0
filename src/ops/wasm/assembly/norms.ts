// Norms of windows over raw memory with the bits of cpu: LpPool's of src/ops/cpu/pool.ts, LRN's of src/ops/cpu/normalize.ts.
import { pool, ROOT_OF_POWERS, ROOT_OF_SQUARES, SUM_OF_SIZES } from './parts/pool.ts'
import { responses } from './parts/response.ts'

// @ts-ignore: decorator
@inline
function normsOf<T>(p: f64, shape: usize, x: usize, y: usize, planes: usize): void {
  if (p == 1) pool<T>(SUM_OF_SIZES, false, shape, x, y, planes, p)
  else if (p == 2) pool<T>(ROOT_OF_SQUARES, false, shape, x, y, planes, p)
  else pool<T>(ROOT_OF_POWERS, false, shape, x, y, planes, p)
}

export function norms32(p: f64, shape: usize, x: usize, y: usize, planes: usize): void {
  normsOf<f32>(p, shape, x, y, planes)
}

export function norms64(p: f64, shape: usize, x: usize, y: usize, planes: usize): void {
  normsOf<f64>(p, shape, x, y, planes)
}

export function responses32(x: usize, y: usize, rows: usize, channels: isize, plane: usize, below: isize, above: isize, alpha: f32, beta: f64, bias: f32): void {
  responses<f32>(x, y, rows, channels, plane, below, above, alpha, beta, bias)
}

export function responses64(x: usize, y: usize, rows: usize, channels: isize, plane: usize, below: isize, above: isize, alpha: f64, beta: f64, bias: f64): void {
  responses<f64>(x, y, rows, channels, plane, below, above, alpha, beta, bias)
}
