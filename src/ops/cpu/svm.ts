// Decisions, votes and probabilities over pairs of classes.
import { exp } from '../../math/exp.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { classStarts } from './class-starts.ts'
import { float64Of } from './nest.ts'

// K [rows, vectors] f64, coefficients [classes - 1, vectors] f64, intercepts [pairs] f64, counts [classes] i32; out [rows, pairs] f64
function makeSvmDecision({ constants }: KernelContext): Kernel {
  const constant = constants[3] === undefined || constants[1] === undefined ? undefined : classStarts(constants[3], constants[1].shape[1])
  return ([kernelView, coefView, interceptView, countView], [outView]) => {
    const kernels = float64Of(kernelView)
    const coefficients = float64Of(coefView)
    const intercepts = float64Of(interceptView)
    const out = float64Of(outView)
    const [rows, nVectors] = (kernelView as View).shape
    const starts = constant ?? classStarts(countView, nVectors)
    const nClasses = starts.length - 1
    let at = 0
    for (let r = 0, k = 0; r < rows; r++, k += nVectors) {
      for (let a = 0, pair = 0; a < nClasses; a++) {
        for (let b = a + 1; b < nClasses; b++, pair++) {
          let sum = 0
          for (let v = starts[a], c = (b - 1) * nVectors; v < starts[a + 1]; v++) sum += coefficients[c + v] * kernels[k + v]
          for (let v = starts[b], c = a * nVectors; v < starts[b + 1]; v++) sum += coefficients[c + v] * kernels[k + v]
          out[at++] = sum + intercepts[pair]
        }
      }
    }
  }
}

// D [rows, pairs] f64; out [rows, classes] f64
function makePairVotes({ attributes }: KernelContext): Kernel {
  const nClasses = int(attributes, 'classes', 2)
  return ([decisionView], [outView]) => {
    const decisions = float64Of(decisionView)
    const votes = float64Of(outView).fill(0)
    for (let at = 0, pair = 0; at < votes.length; at += nClasses) {
      for (let a = 0; a < nClasses; a++) for (let b = a + 1; b < nClasses; b++, pair++) votes[at + (decisions[pair] > 0 ? a : b)]++
    }
  }
}

// second [rows, pairs] bool, confidence [rows, pairs] f64; out [rows, classes] f64
function makePairScores({ attributes }: KernelContext): Kernel {
  const nClasses = int(attributes, 'classes', 2)
  const sums = new Float64Array(nClasses)
  return ([secondView, confidenceView], [outView]) => {
    const second = (secondView as View).data as Uint8Array
    const confidence = float64Of(confidenceView)
    const out = float64Of(outView).fill(0)
    for (let at = 0, pair = 0; at < out.length; at += nClasses) {
      sums.fill(0)
      for (let a = 0; a < nClasses; a++) {
        for (let b = a + 1; b < nClasses; b++, pair++) {
          sums[a] -= confidence[pair]
          sums[b] += confidence[pair]
          out[at + (second[pair] === 0 ? a : b)]++
        }
      }
      for (let c = 0; c < nClasses; c++) out[at + c] += sums[c] / (3 * (Math.abs(sums[c]) + 1))
    }
  }
}

const CLOSEST = 1e-7

function sigmoid(x: number): number {
  return x >= 0 ? exp(-x) / (1 + exp(-x)) : 1 / (1 + exp(x))
}

// Algorithm 2 of Wu, Lin and Weng. q [k, k], qp [k] scratch; p [k] at `at`
function couple(k: number, q: Float64Array, qp: Float64Array, p: Float64Array, at: number): void {
  const maxIterations = Math.max(100, k)
  const tolerance = 0.005 / k
  for (let t = 0; t < k; t++) p[at + t] = 1 / k
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    // Computed afresh, as updates gather rounding errors.
    let pqp = 0
    for (let t = 0; t < k; t++) {
      let sum = 0
      for (let j = 0; j < k; j++) sum += q[t * k + j] * p[at + j]
      qp[t] = sum
      pqp += p[at + t] * sum
    }
    let error = 0
    for (let t = 0; t < k; t++) error = Math.max(error, Math.abs(qp[t] - pqp))
    if (error < tolerance) return
    for (let t = 0; t < k; t++) {
      const step = (pqp - qp[t]) / q[t * k + t]
      const scale = 1 + step
      p[at + t] += step
      pqp = (pqp + step * (step * q[t * k + t] + 2 * qp[t])) / scale / scale
      for (let j = 0; j < k; j++) {
        qp[j] = (qp[j] + step * q[t * k + j]) / scale
        p[at + j] /= scale
      }
    }
  }
}

// D [rows, pairs] f64, a and b [pairs] f64; out [rows, classes] f64
function makePairCoupling({ attributes }: KernelContext): Kernel {
  const k = int(attributes, 'classes', 2)
  const nPairs = (k * (k - 1)) / 2
  const r = new Float64Array(k * k)
  const q = new Float64Array(k * k)
  const qp = new Float64Array(k)
  return ([decisionView, aView, bView], [outView]) => {
    const decisions = float64Of(decisionView)
    const slopes = float64Of(aView)
    const offsets = float64Of(bView)
    const out = float64Of(outView)
    for (let at = 0, first = 0; at < out.length; at += k, first += nPairs) {
      for (let i = 0, pair = 0; i < k; i++) {
        for (let j = i + 1; j < k; j++, pair++) {
          const p = Math.min(Math.max(sigmoid(decisions[first + pair] * slopes[pair] + offsets[pair]), CLOSEST), 1 - CLOSEST)
          r[i * k + j] = p
          r[j * k + i] = 1 - p
        }
      }
      for (let t = 0; t < k; t++) {
        let diagonal = 0
        for (let j = 0; j < k; j++) {
          if (j === t) continue
          diagonal += r[j * k + t] * r[j * k + t]
          q[t * k + j] = -r[j * k + t] * r[t * k + j]
        }
        q[t * k + t] = diagonal
      }
      couple(k, q, qp, out, at)
    }
  }
}

export const svmKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.SvmDecision', { make: makeSvmDecision }],
  ['mle.PairVotes', { make: makePairVotes }],
  ['mle.PairScores', { make: makePairScores }],
  ['mle.PairCoupling', { make: makePairCoupling }],
]
