// What is measured on a GPU: graphs, the shapes of their inputs, and what one run computes and moves.
import { graphBuilder, type GraphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'

export interface Workload {
  readonly name: string
  readonly graph: Graph
  readonly inputs: Readonly<Record<string, Tensor>>
  /** Multiplications and additions of one run. */
  readonly flops?: number
  /** Bytes that one run must read and write in the GPU's memory. */
  readonly bytes?: number
  /** Rows of one run, for throughput. */
  readonly rows?: number
  /** Steps that cannot be fused: what one launch costs. */
  readonly launches?: number
  /** The same with one launch. */
  readonly single?: Pick<Workload, 'graph' | 'inputs'>
  /** Counted with copies to and from the host, by the clock; else by the GPU's timestamps alone. */
  readonly withTransfers?: boolean
}

/** Numbers in (-1, 1), the same every time. */
function numbers(count: number, seed: number): Float32Array {
  const values = new Float32Array(count)
  let state = seed * 2654435761
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[i] = state / 2147483648 - 1
  }
  return values
}

const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)
const random = (shape: readonly number[], seed: number): Tensor => tensor(numbers(size(shape), seed), [...shape])
const f32 = (shape: readonly number[]): { dtype: 'float32'; shape: number[] } => ({ dtype: 'float32', shape: [...shape] })

/** A graph whose input X has `shape`; `build` gives its output. */
function single(name: string, shape: readonly number[], build: (b: GraphBuilder, x: string) => string, rest: Omit<Workload, 'name' | 'graph' | 'inputs'>): Workload {
  const b = graphBuilder()
  const x = b.input('X', f32(shape))
  b.output('Y', build(b, x), { dtype: 'float32' })
  return { name, graph: b.build(), inputs: { X: random(shape, 1) }, ...rest }
}

function matmul(n: number): Workload {
  return single(`matmul ${n}`, [n, n], (b, x) => b.add('MatMul', [x, b.constant(random([n, n], 2))]), { flops: 2 * n * n * n, bytes: 12 * n * n })
}

/** The same with weights and activations of float16, computed in float32. */
function matmulHalf(n: number): Workload {
  const b = graphBuilder()
  const x = b.add('Cast', [b.input('X', f32([n, n]))], { to: 'float16' })
  // Bits of numbers in [0.5, 2) of either sign.
  const weights: Tensor = { dtype: 'float16', shape: [n, n], data: Uint16Array.from(numbers(n * n, 2), (value) => (value < 0 ? 0x8000 : 0) | (0x3800 + Math.floor(Math.abs(value) * 0x7ff))) }
  b.output('Y', b.add('Cast', [b.add('MatMul', [x, b.constant(weights)])], { to: 'float32' }), { dtype: 'float32' })
  return { name: `matmul ${n} float16`, graph: b.build(), inputs: { X: random([n, n], 1) }, flops: 2 * n * n * n, bytes: 6 * n * n }
}

function conv(name: string, [n, c, h]: readonly [number, number, number], m: number, k: number, stride: number): Workload {
  const out = Math.floor((h + 2 * Math.floor(k / 2) - k) / stride) + 1
  const pad = Math.floor(k / 2)
  return single(`conv ${name}`, [n, c, h, h], (b, x) => b.add('Relu', [b.add('Conv', [x, b.constant(random([m, c, k, k], 2)), b.constant(random([m], 3))], { pads: [pad, pad, pad, pad], strides: [stride, stride] })]), {
    flops: 2 * n * m * out * out * c * k * k, bytes: 4 * (n * c * h * h + n * m * out * out + m * c * k * k),
  })
}

/** Layers of an encoder: attention from products, softmax and transposes, and two layers with Gelu. */
function bert(name: string, batch: number, length: number, width: number, heads: number, layers: number): Workload {
  const each = width / heads
  let flops = 0
  const workload = single(`bert ${name} ${batch} x ${length}`, [batch, length, width], (b, x) => {
    const dense = (h: string, from: number, to: number, seed: number): string => {
      flops += 2 * batch * length * from * to
      return b.add('Add', [b.add('MatMul', [h, b.constant(random([from, to], seed))]), b.constant(random([to], seed + 1))])
    }
    const split = (h: string, perm: number[]): string => b.add('Transpose', [b.add('Reshape', [h, b.constant({ dtype: 'int64', shape: [4], data: BigInt64Array.of(BigInt(batch), BigInt(length), BigInt(heads), BigInt(each)) })])], { perm })
    const norm = (h: string): string => b.add('LayerNormalization', [h, b.constant(tensor(new Float32Array(width).fill(1), [width])), b.constant(tensor(new Float32Array(width), [width]))], { axis: -1 })
    let h = x
    for (let layer = 0; layer < layers; layer++) {
      const q = split(dense(h, width, width, layer * 20 + 1), [0, 2, 1, 3])
      const k = split(dense(h, width, width, layer * 20 + 3), [0, 2, 3, 1])
      const v = split(dense(h, width, width, layer * 20 + 5), [0, 2, 1, 3])
      const scores = b.add('Mul', [b.add('MatMul', [q, k]), b.constant(tensor(Float32Array.of(1 / Math.sqrt(each)), []))])
      const mixed = b.add('Transpose', [b.add('MatMul', [b.add('Softmax', [scores], { axis: -1 }), v])], { perm: [0, 2, 1, 3] })
      flops += 4 * batch * heads * length * length * each
      const joined = b.add('Reshape', [mixed, b.constant({ dtype: 'int64', shape: [3], data: BigInt64Array.of(BigInt(batch), BigInt(length), BigInt(width)) })])
      h = norm(b.add('Add', [h, dense(joined, width, width, layer * 20 + 7)]))
      h = norm(b.add('Add', [h, dense(b.add('Gelu', [dense(h, width, 4 * width, layer * 20 + 9)]), 4 * width, width, layer * 20 + 11)]))
    }
    return h
  }, {})
  return { ...workload, flops }
}

/** ResNet by its stages: basic blocks of two 3x3 convolutions, or bottlenecks. */
function resnet(name: string, batch: number, image: number, blocks: readonly number[], bottleneck: boolean, base: number): Workload {
  let flops = 0
  const workload = single(`resnet ${name} batch ${batch}`, [batch, 3, image, image], (b, x) => {
    let seed = 1
    const layer = (h: string, from: number, to: number, k: number, stride: number, side: number, act: boolean): string => {
      const pad = Math.floor(k / 2)
      const out = Math.ceil(side / stride)
      flops += 2 * batch * out * out * from * to * k * k
      const y = b.add('Conv', [h, b.constant(random([to, from, k, k], seed++)), b.constant(random([to], seed++))], { pads: [pad, pad, pad, pad], strides: [stride, stride] })
      return act ? b.add('Relu', [y]) : y
    }
    let side = Math.ceil(image / 2)
    let h = layer(x, 3, base, 7, 2, image, true)
    h = b.add('MaxPool', [h], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })
    side = Math.ceil(side / 2)
    let channels = base
    blocks.forEach((count, stage) => {
      const width = base << stage
      const wide = bottleneck ? 4 * width : width
      for (let i = 0; i < count; i++) {
        const stride = i === 0 && stage > 0 ? 2 : 1
        let y = bottleneck ? layer(h, channels, width, 1, 1, side, true) : layer(h, channels, width, 3, stride, side, true)
        y = bottleneck ? layer(y, width, width, 3, stride, side, true) : y
        const next = Math.ceil(side / stride)
        y = bottleneck ? layer(y, width, wide, 1, 1, next, false) : layer(y, width, wide, 3, 1, next, false)
        const skip = channels === wide && stride === 1 ? h : layer(h, channels, wide, 1, stride, side, false)
        h = b.add('Relu', [b.add('Add', [y, skip])])
        channels = wide
        side = next
      }
    })
    return b.add('MatMul', [b.add('Flatten', [b.add('GlobalAveragePool', [h])]), b.constant(random([channels, 1000], 99))])
  }, {})
  return { ...workload, flops }
}

/** Complete trees of a depth: nodes depth first, siblings side by side, as docs/format.md says. */
function trees(rows: number, features: number, count: number, depth: number): Workload {
  const perTree = 2 ** (depth + 1) - 1
  const nodes = new Uint8Array(count * perTree * 16)
  const view = new DataView(nodes.buffer)
  const leafIndex = new Uint32Array(count * perTree)
  const roots = Uint32Array.from({ length: count }, (_, tree) => tree * perTree)
  const thresholds = numbers(count * perTree, 7)
  let leaves = 0
  for (let tree = 0; tree < count; tree++) {
    let next = roots[tree] + 1
    const grow = (node: number, level: number): void => {
      if (level === depth) {
        view.setFloat64(node * 16, Infinity, true)
        view.setUint32(node * 16 + 12, node, true)
        leafIndex[node] = leaves++
        return
      }
      const left = next
      next += 2
      view.setFloat64(node * 16, thresholds[node], true)
      view.setUint32(node * 16 + 8, (node * 7919) % features, true)
      view.setUint32(node * 16 + 12, left, true)
      grow(left, level + 1)
      grow(left + 1, level + 1)
    }
    grow(roots[tree], 0)
  }
  const b = graphBuilder()
  const x = b.input('X', f32([rows, features]))
  const constants: Tensor[] = [
    { dtype: 'uint8', shape: [count * perTree, 16], data: nodes }, { dtype: 'uint32', shape: [count * perTree], data: leafIndex }, { dtype: 'uint32', shape: [count], data: roots },
    { dtype: 'float64', shape: [leaves, 1], data: Float64Array.from(numbers(leaves, 8)) },
  ]
  b.output('Y', b.add('mle.TreeEnsemble', [x, ...constants.map((constant) => b.constant(constant))], { layout: 'nodes16/1', outputs: 1, accumulate: 'float32' }), { dtype: 'float32' })
  return { name: `trees ${count} x depth ${depth}, ${rows} rows`, graph: b.build(), inputs: { X: random([rows, features], 1) }, rows, bytes: 4 * rows * (features + 1) }
}

/** One row, or a few, by a matrix: the speed is that of memory. */
function rows(count: number, n: number): Workload {
  return single(`matmul ${count} x ${n} by ${n} x ${n}`, [count, n], (b, x) => b.add('MatMul', [x, b.constant(random([n, n], 2))]), { flops: 2 * count * n * n, bytes: 4 * n * n })
}

/** Transposes, each a launch of its own. */
function launches(count: number): Workload {
  const make = (steps: number): Workload => single(`${count} launches`, [64, 64], (b, x) => {
    let h = x
    for (let i = 0; i < steps; i++) h = b.add('Transpose', [h], { perm: [1, 0] })
    return h
  }, { launches: count })
  return { ...make(count), single: make(1) }
}

/** Small sizes of everything, with edges that fill no tile: to be compared with cpu. */
export function smallWorkloads(): readonly (() => Workload)[] {
  return [
    () => matmul(64), () => matmul(150), () => matmulHalf(64), () => rows(1, 200), () => rows(5, 66), () => conv('3x3 8 -> 8', [1, 8, 12], 8, 3, 1), () => conv('1x1 8 -> 16', [1, 8, 12], 16, 1, 1), () => bert('tiny', 1, 8, 32, 2, 1),
    () => resnet('tiny', 1, 32, [1, 1], false, 8), () => trees(1000, 10, 10, 4), () => single('exp 10^4', [10000], (b, x) => b.add('Exp', [x]), { bytes: 80000 }),
    () => single('softmax 32 x 256', [32, 256], (b, x) => b.add('Softmax', [x], { axis: -1 }), { bytes: 65536 }), () => single('transpose 100 x 70', [100, 70], (b, x) => b.add('Transpose', [x], { perm: [1, 0] }), { bytes: 56000 }),
    () => launches(20), () => single('upload and readback 10^4', [10000], (b, x) => b.add('Abs', [x]), { bytes: 80000, withTransfers: true }),
  ]
}

export function fullWorkloads(): readonly (() => Workload)[] {
  const n = 2 ** 25
  return [
    ...[512, 1024, 2048, 4096, 8192].flatMap((size) => [() => matmul(size), () => matmulHalf(size)]), () => rows(1, 8192), () => rows(4, 4096),
    () => conv('7x7 3 -> 64, 224', [8, 3, 224], 64, 7, 2), () => conv('3x3 64 -> 64, 56', [8, 64, 56], 64, 3, 1), () => conv('3x3 256 -> 256, 14', [8, 256, 14], 256, 3, 1), () => conv('1x1 256 -> 1024, 14', [8, 256, 14], 1024, 1, 1),
    () => bert('mini', 1, 128, 256, 4, 4), () => bert('mini', 32, 128, 256, 4, 4), () => bert('base', 1, 128, 768, 12, 12), () => bert('base', 8, 384, 768, 12, 12),
    () => resnet('18', 1, 224, [2, 2, 2, 2], false, 64), () => resnet('18', 32, 224, [2, 2, 2, 2], false, 64), () => resnet('50', 1, 224, [3, 4, 6, 3], true, 64), () => resnet('50', 32, 224, [3, 4, 6, 3], true, 64),
    () => trees(1000000, 28, 100, 6), () => trees(1000000, 28, 500, 8),
    () => single('add and exp 2^25', [n], (b, x) => b.add('Exp', [b.add('Add', [x, b.constant(tensor(Float32Array.of(-1), []))])]), { bytes: 8 * n }),
    () => single('sum of 2^25', [n], (b, x) => b.add('ReduceSum', [x], { keepdims: 0 }), { bytes: 4 * n }),
    () => single('softmax 32768 x 1024', [32768, 1024], (b, x) => b.add('Softmax', [x], { axis: -1 }), { bytes: 8 * n }),
    () => single('layer norm 32768 x 1024', [32768, 1024], (b, x) => b.add('LayerNormalization', [x, b.constant(tensor(new Float32Array(1024).fill(1), [1024]))], { axis: -1 }), { bytes: 8 * n }),
    () => single('transpose 8192 x 4096', [8192, 4096], (b, x) => b.add('Transpose', [x], { perm: [1, 0] }), { bytes: 8 * n }),
    () => launches(500), () => single('upload and readback 2^24', [2 ** 24], (b, x) => b.add('Abs', [x]), { bytes: 2 ** 27, withTransfers: true }),
  ]
}
