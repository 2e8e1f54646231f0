// Activation functions against their formulas, written with the engine's own functions in float64.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { activationSchemas } from '../../../src/ops/schemas/activations.ts'
import type { AttributeInput } from '../../../src/graph/builder.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from '../../../src/tensor/half.ts'
import { runOp } from '../../support/run-op.ts'

const VALUES = [-Infinity, -90, -20, -4.5, -3, -1.5, -1, -0.5, -0.3, -1e-3, -1e-9, -0, 0, 1e-9, 0.25, 0.5, 0.9, 1, 1.5, 2.5, 3, 4, 20, 90, Infinity, NaN]
const logistic = (x: number): number => 1 / (1 + Math.exp(-x))
/** Complementary error function by its continued fraction and series: good to 1e-13. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  if (x > 3) {
    let fraction = 0
    for (let k = 200; k > 0; k--) fraction = k / 2 / (x + fraction)
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction)
  }
  let term = x
  let sum = x
  for (let k = 1; k < 200; k++) {
    term *= (-x * x) / k
    sum += term / (2 * k + 1)
  }
  return 1 - (2 / Math.sqrt(Math.PI)) * sum
}

interface Case {
  readonly attributes?: Record<string, AttributeInput>
  readonly f: (x: number) => number
  /** Limits at infinity where the formula says infinity times zero. */
  readonly atMinus?: number
}

const CASES: ReadonlyMap<string, readonly Case[]> = new Map([
  ['Elu', [{ f: (x) => (x < 0 ? Math.expm1(x) : x) }, { attributes: { alpha: 2 }, f: (x) => (x < 0 ? 2 * Math.expm1(x) : x) }]],
  ['Selu', [{ f: (x) => 1.05070102214813232421875 * (x > 0 ? x : 1.67326319217681884765625 * Math.expm1(x)) }, { attributes: { alpha: 2, gamma: 3 }, f: (x) => 3 * (x > 0 ? x : 2 * Math.expm1(x)) }]],
  ['Celu', [{ f: (x) => (x < 0 ? Math.expm1(x) : x) }, { attributes: { alpha: 2 }, f: (x) => (x < 0 ? 2 * Math.expm1(x / 2) : x) }]],
  ['HardSigmoid', [{ f: (x) => Math.max(0, Math.min(1, 0.2 * x + 0.5)) }, { attributes: { alpha: 0.5, beta: 0.25 }, f: (x) => Math.max(0, Math.min(1, 0.5 * x + 0.25)) }]],
  ['HardSwish', [{ f: (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)), atMinus: 0 }]],
  ['Gelu', [
    { f: (x) => (x / 2) * erfc(-x / Math.SQRT2), atMinus: 0 },
    { attributes: { approximate: 'tanh' }, f: (x) => x * logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)), atMinus: 0 },
  ]],
  ['Mish', [{ f: (x) => x * Math.tanh(x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))), atMinus: 0 }]],
  ['Swish', [{ f: (x) => x * logistic(x), atMinus: 0 }, { attributes: { alpha: 0.5 }, f: (x) => x * logistic(0.5 * x), atMinus: 0 }]],
  ['Softsign', [{ f: (x) => (Math.abs(x) === Infinity ? Math.sign(x) : x / (1 + Math.abs(x))) }]],
  ['ThresholdedRelu', [{ f: (x) => (x <= 1 ? 0 : x) }, { attributes: { alpha: 2 }, f: (x) => (x <= 2 ? 0 : x) }]],
  ['Shrink', [{ f: (x) => (x < -0.5 || x > 0.5 ? x : 0 * x) }, { attributes: { lambd: 1.5, bias: 0.25 }, f: (x) => (x < -1.5 ? x + 0.25 : x > 1.5 ? x - 0.25 : 0 * x) }]],
])

function valueAt({ dtype, data }: Tensor, i: number): number {
  return dtype === 'float16' ? halfToFloat(Number(data[i])) : dtype === 'bfloat16' ? bfloatToFloat(Number(data[i])) : Number(data[i])
}

const DTYPES = [
  { dtype: 'float64', eps: 2 ** -53, make: (x: number[]) => tensor(Float64Array.from(x)) },
  { dtype: 'float32', eps: 2 ** -24, make: (x: number[]) => tensor(Float32Array.from(x)) },
  { dtype: 'float16', eps: 2 ** -11, make: (x: number[]) => tensor(Uint16Array.from(x, floatToHalf), [x.length], 'float16') },
  { dtype: 'bfloat16', eps: 2 ** -8, make: (x: number[]) => tensor(Uint16Array.from(x, floatToBfloat), [x.length], 'bfloat16') },
] as const

test('every activation of one input has a formula', () => {
  assert.deepEqual([...CASES.keys(), 'PRelu', 'SwiGLU'].sort(), activationSchemas.map(({ name }) => name).sort())
})

for (const [name, cases] of CASES) {
  test(`${name} equals its formula in every float dtype, and takes no elements`, async () => {
    const schema = activationSchemas.find((one) => one.name === name)
    assert.ok(schema !== undefined)
    for (const { attributes = {}, f, atMinus } of cases) {
      for (const { dtype, eps, make } of DTYPES) {
        const x = make(VALUES)
        const [y] = await runOp(name, [x], attributes)
        assert.equal(y.dtype, dtype)
        VALUES.forEach((_, i) => {
          const at = valueAt(x, i)
          const want = at === -Infinity && atMinus !== undefined ? atMinus : f(at)
          const got = valueAt(y, i)
          // The formula itself loses a few ulps of a double.
          const bound = schema.bound(eps, want, Math.abs(want)) + 4e-14 * Math.abs(want)
          assert.ok(got === want || (Number.isNaN(got) && Number.isNaN(want)) || Math.abs(got - want) <= bound, `${dtype} at ${at}: ${got}, expected ${want}`)
        })
        assert.equal((await runOp(name, [make([])], attributes))[0].data.length, 0)
      }
    }
  })
}

test('PRelu takes one slope for each channel, of any dtype', async () => {
  const x = [[-1, 2, -3], [4, -5, -0.5]]
  const slope = [0.5, 0.25, -2]
  const want = x.flatMap((row) => row.map((value, j) => (value < 0 ? slope[j] * value : value)))
  assert.deepEqual([...(await runOp('PRelu', [tensor(x), tensor(slope)]))[0].data], want)
  const [wide] = await runOp('PRelu', [tensor(BigInt64Array.of(-7n, 7n, -(2n ** 40n))), tensor(BigInt64Array.of(3n))])
  assert.deepEqual([...wide.data], [-21n, 7n, -3n * 2n ** 40n])
  assert.deepEqual([...(await runOp('PRelu', [tensor(Int32Array.of(-7, 7)), tensor(Int32Array.of(3))]))[0].data], [-21, 7])
})

test('SwiGLU is Swish of A times B', async () => {
  const a = [-2, -0.5, 0, 1, 3]
  const b = [1, 2, 3, 4, -5]
  for (const alpha of [1, 0.5]) {
    const [y] = await runOp('SwiGLU', [tensor(Float64Array.from(a)), tensor(Float64Array.from(b))], { alpha })
    a.forEach((x, i) => assert.ok(Math.abs(Number(y.data[i]) - x * logistic(alpha * x) * b[i]) < 1e-14))
  }
})

test('Shrink keeps integers', async () => {
  assert.deepEqual([...(await runOp('Shrink', [tensor(Int32Array.of(-3, -1, 0, 1, 3))], { lambd: 1.5, bias: 1 }))[0].data], [-2, 0, 0, 0, 2])
  assert.deepEqual([...(await runOp('Shrink', [tensor(BigInt64Array.of(-3n, 1n, 3n))], { lambd: 1.5, bias: 1 }))[0].data], [-2n, 0n, 2n])
})

test('Gelu refuses another approximation', async () => {
  await assert.rejects(runOp('Gelu', [tensor([1])], { approximate: 'sigmoid' }), { code: 'OP_ATTRIBUTE' })
})
