// Error function and normal distribution function: a polynomial below 0.84375, e^(-x^2) G(x) beyond, with x^2 in two
// pieces (the split of Cody, Math. Comp. 23, 1969; the polynomials are our own).
import { pow2 } from './bits.ts'
import { productTail } from './exact.ts'
import { exp, expTail, INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from './exp.ts'

/** erf(x) = x (1 + E(z)), z = x^2 <= 0.712. */
function erfTail(z: number): number {
  return 0.1283791670955126 + z * (-0.37612638903183754 + z * (0.11283791670955119 + z * (-0.026866170645129195 + z * (
    0.0052239776254091085 + z * (-0.0008548327020282098 + z * (0.00012055332786789778 + z * (
    -1.4925642307895309e-5 + z * (1.646188646025385e-6 + z * (-1.6361401594512728e-7 + z * (
    1.4748383049793128e-8 + z * (-1.1782540187183761e-9 + z * 6.792271255793785e-11)))))))))))
}

/** e^(x^2) erfc(x) on [0.5, 1.25], without its constant term, t = x - 0.875. */
function scaledErfcA(t: number): number {
  return t * (-0.31583389649084265 + t * (0.18795692377318265 + t * (-0.10091439212598935 + t * (0.04982841533131242 + t * (
    -0.022925811501034087 + t * (0.00992277676573809 + t * (-0.004069537103430228 + t * (0.0015904826599804477 + t * (
    -0.0005950908479964899 + t * (0.00021396025188634245 + t * (-7.406804083041756e-5 + t * (
    2.4818088752502277e-5 + t * (-8.486609789332904e-6 + t * 2.667081891161544e-6)))))))))))))
}

/** The same on [1.25, 2.25], t = x - 1.75. */
function scaledErfcB(t: number): number {
  return t * (-0.1309763455144852 + t * (0.05576363008708727 + t * (-0.02225999524138917 + t * (0.008404319207329055 + t * (
    -0.0030209746513779716 + t * (0.0010392045224333361 + t * (-0.0003435333546547611 + t * (
    0.0001095052887596298 + t * (-3.375533949775925e-5 + t * (1.0086679472532009e-5 + t * (
    -2.9280568541038017e-6 + t * (8.271612171991292e-7 + t * (-2.2725398650427258e-7 + t * (6.10957166942204e-8 + t * (
    -1.7231936922238056e-8 + t * 4.417492923119904e-9)))))))))))))))
}

/** x e^(x^2) erfc(x) on [2.25, 4.5], without its constant term, t = 1/x - 1/3. */
function scaledErfcC(t: number): number {
  return t * (-0.14295934043884223 + t * (-0.11537284741574183 + t * (0.19568021007925826 + t * (-0.10262206224374276 + t * (
    -0.0966576742230637 + t * (0.2759999782804278 + t * (-0.28477052393359015 + t * (0.01887939049161577 + t * (
    0.48308171725680465 + t * (-0.9578351749288246 + t * (0.924275487396759 + t * (0.16045927546432665 + t * (
    -2.6821257687157654 + t * 5.060763672825237)))))))))))))
}

/** The same on [4.5, 28], t = 1/x^2 - 0.025329113126732174. */
function scaledErfcD(t: number): number {
  return t * (-0.26248400402399213 + t * (0.35476473241140244 + t * (-0.7664439937826207 + t * (2.2285056345848426 + t * (
    -8.025156979494627 + t * (34.088397823421786 + t * (-165.42960670655847 + t * (896.7951461926826 + t * (
    -5319.83842044221 + t * (34334.240438753106 + t * (-267881.737751069 + t * 2006614.6803148899)))))))))))
}

/** erfc(x + xLow) for x in [0.5, 28], given (x + xLow)^2 = square + squareLow. */
function erfcDore(x: number, xLow: number, square: number, squareLow: number): number {
  let head: number = 0.464311583202669
  let tail: number = -1.851963727754574e-17
  if (x < 2.25) {
    if (x < 1.25) tail += scaledErfcA(x - 0.875)
    else {
      head = 0.2849722347374364
      tail = 8.539813023973122e-18 + scaledErfcB(x - 1.75)
    }
    // d/dx e^(x^2) erfc(x) = 2 x e^(x^2) erfc(x) - 2 / sqrt(pi)
    tail += xLow * (2 * x * (head + tail) - 1.1283791670955126)
  } else if (x < 4.5) {
    head = 0.5370034535441699
    tail = -4.1391949202681846e-17 + scaledErfcC(1 / x - 0.3333333333333333)
  } else {
    head = 0.557300026124292
    tail = -4.0580077482776254e-17 + scaledErfcD(1 / square - 0.025329113126732174)
  }
  const g = head + tail
  const gLow = head - g + tail
  const k = -square * INV_LN2 + ROUND - ROUND
  const high = -square - k * LN2_HIGH
  const low = -squareLow - k * LN2_LOW
  const r = high + low
  const s = 1 + r
  const sLow = r - (s - 1) + (high - r + low + r * r * expTail(r))
  const a = s * g
  const aLow = productTail(s, g, a) + (sLow * g + s * gLow)
  let y = a + aLow
  if (x >= 2.25) {
    const q = a / x
    const p = q * x
    y = q + (a - p - productTail(q, x, p) + (aLow - q * xLow)) / x
  }
  return k >= -1000 ? y * pow2(k) : y * pow2(k + 200) * 6.223015277861142e-61
}

/** Error function. */
export function erf(x: number): number {
  const ax = Math.abs(x)
  if (ax < 0.84375) {
    // Scaled, so that the smallest arguments do not lose the product to underflow.
    if (ax < 1e-8) return 0.0625 * (16 * x + 16 * x * 0.1283791670955126)
    return x + x * erfTail(x * x)
  }
  if (!(ax < 6)) return x !== x ? x : x > 0 ? 1 : -1
  const square = ax * ax
  const y = 1 - erfcDore(ax, 0, square, productTail(ax, ax, square))
  return x < 0 ? -y : y
}

/** 1 - erf(x) without cancellation. */
export function erfc(x: number): number {
  const ax = Math.abs(x)
  if (x < 0.5 && x > -0.84375) {
    const t = x * erfTail(x * x)
    return x < 0.25 ? 1 - (x + t) : 0.5 - (x - 0.5 + t)
  }
  if (!(ax < 28)) return x !== x ? x : x > 0 ? 0 : 2
  if (x < -6) return 2
  const square = ax * ax
  const y = erfcDore(ax, 0, square, productTail(ax, ax, square))
  return x < 0 ? 2 - y : y
}

/** The standard normal distribution function, erfc(-x / sqrt 2) / 2 with x / sqrt 2 in two pieces. */
export function normalCdf(x: number): number {
  const ax = Math.abs(x)
  if (!(ax < 39)) return x !== x ? x : x > 0 ? 1 : 0
  const u = ax * 0.7071067811865476
  const uLow = productTail(ax, 0.7071067811865476, u) - ax * 4.833646656726457e-17
  if (u < 0.84375) {
    const z = u * u
    // d erf / dx = 2 / sqrt(pi) e^(-x^2)
    const t = u * erfTail(z) + uLow * 1.1283791670955126 * exp(-z)
    if (x >= 0) return 0.5 + 0.5 * (u + t)
    if (u < 0.5) return 0.5 - 0.5 * (u + t)
  }
  const square = 0.5 * ax * ax
  const y = 0.5 * erfcDore(u, uLow, square, 0.5 * productTail(ax, ax, ax * ax))
  return x < 0 ? y : 1 - y
}
