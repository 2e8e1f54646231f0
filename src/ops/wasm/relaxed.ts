// The builds for determinism 'relaxed'.
import { imageBytes, type WasmImage, type WasmModuleName } from './module.ts'

/** Builds with fused multiply-add, of the modules that consist of products. */
const RELAXED_IMAGES: ReadonlyMap<WasmModuleName, () => Promise<WasmImage>> = /* @__PURE__ */ new Map<WasmModuleName, () => Promise<WasmImage>>([
  ['linear', async () => (await import('./generated/linear-relaxed.ts')).image],
  ['conv', async () => (await import('./generated/conv-relaxed.ts')).image],
  ['attention', async () => (await import('./generated/attention-relaxed.ts')).image],
  ['recurrent', async () => (await import('./generated/recurrent-relaxed.ts')).image],
  ['weights', async () => (await import('./generated/weights-relaxed.ts')).image],
])

/** Modules that have such a build. */
export const RELAXED_MODULES: readonly WasmModuleName[] = /* @__PURE__ */ [...RELAXED_IMAGES.keys()]

/*
(module (func (result v128)
  (f32x4.relaxed_madd (i32x4.splat (i32.const 0)) (i32x4.splat (i32.const 0)) (i32x4.splat (i32.const 0)))))
*/
const RELAXED_PROBE = [
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0, 10, 19, 1, 17, 0,
  0x41, 0, 0xfd, 0x11, 0x41, 0, 0xfd, 0x11, 0x41, 0, 0xfd, 0x11, 0xfd, 0x85, 2, 0x0b,
]

/** True where the engine has relaxed SIMD: Node from 22 on and current browsers. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(Uint8Array.from(RELAXED_PROBE))
}

/** The bytes of a module's relaxed build; undefined where the module or the engine has none. */
export async function relaxedBytes(name: WasmModuleName): Promise<Uint8Array | undefined> {
  const fetch = hasRelaxedSimd() ? RELAXED_IMAGES.get(name) : undefined
  return fetch === undefined ? undefined : imageBytes(await fetch())
}

/** The same wherever it is asked for. */
export async function relaxedImageBytes(name: WasmModuleName): Promise<Uint8Array> {
  const fetch = RELAXED_IMAGES.get(name)
  if (fetch === undefined) throw new RangeError(`no relaxed build of ${name}`)
  return imageBytes(await fetch())
}
