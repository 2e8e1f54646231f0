// Vectors as plain arrays, for formulas.
export type Row = readonly number[]

export function dot(x: Row, y: Row): number {
  return x.reduce((sum, value, i) => sum + value * y[i], 0)
}

export function abs2(x: Row): number {
  return dot(x, x)
}

export function norm(x: Row): number {
  return Math.sqrt(abs2(x))
}
