// The shuffle filter: byte k of all elements stands together. Floats of similar size share their upper bytes, which then compress.

/** raw [elements, elementBytes] -> [elementBytes, elements] */
export function shuffle(raw: Uint8Array, elementBytes: number): Uint8Array {
  const out = new Uint8Array(raw.length)
  const elements = raw.length / elementBytes
  for (let k = 0, to = 0; k < elementBytes; k++) for (let i = 0, at = k; i < elements; i++, at += elementBytes) out[to++] = raw[at]
  return out
}

/** Puts the bytes back: shuffled [elementBytes, elements] -> out [elements, elementBytes] */
export function unshuffle(shuffled: Uint8Array, elementBytes: number, out: Uint8Array): void {
  const elements = out.length / elementBytes
  for (let k = 0, at = 0; k < elementBytes; k++) for (let i = 0, to = k; i < elements; i++, to += elementBytes) out[to] = shuffled[at++]
}
