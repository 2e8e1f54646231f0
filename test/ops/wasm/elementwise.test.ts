import { test } from 'node:test'
import fc from 'fast-check'
import { WASM_OPERATORS } from '../../../src/ops/wasm/operators.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, equalSuite, everyBlockStayed, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

const OPERATORS = WASM_OPERATORS.get('elementwise') ?? []
equalSuite(OPERATORS.filter((key) => key !== 'PRelu'), 60)

const dtype = fc.constantFrom('float32' as const, 'float64' as const)
const dim = fc.constantFrom<number>(1, 1, 2, 3, 5, 17, 33)

test('wasm: operands of five axes that broadcast have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.array(dim, { maxLength: 5 }).filter((shape) => shape.reduce((a, b) => a * b, 1) < 20000), fc.nat(31), fc.nat(31), fc.constantFrom('Add', 'Sub', 'Mul', 'Div', 'Max', 'Min'), (seed, type, shape, first, second, key) => {
      const some = (mask: number): number[] => shape.map((size, axis) => ((mask >> axis) & 1 ? 1 : size))
      return assertEqual(key, { inputs: [{ tensor: noise(seed, type, some(first)) }, { tensor: noise(seed + 1, type, some(second)) }] })
    }),
    { numRuns: 150 },
  )
})

test('wasm: any number of inputs that broadcast have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.array(dim, { maxLength: 4 }).filter((shape) => shape.reduce((a, b) => a * b, 1) < 20000), fc.array(fc.nat(15), { minLength: 2, maxLength: 5 }), fc.constantFrom('Max', 'Min', 'Sum', 'Mean'), fc.constantFrom(1e-38, 1, 1e38), (seed, type, shape, masks, key, scale) => {
      const some = (mask: number): number[] => shape.map((size, axis) => ((mask >> axis) & 1 ? 1 : size))
      return assertEqual(key, { inputs: masks.map((mask, k) => ({ tensor: noise(seed + k, type, some(mask), 0.05, scale) })) }, wasmOnly)
    }),
    { numRuns: 150 },
  )
})

test('wasm: functions of numbers of every size have the bits of cpu', async () => {
  for (const key of ['Exp', 'Sigmoid', 'Tanh', 'Erf', 'Log', 'Relu', 'LeakyRelu', 'Round']) {
    for (const type of ['float32', 'float64'] as const) {
      for (const scale of [1e-6, 0.3, 1, 5, 30, 200, 800, 1e30]) await assertEqual(key, { inputs: [{ tensor: noise(scale, type, [501], 0.05, scale) }] })
    }
  }
})

test('wasm: the error function and Gelu have the bits of cpu in every range of their polynomials', async () => {
  const data = Float64Array.from({ length: 20001 }, (_, i) => ((i - 10000) / 10000) * 40 * (i % 5 === 0 ? 1 : 0.1))
  for (const key of ['Erf', 'Gelu']) await assertEqual(key, { inputs: [{ tensor: { dtype: 'float64', shape: [data.length], data } }] })
  const edges = Float64Array.from([0.84375, 1.25, 2.25, 4.5, 6, 26, 0.5, 0.25, 1e-8].flatMap((x) => [x, x * (1 - 2 ** -53), x * (1 + 2 ** -52), -x, x * Math.SQRT2, -x * Math.SQRT2]))
  for (const key of ['Erf', 'Gelu']) await assertEqual(key, { inputs: [{ tensor: { dtype: 'float64', shape: [edges.length], data: edges } }] })
})

test('wasm: squares, which are powers with a constant exponent, have the bits of cpu', async () => {
  for (const type of ['float32', 'float64'] as const) {
    const exponent: Tensor = type === 'float32' ? { dtype: type, shape: [], data: Float32Array.of(2) } : { dtype: type, shape: [], data: Float64Array.of(2) }
    for (const scale of [1e-30, 1, 1e20]) await assertEqual('Pow', { inputs: [{ tensor: noise(scale, type, [77], 0.1, scale) }, { tensor: exponent, constant: true }] })
  }
})

const integers = fc.constantFrom('int32' as const, 'int64' as const)
const ARITHMETIC = ['Add', 'Sub', 'Mul', 'Max', 'Min'] as const

test('wasm: integers wrap as on cpu', async () => {
  const odd = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 65537, -46341]
  await fc.assert(
    fc.asyncProperty(fc.nat(), integers, fc.array(dim, { maxLength: 4 }).filter((shape) => shape.reduce((a, b) => a * b, 1) < 5000), fc.nat(15), fc.nat(15), fc.constantFrom(...ARITHMETIC), (seed, type, shape, first, second, key) => {
      const some = (mask: number, shift: number): Tensor => {
        const own = shape.map((size, axis) => ((mask >> axis) & 1 ? 1 : size))
        const values = Array.from({ length: own.reduce((a, b) => a * b, 1) }, (_, i) => odd[(i * 3 + seed + shift) % odd.length])
        return type === 'int32' ? { dtype: type, shape: own, data: Int32Array.from(values) } : { dtype: type, shape: own, data: BigInt64Array.from(values, (value) => BigInt(value) * 4294967311n) }
      }
      return assertEqual(key, { inputs: [{ tensor: some(first, 0) }, { tensor: some(second, 2) }] }, wasmOnly)
    }),
    { numRuns: 300 },
  )
})

test('wasm: slopes of channels and powers have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.tuple(dim, dim, dim), fc.constantFrom(1e-30, 1, 5, 200), (seed, type, shape, scale) =>
      assertEqual('PRelu', { inputs: [{ tensor: noise(seed, type, shape, 0.1, scale) }, { tensor: noise(seed + 1, type, [shape[1], 1], 0.1) }] })),
    { numRuns: 80 },
  )
  for (const type of ['float32', 'float64'] as const) {
    for (const scale of [1e-30, 1, 20, 1e20]) await assertEqual('Pow', { inputs: [{ tensor: noise(scale, type, [301], 0.1, scale) }, { tensor: noise(7, type, [301], 0.2, 4) }] })
  }
})

test('wasm: powers of every size and sign have the bits of cpu, the exact ones too', async () => {
  const exponent = fc.oneof(fc.constantFrom(0, -0, 1, -1, 2, 0.5, -0.5, 3, -3, 7, 1e16, 2 ** 53 + 2, -1e21, NaN, Infinity, -Infinity), fc.integer({ min: -40, max: 40 }), fc.double({ min: -30, max: 30, noNaN: true }))
  const base = fc.oneof(fc.constantFrom(0, -0, 1, -1, NaN, Infinity, -Infinity, 5e-324, 2 ** -1022, 1e300, 1.0000001e300, -1e308, 0.7071067811865475, 0.7071067811865476), fc.integer({ min: -20, max: 20 }), fc.double({ min: -1e3, max: 1e3, noNaN: true }), fc.double({ min: 0.99, max: 1.01, noNaN: true }))
  await fc.assert(
    fc.asyncProperty(dtype, fc.array(fc.tuple(base, exponent), { minLength: 1, maxLength: 41 }), fc.boolean(), (type, pairs, isSame) => {
      const Data = type === 'float32' ? Float32Array : Float64Array
      const tensorOf = (values: number[]): Tensor => ({ dtype: type, shape: [values.length], data: Data.from(values) }) as Tensor
      return assertEqual('Pow', { inputs: [{ tensor: tensorOf(pairs.map(([x]) => x)) }, { tensor: tensorOf(isSame ? [pairs[0][1]] : pairs.map(([, y]) => y)) }] })
    }),
    { numRuns: 300 },
  )
})

everyOperatorComputed('elementwise')
everyOperatorComputed('elementwise', ['int32', 'int64'], ARITHMETIC)
everyBlockStayed('Erf', 'Mean')
