// Matrix product. One accumulator per output, k ascending, as everywhere; a device may still fuse the multiply and the add.
import type { GpuKernel } from './kernel.ts'
import { shader } from './wgsl.ts'

const TILE = 8
const MAX_WORKGROUPS = 65535

const CODE = /* @__PURE__ */ shader({
  reads: ['a', 'b'],
  writes: ['y'],
  uniforms: ['rows', 'inner', 'columns'],
  workgroup: [TILE, TILE],
  body: `  let row = id.y;
  let column = id.x;
  if (row >= u.rows || column >= u.columns) { return; }
  var sum = 0.0;
  for (var k = 0u; k < u.inner; k++) { sum += a[row * u.inner + k] * b[k * u.columns + column]; }
  y[row * u.columns + column] = sum;`,
})

// a [..., rows, inner] f32, b [inner, columns] f32 -> y [..., rows, columns] f32; leading dimensions count as rows
export const matMul: GpuKernel = ({ inputs: [a, b], outputs: [y] }) => {
  if (a?.dtype !== 'float32' || b?.dtype !== 'float32' || y === undefined || b.shape.length !== 2 || a.shape.length < 2) return undefined
  const [inner, columns] = b.shape
  if (y.size === 0) return []
  const rows = y.size / columns
  const workgroups = [Math.ceil(columns / TILE), Math.ceil(rows / TILE), 1] as const
  if (workgroups[0] > MAX_WORKGROUPS || workgroups[1] > MAX_WORKGROUPS) return undefined
  return [{ code: CODE, reads: [0, 1], writes: [0], uniforms: [rows, inner, columns], workgroups }]
}
