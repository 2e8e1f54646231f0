// Matrix products; see parts/product.ts.
import { finish } from './parts/epilogue.ts'
import { addScaled, EDGE_BYTES, pack, PANEL, product, scale, unpacked } from './parts/product.ts'
import { allFinite, sparseRow } from './parts/sparse.ts'

/** Scratch behind the edge. */
const ROOM: usize = 262144
/** Smaller matrices do not repay a look at the row. */
const WORTH_SPARSE: usize = 16384

export function packPanels32(b: usize, rowStep: usize, columnStep: usize, depth: usize, columns: usize, to: usize): void {
  pack<f32>(b, rowStep, columnStep, depth, columns, to)
}

export function packPanels64(b: usize, rowStep: usize, columnStep: usize, depth: usize, columns: usize, to: usize): void {
  pack<f64>(b, rowStep, columnStep, depth, columns, to)
}

/** `panels` is 0 where B lies as it is given; all steps in bytes. `isFinite` says that all of B is, so that zeros of a single row may be left out. */
export function gemm32(rows: usize, depth: usize, columns: usize, a: usize, rowStep: usize, step: usize, panels: usize, b: usize, bRowStep: usize, bColumnStep: usize, c: usize, bias: usize, epilogue: usize, scratch: usize, isFinite: bool): void {
  if (panels && isFinite && rows == 1 && step == 4 && depth * columns >= WORTH_SPARSE && sparseRow<f32>(depth, columns, a, panels, c, bias, epilogue, scratch, ROOM, scratch + EDGE_BYTES)) return
  if (panels) product<f32>(rows, depth, columns, a, rowStep, step, panels, PANEL, depth * PANEL, c, columns * 4, true, bias, epilogue, scratch)
  else unpacked<f32>(rows, depth, columns, a, rowStep, step, b, bRowStep, bColumnStep, c, columns * 4, true, bias, epilogue, scratch)
}

export function gemm64(rows: usize, depth: usize, columns: usize, a: usize, rowStep: usize, step: usize, panels: usize, b: usize, bRowStep: usize, bColumnStep: usize, c: usize, bias: usize, epilogue: usize, scratch: usize, isFinite: bool): void {
  if (panels && isFinite && rows == 1 && step == 8 && depth * columns >= WORTH_SPARSE && sparseRow<f64>(depth, columns, a, panels, c, bias, epilogue, scratch, ROOM, scratch + EDGE_BYTES)) return
  if (panels) product<f64>(rows, depth, columns, a, rowStep, step, panels, PANEL, depth * PANEL, c, columns * 8, true, bias, epilogue, scratch)
  else unpacked<f64>(rows, depth, columns, a, rowStep, step, b, bRowStep, bColumnStep, c, columns * 8, true, bias, epilogue, scratch)
}

export function scale32(c: usize, size: usize, alpha: f32): void {
  scale<f32>(c, size, alpha)
}

export function scale64(c: usize, size: usize, alpha: f64): void {
  scale<f64>(c, size, alpha)
}

export function addScaled32(c: usize, rows: usize, columns: usize, d: usize, rowStep: usize, columnStep: usize, beta: f32): void {
  addScaled<f32>(c, rows, columns, d, rowStep, columnStep, beta)
}

export function addScaled64(c: usize, rows: usize, columns: usize, d: usize, rowStep: usize, columnStep: usize, beta: f64): void {
  addScaled<f64>(c, rows, columns, d, rowStep, columnStep, beta)
}

export function finish32(c: usize, size: usize, epilogue: usize): void {
  finish<f32>(1, size * 4, c, 0, 0, epilogue)
}

export function finish64(c: usize, size: usize, epilogue: usize): void {
  finish<f64>(1, size * 8, c, 0, 0, epilogue)
}

export function allFinite32(b: usize, count: usize): bool {
  return allFinite<f32>(b, count)
}

export function allFinite64(b: usize, count: usize): bool {
  return allFinite<f64>(b, count)
}
