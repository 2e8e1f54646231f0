// WGSL from small typed parts. Kernels give bindings, uniform fields and the body of `main`; declarations are written here.

/** Every storage binding is an array of f32 for now. */
export interface ShaderParts {
  readonly reads: readonly string[]
  readonly writes: readonly string[]
  /** Fields of the uniform block `u`, all u32. */
  readonly uniforms: readonly string[]
  readonly workgroup: readonly [x: number, y: number]
  /** Statements of `main(id: global_invocation_id)`; for linear shaders `i` is the element's index, checked against `u.size`. */
  readonly body: string
}

/** Threads of a linear shader's workgroup, and the most workgroups along one dimension that every device has. */
const THREADS = 64
const MAX_WORKGROUPS = 65535

export function shader(parts: ShaderParts): string {
  const { reads, writes, uniforms, workgroup, body } = parts
  const lines = [
    ...reads.map((name, i) => `@group(0) @binding(${i}) var<storage, read> ${name}: array<f32>;`),
    ...writes.map((name, i) => `@group(0) @binding(${reads.length + i}) var<storage, read_write> ${name}: array<f32>;`),
    `struct Uniforms { ${uniforms.map((name) => `${name}: u32`).join(', ')} }`,
    `@group(0) @binding(${reads.length + writes.length}) var<uniform> u: Uniforms;`,
    `@compute @workgroup_size(${workgroup.join(', ')})`,
    'fn main(@builtin(global_invocation_id) id: vec3<u32>) {',
    body,
    '}',
  ]
  return lines.join('\n')
}

/** A shader over `u.size` elements, one thread each. Its first uniform is `size`. */
export function linearShader(parts: Omit<ShaderParts, 'workgroup'>): string {
  const index = `  let i = id.y * ${MAX_WORKGROUPS * THREADS}u + id.x;\n  if (i >= u.size) { return; }\n`
  return shader({ ...parts, uniforms: ['size', ...parts.uniforms], workgroup: [THREADS, 1], body: index + parts.body })
}

/** Workgroups for `size` threads of a linear shader. */
export function linearWorkgroups(size: number): [number, number, number] {
  const groups = Math.ceil(size / THREADS)
  return [Math.min(groups, MAX_WORKGROUPS), Math.ceil(groups / MAX_WORKGROUPS), 1]
}
