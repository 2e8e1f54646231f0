// Cases of Fourier transforms and windows.
import { signalFormulas } from '../../src/ops/formula/signal.ts'
import type { Cases } from './cases.ts'
import { tensorOf } from './grids.ts'
import { f64 } from './values.ts'

export { signalFormulas }

const size = (count: number): ReturnType<typeof tensorOf> => tensorOf('int64', [], [BigInt(count)])
const windows = [{ name: 'periodic', inputs: [size(7)] }, { name: 'symmetric-float64', inputs: [size(6)], attributes: { periodic: 0, output_datatype: 'float64' } }]

export const signalCases: Cases = [
  ['DFT', [
    { name: 'real-of-6', inputs: [f64([1, -2, 3, 0.5, 0, 4], [1, 6, 1])] },
    { name: 'padded-to-5', inputs: [f64([1, -2, 3, 0.5, 0, 4], [1, 3, 2]), size(5)] },
    { name: 'one-sided-inverse', inputs: [f64([6, 0, -1, 2, 3, 0], [1, 3, 2])], attributes: { inverse: 1, onesided: 1 } },
  ]],
  ['HannWindow', windows],
  ['HammingWindow', windows],
  ['BlackmanWindow', windows],
]
