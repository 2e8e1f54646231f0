import { test } from 'node:test'
import fc from 'fast-check'
import { assertEqual, everyOperatorComputed, noise, wasm, wasmOnly } from './equal.ts'

const dtype = fc.constantFrom('float32' as const, 'float64' as const)

const spatial = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const axis = fc.record({ dim: fc.integer({ min: 1, max: rank === 1 ? 90 : rank === 2 ? 24 : 7 }), kernel: fc.integer({ min: 1, max: 4 }), stride: fc.integer({ min: 1, max: 3 }), dilation: fc.integer({ min: 1, max: 2 }), before: fc.integer({ min: 0, max: 3 }), after: fc.integer({ min: 0, max: 3 }) })
  const fits = axis.filter(({ dim, kernel, dilation, before, after }) => before < kernel && after < kernel && dim + before + after >= (kernel - 1) * dilation + 1)
  return fc.array(fits, { minLength: rank, maxLength: rank })
})

test('wasm: pools have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, spatial, fc.constantFrom('MaxPool', 'AveragePool', 'LpPool'), fc.boolean(), fc.boolean(), fc.boolean(), fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 })), (seed, type, axes, key, ceil, withPads, odd, [batch, channels, p]) => assertEqual(key, {
      inputs: [{ tensor: noise(seed, type, [batch, channels, ...axes.map(({ dim }) => dim)], odd ? 0.2 : 0) }],
      attributes: {
        kernel_shape: axes.map(({ kernel }) => kernel), strides: axes.map(({ stride }) => stride), dilations: axes.map(({ dilation }) => dilation),
        pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)], ceil_mode: ceil ? 1 : 0, ...(key === 'AveragePool' ? { count_include_pad: withPads ? 1 : 0 } : key === 'LpPool' ? { p } : {}),
      },
      // Windows larger than the image are left to cpu.
    }, axes.every(({ dim, kernel }) => kernel <= dim) ? wasmOnly : wasm)),
    { numRuns: 400 },
  )
})

everyOperatorComputed('pool')
