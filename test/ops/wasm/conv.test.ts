import { test } from 'node:test'
import fc from 'fast-check'
import { assertEqual, everyBlockStayed, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

const dtype = fc.constantFrom('float32' as const, 'float64' as const)

/** One to three spatial axes; windows that fit into the padded input. */
const spatial = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const axis = fc.record({ dim: fc.integer({ min: 1, max: rank === 1 ? 90 : rank === 2 ? 20 : 7 }), kernel: fc.integer({ min: 1, max: 4 }), stride: fc.integer({ min: 1, max: 3 }), dilation: fc.integer({ min: 1, max: 2 }), before: fc.integer({ min: 0, max: 3 }), after: fc.integer({ min: 0, max: 3 }) })
  return fc.array(axis.filter(({ dim, kernel, dilation, before, after }) => dim + before + after >= (kernel - 1) * dilation + 1), { minLength: rank, maxLength: rank })
})

test('wasm: convolutions have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, spatial, fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 })), fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.boolean(), fc.boolean(), (seed, type, axes, [batch, channels, features], group, constant, hasBias, odd) => {
      const special = odd ? 0.02 : 0
      return assertEqual('Conv', {
        inputs: [
          { tensor: noise(seed, type, [batch, channels * group, ...axes.map(({ dim }) => dim)], special) },
          { tensor: noise(seed + 1, type, [features * group, channels, ...axes.map(({ kernel }) => kernel)], special), constant },
          ...(hasBias ? [{ tensor: noise(seed + 2, type, [features * group]), constant }] : []),
        ],
        attributes: {
          group, strides: axes.map(({ stride }) => stride), dilations: axes.map(({ dilation }) => dilation), pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
        },
      })
    }),
    { numRuns: 250 },
  )
})

test('wasm: convolutions of the shapes of networks have the bits of cpu', async () => {
  const cases: [x: number[], w: number[], attributes: Record<string, number | number[]>][] = [
    [[1, 3, 40, 40], [16, 3, 7, 7], { strides: [2, 2], pads: [3, 3, 3, 3] }],
    [[2, 20, 14, 14], [33, 20, 3, 3], { pads: [1, 1, 1, 1] }],
    [[1, 64, 7, 7], [30, 64, 3, 3], { pads: [1, 1, 1, 1] }],
    [[1, 130, 9, 9], [12, 130, 1, 1], {}],
    [[1, 24, 9, 9], [12, 24, 1, 1], { strides: [2, 2] }],
    [[2, 24, 35, 35], [24, 1, 3, 3], { group: 24, pads: [1, 1, 1, 1] }],
    [[1, 24, 35, 35], [48, 1, 5, 5], { group: 24, strides: [2, 2], auto_pad: 'SAME_UPPER' } as never],
    [[1, 8, 300], [8, 8, 9], { dilations: [4] }],
    [[1, 600, 6, 6], [4, 600, 3, 3], {}],
    [[1, 1, 60, 60], [4, 1, 40, 40], {}],
    [[1, 64, 5, 5], [30, 64, 3, 3], {}],
    [[2, 12, 4, 3], [18, 6, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
  ]
  for (const [x, w, attributes] of cases) {
    for (const type of ['float32', 'float64'] as const) {
      await assertEqual('Conv', { inputs: [{ tensor: noise(1, type, x, 0) }, { tensor: noise(2, type, w, 0), constant: true }, { tensor: noise(3, type, [w[0]], 0), constant: true }], attributes })
    }
  }
})

test('wasm: convolutions by constant weights have the bits of cpu, at the ends of rows, bands, strips and blocks', async () => {
  const axis = fc.record({ kernel: fc.integer({ min: 1, max: 7 }), stride: fc.integer({ min: 1, max: 2 }), dilation: fc.integer({ min: 1, max: 2 }), before: fc.integer({ min: 0, max: 4 }), after: fc.integer({ min: 0, max: 4 }) })
  const dims = fc.oneof(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 4, max: 20 })), fc.tuple(fc.integer({ min: 12, max: 30 }), fc.integer({ min: 13, max: 130 })))
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.tuple(axis, axis), dims, fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 19 })), fc.integer({ min: 1, max: 2 }), fc.boolean(), fc.boolean(), (seed, type, axes, sizes, [batch, channels, features], group, hasBias, odd) => {
      const fitting = sizes.map((dim, i) => Math.max(dim, (axes[i].kernel - 1) * axes[i].dilation + 1))
      return assertEqual('Conv', {
        inputs: [
          { tensor: noise(seed, type, [batch, channels * group, ...fitting], odd ? 0.001 : 0) }, { tensor: noise(seed + 1, type, [features * group, channels, ...axes.map(({ kernel }) => kernel)], 0), constant: true },
          ...(hasBias ? [{ tensor: noise(seed + 2, type, [features * group]), constant: true }] : []),
        ],
        attributes: { group, strides: axes.map(({ stride }) => stride), dilations: axes.map(({ dilation }) => dilation), pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)] },
      }, wasmOnly)
    }),
    { numRuns: 100 },
  )
})

test('wasm: transposed convolutions have the bits of cpu', async () => {
  const padding = fc.constantFrom('pads' as const, 'SAME_UPPER' as const, 'SAME_LOWER' as const)
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, spatial, fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 })), fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.boolean(), padding, (seed, type, axes, [batch, channels, features], group, hasBias, odd, pads) => {
      const extra = axes.map(({ stride, dilation }) => Math.min(stride, dilation) - 1)
      // Pads that take more than there is are no convolution.
      const whole = axes.map(({ dim, kernel, stride, dilation }, i) => stride * (dim - 1) + extra[i] + (kernel - 1) * dilation + 1)
      const before = axes.map((axis, i) => Math.min(axis.before, whole[i] - 1))
      const after = axes.map((axis, i) => Math.min(axis.after, whole[i] - 1 - before[i]))
      return assertEqual('ConvTranspose', {
        inputs: [
          { tensor: noise(seed, type, [batch, channels * group, ...axes.map(({ dim }) => dim)], odd ? 0.02 : 0) },
          { tensor: noise(seed + 1, type, [channels * group, features, ...axes.map(({ kernel }) => kernel)], 0), constant: true },
          ...(hasBias ? [{ tensor: noise(seed + 2, type, [features * group]), constant: true }] : []),
        ],
        attributes: {
          group, strides: axes.map(({ stride }) => stride), dilations: axes.map(({ dilation }) => dilation), output_padding: extra,
          ...(pads === 'pads' ? { pads: [...before, ...after] } : { auto_pad: pads }),
        },
      }, wasmOnly)
    }),
    { numRuns: 250 },
  )
})

test('wasm: transposed convolutions of several blocks of channels and places have the bits of cpu', async () => {
  for (const [shape, weights, stride] of [[[1, 75, 9, 23], [75, 3, 4, 4], 2], [[2, 7, 30, 41], [7, 130, 2, 2], 2], [[1, 700, 3, 5], [700, 5, 3, 3], 1]] as const) {
    await assertEqual('ConvTranspose', { inputs: [{ tensor: noise(1, 'float32', shape, 0) }, { tensor: noise(2, 'float32', weights, 0), constant: true }], attributes: { strides: [stride, stride], pads: [1, 1, 1, 1] } }, wasmOnly)
  }
})

test('transposed convolutions by weights that are no finite numbers are left to cpu', async () => {
  const weights = noise(2, 'float32', [2, 3, 3], 0)
  weights.data[4] = Infinity
  await assertEqual('ConvTranspose', { inputs: [{ tensor: noise(1, 'float32', [1, 2, 5], 0) }, { tensor: weights, constant: true }] })
})

everyOperatorComputed('conv', ['float32', 'float64'])
everyBlockStayed('Conv', 'ConvTranspose')
