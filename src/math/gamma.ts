// Gamma and its relatives. gamma: 1 / Gamma(1 + v) on |v| <= 1/2 and a double-double product of the recurrence.
// lgamma and digamma: polynomials that factor out the zeros on [1/2, 3], Stirling's series from 8 on.
import { productTail } from './exact.ts'
import { log } from './log.ts'
import { cos, sin } from './trig.ts'

const PI = 3.141592653589793

/** 1 / Gamma(1 + v) - 1, |v| <= 1/2. */
function inverseGammaTail(v: number): number {
  return v * (0.5772156649015329 + v * (-0.6558780715202539 + v * (-0.04200263503409524 + v * (0.1665386113822917 + v * (
    -0.04219773455554432 + v * (-0.009621971527885256 + v * (0.00721894324666241 + v * (-0.0011651675916885258 + v * (
    -0.00021524167410079872 + v * (0.000128050280414672 + v * (-2.0134854943949705e-5 + v * (
    -1.25048005653128e-6 + v * (1.133028335412651e-6 + v * (-2.0568716058005746e-7 + v * (6.111757978367613e-9 + v * (
    5.116656432802304e-9 + v * -1.1721449739554431e-9))))))))))))))))
}

/** Gamma function; NaN at negative integers and -Infinity, signed infinity at signed zero. Below 2 ulp. */
export function gamma(x: number): number {
  if (x !== x || x === -Infinity) return NaN
  if (x === 0) return 1 / x
  if (x > 171.7) return Infinity
  const nearest = Math.floor(x + 0.5)
  const v = x - nearest // exact
  if (x < 0 && v === 0) return NaN
  if (x < -185) return Math.floor(x * 0.5) * 2 === Math.floor(x) ? 0 : 1 / -Infinity
  // Long products start at 2^-300, so that neither they nor the split inside productTail overflow.
  const long = Math.abs(nearest) > 3
  const start = long ? 4.909093465297727e-91 : 1
  let high: number = start
  let low: number = 0
  const up = x >= 1.5
  // up: Gamma(x) = (x-1)(x-2)...(1+v) Gamma(1+v); down: Gamma(x) = Gamma(1+v) / (x (x+1) ... v)
  const count = up ? nearest - 1 : 1 - nearest
  for (let i: number = 0; i < count; i++) {
    const factor = up ? x - 1 - i : x + i
    const product = high * factor
    low = low * factor + productTail(high, factor, product)
    high = product
  }
  const tail = inverseGammaTail(v)
  const unit = 1 + tail
  const unitLow = tail - (unit - 1)
  if (up) {
    const q = high / unit
    const p = q * unit
    return (q + (high - p - productTail(q, unit, p) + (low - q * unitLow)) / unit) * (long ? 2.037035976334486e90 : 1)
  }
  const d = high * unit
  const dLow = productTail(high, unit, d) + (low * unit + high * unitLow)
  const q = start / d
  if (!long && Math.abs(q) > 1e290) return q // near 0, where q * d would lose its tail
  const p = q * d
  return q + (start - p - productTail(q, d, p) - q * dLow) / d
}

/** lgamma(x) / ((x - 1)(x - 2)) on [1/2, 1], t = x - 3/4. */
function lgammaA(t: number): number {
  return 0.6504990445801452 + t * (-0.35235940133201404 + t * (0.29408536722443845 + t * (-0.28891120177364593 + t * (
    0.3072613943483002 + t * (-0.34197894986871663 + t * (0.39194610263425644 + t * (-0.45856511641318315 + t * (
    0.5448302638681655 + t * (-0.6551522879864542 + t * (0.795486788783639 + t * (-0.973637261111082 + t * (
    1.1997449606727315 + t * (-1.4871765819103233 + t * (1.8522962958027416 + t * (-2.3090685627531586 + t * (
    2.899296909064626 + t * (-3.796027559369021 + t * (4.799777190724007 + t * (-4.476680470283588 + t * (
    5.6703558519252795 + t * (-17.49459768201927 + t * 22.36747717222111)))))))))))))))))))))
}

/** The same on [1, 2], t = x - 3/2. */
function lgammaB(t: number): number {
  return 0.4831289505409809 + t * (-0.14595989591430608 + t * (0.06291140107456494 + t * (-0.031308487501009494 + t * (
    0.016797098631185916 + t * (-0.009425622448625905 + t * (0.005446457844650585 + t * (-0.003212074069736748 + t * (
    0.0019229161355079497 + t * (-0.0011644146716071257 + t * (0.0007115223848906008 + t * (
    -0.00043799193485690124 + t * (0.00027127505354773154 + t * (-0.00016892719402703723 + t * (
    0.00010564474884131882 + t * (-6.609271409301556e-5 + t * (4.1635136148902716e-5 + t * (
    -2.7356444761067124e-5 + t * (1.734263784459851e-5 + t * (-8.07952925042159e-6 + t * (5.129828644815147e-6 + t * (
    -7.970873319492813e-6 + t * 5.1046182161001864e-6)))))))))))))))))))))
}

/** The same on [2, 3], t = x - 5/2. */
function lgammaC(t: number): number {
  return 0.37957716063055885 + t * (-0.07466357415449942 + t * (0.01990515430474318 + t * (-0.006018768527033188 + t * (
    0.0019490574889487018 + t * (-0.0006586397067739795 + t * (0.00022905363739927705 + t * (
    -8.130228881990515e-5 + t * (2.9299284312449592e-5 + t * (-1.0682329332621241e-5 + t * (3.930575906345698e-6 + t * (
    -1.457022694289878e-6 + t * (5.436564684414454e-7 + t * (-2.0380010719173372e-7 + t * (7.573826671079655e-8 + t * (
    -2.8618147642799965e-8 + t * (1.2966891078973113e-8 + t * -4.934519518036778e-9))))))))))))))))
}

/** Stirling's remainder times x, w = 1 / x^2, x >= 8. */
function stirlingTail(w: number): number {
  return 0.08333333333333333 + w * (-0.0027777777777777744 + w * (0.0007936507936450394 + w * (
    -0.0005952380914267584 + w * (0.000841749570821735 + w * (-0.0019172870549873167 + w * (0.006383321998546928 + w * (
    -0.02774273914089839 + w * 0.11001551365994706)))))))
}

/** log |Gamma(x)|; Infinity at the poles. Negative arguments lose relative accuracy near the zeros. */
export function lgamma(x: number): number {
  if (x !== x) return x
  if (x - x !== 0) return Infinity
  if (x <= 0) {
    if (Math.floor(x) === x) return Infinity
    if (x > -1e-17) return -log(-x)
    return log(PI / Math.abs(x * sinPi(x))) - lgamma(-x)
  }
  if (x < 0.5) return x < 1e-17 ? -log(x) : x * (x - 1) * lgammaB(x - 0.5) - log(x)
  if (x < 1) return (x - 1) * (x - 2) * lgammaA(x - 0.75)
  if (x <= 2) return (x - 1) * (x - 2) * lgammaB(x - 1.5) + 0 // no -0 at 1
  if (x <= 3) return (x - 1) * (x - 2) * lgammaC(x - 2.5)
  if (x < 8) {
    let product: number = 1
    let y: number = x
    while (y > 3) {
      y -= 1
      product *= y
    }
    return log(product) + (y - 1) * (y - 2) * lgammaC(y - 2.5)
  }
  // (x - 1/2)(log x - 1) - 1/2 + log(2 pi) / 2 + S
  const l = log(x) - 1
  if (x > 1e17) return x * l
  return (x - 0.5) * l + (0.4189385332046727 + stirlingTail(1 / (x * x)) / x)
}

/** sin(pi x), the argument reduced exactly. */
function sinPi(x: number): number {
  const n = Math.floor(x + 0.5)
  const s = sin(PI * (x - n))
  return Math.floor(0.5 * n) === 0.5 * n ? s : -s
}

/** digamma(x) / (x - root) on [1, 2], t = x - 3/2. */
function digammaA(t: number): number {
  return 0.9510558760318328 + t * (-0.4236274212814606 + t * (0.24054248424078697 + t * (-0.14840492305388092 + t * (
    0.09498872445289039 + t * (-0.06192213327548831 + t * (0.040760833940846085 + t * (-0.026975796659787055 + t * (
    0.017907248317313294 + t * (-0.011908220105959716 + t * (0.007927021796868154 + t * (-0.005279937255532708 + t * (
    0.003518106563802472 + t * (-0.0023454947397380833 + t * (0.0015633696313653504 + t * (
    -0.0010364584817312839 + t * (0.0006909255761282986 + t * (-0.00048595039220036254 + t * (
    0.00032395945401345196 + t * (-0.00014480643368061614 + t * (9.653646261410062e-5 + t * (
    -0.0001782188548855923 + t * 0.00011881232908510335)))))))))))))))))))))
}

/** (log x - 1/(2x) - digamma(x)) / w, w = 1 / x^2, x >= 8. */
function digammaTail(w: number): number {
  return 0.08333333333333333 + w * (-0.008333333333333273 + w * (0.003968253968150777 + w * (
    -0.00416666659826388 + w * (0.007575734736121216 + w * (-0.02108847654722253 + w * (0.08284662475582033 + w * (
    -0.41039190009861876 + w * 1.7723432894479012)))))))
}

/** Logarithmic derivative of gamma; NaN at negative integers, -+Infinity at +-0. */
export function digamma(x: number): number {
  if (x === 0) return -1 / x
  if (x !== x || x === -Infinity) return NaN
  if (x < 0) {
    const v = x - Math.floor(x + 0.5)
    if (v === 0) return NaN
    return digamma(1 - x) - (PI * cos(PI * v)) / sin(PI * v)
  }
  let y: number = x
  let sum: number = 0
  if (x < 1) {
    sum = -1 / x
    y = x + 1
  } else if (x < 8) {
    while (y > 2) {
      y -= 1
      sum += 1 / y
    }
  } else {
    const w = 1 / (x * x)
    return log(x) - (0.5 / x + w * digammaTail(w))
  }
  // The positive root in two pieces keeps the relative accuracy beside it.
  return (y - 1.4616321449683622 - 9.549995429965697e-17) * digammaA(y - 1.5) + sum
}
