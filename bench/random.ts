// The same made-up numbers every time.

/** Park and Miller's generator, in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48271) % 2147483647) / 2147483647
}

/** Fills with numbers in [-range / 2, range / 2). */
export function fillUniform<T extends Float32Array | Float64Array>(data: T, seed: number, range: number): T {
  const next = uniform(seed)
  for (let i = 0; i < data.length; i++) data[i] = (next() - 0.5) * range
  return data
}
