// Functions of WGSL that kernels call by name; a shader gets those it uses. WGSL's own exp, log, tanh, sin, ... may be off by many units
// in the last place, and may assume that NaN and infinity never occur: here are float32 algorithms within 2 ulp that find those by
// their bits. exp, log, tanh, the inverse functions and pow follow fdlibm's float32 methods (https://www.netlib.org/fdlibm/).

/** Function by name, without its dependencies; those are found by the names in its text. */
const FUNCTIONS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  // Variables, not constants: a compiler may refuse or fold a constant NaN.
  ['mle_nan', 'var<private> mle_nan_bits: u32 = 0x7fc00000u;\nfn mle_nan() -> f32 { return bitcast<f32>(mle_nan_bits); }'],
  ['mle_inf', 'var<private> mle_inf_bits: u32 = 0x7f800000u;\nfn mle_inf() -> f32 { return bitcast<f32>(mle_inf_bits); }'],
  ['mle_bits', 'fn mle_bits(x: f32) -> u32 { return bitcast<u32>(x) & 0x7fffffffu; }'],
  ['mle_is_nan', 'fn mle_is_nan(x: f32) -> bool { return mle_bits(x) > 0x7f800000u; }'],
  ['mle_is_inf', 'fn mle_is_inf(x: f32) -> bool { return mle_bits(x) == 0x7f800000u; }'],
  ['mle_is_finite', 'fn mle_is_finite(x: f32) -> bool { return mle_bits(x) < 0x7f800000u; }'],
  ['mle_negative', 'fn mle_negative(x: f32) -> bool { return (bitcast<u32>(x) >> 31u) != 0u; }'],
  ['mle_copysign', 'fn mle_copysign(x: f32, s: f32) -> f32 { return bitcast<f32>(mle_bits(x) | (bitcast<u32>(s) & 0x80000000u)); }'],
  // Comparisons go by bits, which devices that take subnormal numbers for zero keep: -0 and 0 are equal.
  ['mle_key', 'fn mle_key(x: f32) -> i32 { let b = bitcast<i32>(x); return select(b, -(b & 0x7fffffff), b < 0); }'],
  ['mle_negate', 'fn mle_negate(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ 0x80000000u); }'],
  ['mle_abs', 'fn mle_abs(x: f32) -> f32 { return bitcast<f32>(mle_bits(x)); }'],
  ['mle_max', `fn mle_max(a: f32, b: f32) -> f32 {
  if (mle_is_nan(a)) { return a; }
  if (mle_is_nan(b)) { return b; }
  let p = mle_key(a);
  let q = mle_key(b);
  if (p == q) { return bitcast<f32>(bitcast<u32>(a) & bitcast<u32>(b)); }
  return select(b, a, p > q);
}`],
  ['mle_min', `fn mle_min(a: f32, b: f32) -> f32 {
  if (mle_is_nan(a)) { return a; }
  if (mle_is_nan(b)) { return b; }
  let p = mle_key(a);
  let q = mle_key(b);
  if (p == q) { return bitcast<f32>(bitcast<u32>(a) | bitcast<u32>(b)); }
  return select(b, a, p < q);
}`],
  ['mle_equal', 'fn mle_equal(a: f32, b: f32) -> bool { return mle_key(a) == mle_key(b) && !mle_is_nan(a) && !mle_is_nan(b); }'],
  ['mle_less', 'fn mle_less(a: f32, b: f32) -> bool { return mle_key(a) < mle_key(b) && !mle_is_nan(a) && !mle_is_nan(b); }'],
  ['mle_less_equal', 'fn mle_less_equal(a: f32, b: f32) -> bool { return mle_key(a) <= mle_key(b) && !mle_is_nan(a) && !mle_is_nan(b); }'],
  ['mle_relu', 'fn mle_relu(x: f32) -> f32 { return select(select(0.0, x, bitcast<i32>(x) > 0), x, mle_is_nan(x)); }'],
  ['mle_sign', 'fn mle_sign(x: f32) -> f32 { let k = mle_key(x); return select(select(select(-1.0, 1.0, k > 0), x, k == 0), x, mle_is_nan(x)); }'],
  ['mle_round', 'fn mle_round(x: f32) -> f32 { if (!(mle_bits(x) < 0x4b000000u)) { return x; } return mle_copysign(round(abs(x)), x); }'],
  ['mle_floor', 'fn mle_floor(x: f32) -> f32 { if (!(mle_bits(x) < 0x4b000000u) || mle_bits(x) == 0u) { return x; } if (mle_bits(x) < 0x3f800000u) { return select(0.0, -1.0, mle_negative(x)); } return floor(x); }'],
  ['mle_ceil', 'fn mle_ceil(x: f32) -> f32 { if (!(mle_bits(x) < 0x4b000000u) || mle_bits(x) == 0u) { return x; } if (mle_bits(x) < 0x3f800000u) { return select(1.0, bitcast<f32>(0x80000000u), mle_negative(x)); } return mle_copysign(ceil(x), x); }'],
  // Truncated and saturating, and NaN is 0.
  ['mle_to_i32', `fn mle_to_i32(x: f32) -> i32 {
  if (mle_is_nan(x)) { return 0i; }
  if (x >= 2147483648.0) { return 2147483647i; }
  if (x <= -2147483648.0) { return -2147483647i - 1i; }
  return i32(trunc(x));
}`],
  // float16 has 10 bits after the point, and steps of 2^-24 below 2^-14; ties to even.
  ['mle_round_half', `fn mle_round_half(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a >= 0x7f800000u) { return x; }
  if (a >= 0x477ff000u) { return mle_copysign(mle_inf(), x); }
  if (a < 0x38800000u) { return mle_copysign(round(bitcast<f32>(a) * 16777216.0) * 5.9604645e-8, x); }
  return mle_copysign(bitcast<f32>((a + 0xfffu + ((a >> 13u) & 1u)) & 0xffffe000u), x);
}`],
  // y 2^k in two steps, each in range.
  ['mle_scale', `fn mle_scale(y: f32, k: i32) -> f32 {
  let half = k / 2;
  return y * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(k - half + 127) << 23u);
}`],
  ['mle_exp', `fn mle_exp(x: f32) -> f32 {
  if (mle_is_nan(x)) { return x; }
  if (x > 88.72284) { return mle_inf(); }
  if (x < -103.972084) { return 0.0; }
  let k = i32(floor(x * 1.442695 + 0.5));
  let n = f32(k);
  let high = x - n * 0.693145752;
  let low = n * 1.42860677e-6;
  let r = high - low;
  let z = r * r;
  let c = r - z * (0.166666254 - z * 0.00276673329);
  let y = 1.0 + (r * c / (2.0 - c) - low + high);
  return mle_scale(y, k);
}`],
  ['mle_expm1', `fn mle_expm1(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u) { return x; }
  if (a >= 0x4195b844u) {
    if (mle_negative(x)) { return -1.0; }
    if (x > 88.72168) { return mle_inf(); }
  }
  if (a < 0x33000000u) { return x; }
  var k = 0;
  var r = x;
  var c = 0.0;
  if (a > 0x3eb17218u) {
    k = i32(floor(x * 1.442695 + 0.5));
    if (k == 0) { k = select(1, -1, x < 0.0); }
    let n = f32(k);
    let high = x - n * 0.693138123;
    let low = n * 9.05800061e-6;
    r = high - low;
    c = (high - r) - low;
  }
  let half = 0.5 * r;
  let h = r * half;
  let r1 = 1.0 + h * (-0.0333332121 + h * 0.00158070423);
  let t = 3.0 - r1 * half;
  var e = h * ((r1 - t) / (6.0 - r * t));
  if (k == 0) { return r - (r * e - h); }
  e = r * (e - c) - c;
  e -= h;
  if (k == -1) { return 0.5 * (r - e) - 0.5; }
  if (k == 1) {
    if (r < -0.25) { return -2.0 * (e - (r + 0.5)); }
    return 1.0 + 2.0 * (r - e);
  }
  if (k < 0 || k > 56) { return mle_scale(r - e + 1.0, k) - 1.0; }
  let small = bitcast<f32>(u32(127 - k) << 23u);
  if (k < 23) { return mle_scale(r - e + (1.0 - small), k); }
  return mle_scale(r - (e + small) + 1.0, k);
}`],
  // log(1 + f) + k ln 2 by the polynomial in s = f / (2 + f)
  ['mle_log_core', `fn mle_log_core(f: f32, k: f32, c: f32) -> f32 {
  let s = f / (2.0 + f);
  let z = s * s;
  let w = z * z;
  let r = w * (0.400009722 + w * 0.242790788) + z * (0.666666627 + w * 0.284987867);
  let h = 0.5 * f * f;
  return s * (h + r) + (k * 9.05800061e-6 + c) - h + f + k * 0.693138123;
}`],
  ['mle_log', `fn mle_log(x: f32) -> f32 {
  var bits = bitcast<u32>(x);
  if (mle_is_nan(x)) { return x; }
  if ((bits & 0x7fffffffu) == 0u) { return -mle_inf(); }
  if ((bits >> 31u) != 0u) { return mle_nan(); }
  if (bits == 0x7f800000u) { return x; }
  var k = 0;
  // Subnormal numbers are read as integers, in case the device takes them for zero.
  if (bits < 0x00800000u) { bits = bitcast<u32>(f32(bits)); k = -149; }
  bits += 0x3f800000u - 0x3f3504f3u;
  k += i32(bits >> 23u) - 127;
  let m = bitcast<f32>((bits & 0x007fffffu) + 0x3f3504f3u);
  return mle_log_core(m - 1.0, f32(k), 0.0);
}`],
  ['mle_log1p', `fn mle_log1p(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u || a < 0x33800000u) { return x; }
  if (x <= -1.0) {
    if (x == -1.0) { return -mle_inf(); }
    return mle_nan();
  }
  if (a == 0x7f800000u) { return x; }
  if (x > -0.29289323 && x < 0.41421354) { return mle_log_core(x, 0.0, 0.0); }
  let w = 1.0 + x;
  var bits = bitcast<u32>(w) + (0x3f800000u - 0x3f3504f3u);
  let k = i32(bits >> 23u) - 127;
  var c = 0.0;
  if (k < 25) { c = select(x - (w - 1.0), 1.0 - (w - x), k >= 2) / w; }
  bits = (bits & 0x007fffffu) + 0x3f3504f3u;
  return mle_log_core(bitcast<f32>(bits) - 1.0, f32(k), c);
}`],
  ['mle_sigmoid', `fn mle_sigmoid(x: f32) -> f32 {
  if (mle_is_nan(x)) { return x; }
  if (x >= 0.0) { return 1.0 / (1.0 + mle_exp(-x)); }
  let e = mle_exp(x);
  return e / (1.0 + e);
}`],
  ['mle_softplus', 'fn mle_softplus(x: f32) -> f32 { if (mle_is_nan(x)) { return x; } return max(x, 0.0) + mle_log1p(mle_exp(-abs(x))); }'],
  ['mle_tanh', `fn mle_tanh(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u || a < 0x00800000u) { return x; }
  let w = bitcast<f32>(a);
  var t = 1.0;
  if (a <= 0x41200000u) {
    if (a > 0x3f0c9f54u) { t = 1.0 - 2.0 / (mle_expm1(2.0 * w) + 2.0); }
    else if (a > 0x3e82c578u) { let e = mle_expm1(2.0 * w); t = e / (e + 2.0); }
    else { let e = mle_expm1(-2.0 * w); t = -e / (e + 2.0); }
  }
  return mle_copysign(t, x);
}`],
  // e^x / 2 where e^x overflows
  ['mle_half_exp', 'fn mle_half_exp(x: f32) -> f32 { if (x > 89.5) { return mle_inf(); } return mle_exp(x - 162.889587) * 1.66153500e35 * 1.66153500e35; }'],
  ['mle_sinh', `fn mle_sinh(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a >= 0x7f800000u || a < 0x39800000u) { return x; }
  let w = bitcast<f32>(a);
  var y: f32;
  if (w < 88.0) {
    let t = mle_expm1(w);
    if (w < 1.0) { y = 0.5 * (2.0 * t - t * t / (t + 1.0)); }
    else { y = 0.5 * (t + t / (t + 1.0)); }
  } else { y = mle_half_exp(w); }
  return mle_copysign(y, x);
}`],
  ['mle_cosh', `fn mle_cosh(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u) { return x; }
  if (a == 0x7f800000u) { return mle_inf(); }
  let w = bitcast<f32>(a);
  if (w < 0.6931472) {
    let t = mle_expm1(w);
    return 1.0 + t * t / (2.0 * (1.0 + t));
  }
  if (w < 88.0) {
    let t = mle_exp(w);
    return 0.5 * (t + 1.0 / t);
  }
  return mle_half_exp(w);
}`],
  ['mle_asinh', `fn mle_asinh(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a >= 0x7f800000u || a < 0x39800000u) { return x; }
  let w = bitcast<f32>(a);
  var y: f32;
  if (w >= 4096.0) { y = mle_log(w) + 0.6931472; }
  else if (w >= 2.0) { y = mle_log(2.0 * w + 1.0 / (sqrt(w * w + 1.0) + w)); }
  else { y = mle_log1p(w + w * w / (sqrt(w * w + 1.0) + 1.0)); }
  return mle_copysign(y, x);
}`],
  ['mle_acosh', `fn mle_acosh(x: f32) -> f32 {
  if (mle_is_nan(x)) { return x; }
  if (x < 1.0) { return mle_nan(); }
  if (x == 1.0) { return 0.0; }
  if (x < 2.0) { let d = x - 1.0; return mle_log1p(d + sqrt(d * d + 2.0 * d)); }
  if (x < 4096.0) { return mle_log(2.0 * x - 1.0 / (x + sqrt(x * x - 1.0))); }
  return mle_log(x) + 0.6931472;
}`],
  ['mle_atanh', `fn mle_atanh(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u || a < 0x39000000u) { return x; }
  let w = bitcast<f32>(a);
  if (w > 1.0) { return mle_nan(); }
  if (w == 1.0) { return mle_copysign(mle_inf(), x); }
  var y: f32;
  if (w < 0.5) { y = 0.5 * mle_log1p(2.0 * w + 2.0 * w * w / (1.0 - w)); }
  else { y = 0.5 * mle_log1p(2.0 * (w / (1.0 - w))); }
  return mle_copysign(y, x);
}`],
  ['mle_asin_core', 'fn mle_asin_core(z: f32) -> f32 { return z * (0.166665867 + z * (-0.0427434221 + z * -0.008656363)) / (1.0 + z * -0.706629634); }'],
  ['mle_asin', `fn mle_asin(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u || a < 0x39800000u) { return x; }
  let w = bitcast<f32>(a);
  if (w > 1.0) { return mle_nan(); }
  if (w < 0.5) { return x + x * mle_asin_core(x * x); }
  let z = (1.0 - w) * 0.5;
  let s = sqrt(z);
  let d = mle_cut(s);
  let c = select((z - d * d) / (s + d), 0.0, s == 0.0);
  let p = 2.0 * s * mle_asin_core(z) - (7.54978942e-8 - 2.0 * c);
  return mle_copysign(0.785398126 - (p - (0.785398126 - 2.0 * d)), x);
}`],
  ['mle_acos', `fn mle_acos(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u) { return x; }
  if (a > 0x3f800000u) { return mle_nan(); }
  if (a < 0x3f000000u) { return 1.57079625 - (x - (7.54978942e-8 - x * mle_asin_core(x * x))); }
  if (mle_negative(x)) {
    let z = (1.0 + x) * 0.5;
    let s = sqrt(z);
    return 2.0 * (1.57079625 - (s + (mle_asin_core(z) * s - 7.54978942e-8)));
  }
  let z = (1.0 - x) * 0.5;
  if (z == 0.0) { return 0.0; }
  let s = sqrt(z);
  let d = bitcast<f32>(bitcast<u32>(s) & 0xfffff000u);
  let c = (z - d * d) / (s + d);
  return 2.0 * (d + (mle_asin_core(z) * s + c));
}`],
  ['mle_atan', `fn mle_atan(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u || a < 0x39800000u) { return x; }
  if (a >= 0x4c800000u) { return mle_copysign(1.57079637, x); }
  let w = bitcast<f32>(a);
  var high = 0.0;
  var low = 0.0;
  var r = w;
  if (a >= 0x3ee00000u) {
    if (w < 0.6875) { high = 0.463647604; low = 5.01215824e-9; r = (2.0 * w - 1.0) / (2.0 + w); }
    else if (w < 1.1875) { high = 0.785398126; low = 3.77489471e-8; r = (w - 1.0) / (w + 1.0); }
    else if (w < 2.4375) { high = 0.982793689; low = 3.44732172e-8; r = (w - 1.5) / (1.0 + 1.5 * w); }
    else { high = 1.57079625; low = 7.54978942e-8; r = -1.0 / w; }
  }
  let z = r * r;
  let v = z * z;
  let s = z * (0.333333284 + v * (0.142536357 + v * 0.0616876073)) + v * (-0.199991584 + v * -0.106480174);
  return mle_copysign(high - ((r * s - low) - r), x);
}`],
  ['mle_product_high', `fn mle_product_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let other = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (other >> 16u);
}`],
  // x modulo pi / 2 in [-pi / 4, pi / 4] and the quadrant: the product with 96 bits of 2 / pi, after Payne and Hanek.
  ['mle_quarter', `struct mle_Quarter { rest: f32, quadrant: u32 }
fn mle_two_over_pi(index: u32) -> u32 {
  var bits = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  return bits[index];
}
fn mle_quarter(x: f32) -> mle_Quarter {
  let a = mle_bits(x);
  if (a <= 0x3f490fdau) { return mle_Quarter(x, 0u); }
  let exponent = (a >> 23u) - 120u;
  let m = (a & 0x007fffffu) | 0x00800000u;
  let at = exponent >> 5u;
  let shift = exponent & 31u;
  var w0 = mle_two_over_pi(at);
  var w1 = mle_two_over_pi(at + 1u);
  var w2 = mle_two_over_pi(at + 2u);
  if (shift != 0u) {
    w0 = (w0 << shift) | (w1 >> (32u - shift));
    w1 = (w1 << shift) | (w2 >> (32u - shift));
    w2 = (w2 << shift) | (mle_two_over_pi(at + 3u) >> (32u - shift));
  }
  // The low 96 bits of m times the window; the top two of them are the quadrant.
  let p1 = mle_product_high(m, w2);
  var r1 = m * w1;
  var r0 = m * w0 + mle_product_high(m, w1);
  r1 += p1;
  if (r1 < p1) { r0 += 1u; }
  let r2 = m * w2;
  var quadrant = r0 >> 30u;
  var f0 = (r0 << 2u) | (r1 >> 30u);
  var f1 = (r1 << 2u) | (r2 >> 30u);
  var negative = false;
  if ((f0 >> 31u) != 0u) {
    quadrant += 1u;
    negative = true;
    f0 = ~f0;
    f1 = ~f1 + 1u;
    if (f1 == 0u) { f0 += 1u; }
  }
  var scale = 1.0 / 16777216.0;
  let lead = countLeadingZeros(f0);
  if (lead >= 32u) { f0 = f1; f1 = 0u; scale = scale / 4294967296.0; }
  else if (lead > 0u) { f0 = (f0 << lead) | (f1 >> (32u - lead)); f1 = f1 << lead; scale = scale * bitcast<f32>((127u - lead) << 23u); }
  let high = f32(f0 >> 8u) * scale;
  let low = f32(((f0 & 0xffu) << 16u) | (f1 >> 16u)) * scale / 16777216.0;
  let y = fma(high, 1.57079637, low * 1.57079637 + high * -4.37113883e-8);
  let rest = select(y, -y, negative != mle_negative(x));
  return mle_Quarter(rest, select(quadrant & 3u, (4u - quadrant) & 3u, mle_negative(x)));
}`],
  ['mle_sin_core', 'fn mle_sin_core(x: f32) -> f32 { let z = x * x; return ((-1.95152959e-4 * z + 8.33216087e-3) * z - 0.166666546) * z * x + x; }'],
  ['mle_cos_core', 'fn mle_cos_core(x: f32) -> f32 { let z = x * x; return ((2.44331571e-5 * z - 1.38873163e-3) * z + 0.0416666457) * z * z - 0.5 * z + 1.0; }'],
  ['mle_sin', `fn mle_sin(x: f32) -> f32 {
  if (!mle_is_finite(x)) { return mle_nan(); }
  if (mle_bits(x) < 0x39800000u) { return x; }
  let q = mle_quarter(x);
  let y = select(mle_sin_core(q.rest), mle_cos_core(q.rest), (q.quadrant & 1u) != 0u);
  return select(y, -y, (q.quadrant & 2u) != 0u);
}`],
  ['mle_cos', `fn mle_cos(x: f32) -> f32 {
  if (!mle_is_finite(x)) { return mle_nan(); }
  let q = mle_quarter(x);
  let y = select(mle_cos_core(q.rest), mle_sin_core(q.rest), (q.quadrant & 1u) != 0u);
  return select(y, -y, ((q.quadrant + 1u) & 2u) != 0u);
}`],
  ['mle_tan', `fn mle_tan(x: f32) -> f32 {
  if (!mle_is_finite(x)) { return mle_nan(); }
  if (mle_bits(x) < 0x39800000u) { return x; }
  let q = mle_quarter(x);
  let r = q.rest;
  let z = r * r;
  let y = (((((9.38540186e-3 * z + 3.11992233e-3) * z + 0.0244301355) * z + 0.0534112807) * z + 0.133387994) * z + 0.333331569) * z * r + r;
  if ((q.quadrant & 1u) != 0u) { return -1.0 / y; }
  return y;
}`],
  ['mle_erf_tail', `fn mle_erf_tail(z: f32) -> f32 {
  return 0.128379167 + z * (-0.376126389 + z * (0.112837917 + z * (-0.0268661706 + z * (0.00522397763 + z * (-8.54832827e-4 + z * (1.20553328e-4 + z * (-1.49256422e-5 + z * 1.64618865e-6)))))));
}`],
  // erfc(x) for x >= 0.5: e^(-x^2) times a polynomial of the range, with x^2 in two pieces
  ['mle_erfc_far', `fn mle_erfc_far(x: f32) -> f32 {
  if (x > 10.1) { return 0.0; }
  let high = bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
  let low = (x - high) * (x + high);
  var g: f32;
  if (x < 1.25) {
    let t = x - 0.875;
    g = 0.464311583 + t * (-0.315833896 + t * (0.187956924 + t * (-0.100914392 + t * (0.0498284153 + t * (-0.0229256616 + t * (0.00992277677 + t * (-0.0040695371 + t * (0.00159049266 + t * -5.95090848e-4))))))));
  } else if (x < 2.25) {
    let t = x - 1.75;
    g = 0.284972235 + t * (-0.130976346 + t * (0.0557636301 + t * (-0.0222599952 + t * (0.00840431921 + t * (-0.00302097465 + t * (0.00103920452 + t * (-3.43533355e-4 + t * (1.09505289e-4 + t * (-3.37553395e-5 + t * 1.00866795e-5)))))))));
  } else if (x < 4.5) {
    let t = 1.0 / x - 0.333333333;
    g = (0.537003454 + t * (-0.14295934 + t * (-0.115372847 + t * (0.19568021 + t * (-0.102622062 + t * (-0.0966576742 + t * (0.275999978 + t * (-0.284770524 + t * 0.0188793905)))))))) / x;
  } else {
    let t = 1.0 / (x * x) - 0.0253291131;
    g = (0.557300026 + t * (-0.262484004 + t * (0.354764732 + t * (-0.766443994 + t * (2.22850563 + t * (-8.02515698 + t * 34.0883978)))))) / x;
  }
  // e^(-h) e^(-low) = e^(-h) - e^(-h) (1 - e^(-low)); h is exact
  return mle_exp(-high * high) * (g + g * mle_expm1(-low));
}`],
  ['mle_erf', `fn mle_erf(x: f32) -> f32 {
  let a = mle_bits(x);
  if (a > 0x7f800000u) { return x; }
  let w = bitcast<f32>(a);
  if (w < 0.84375) {
    if (a < 0x01800000u) { return 0.0625 * (16.0 * x + 16.0 * x * 0.128379167); }
    return x + x * mle_erf_tail(x * x);
  }
  if (w >= 4.0) { return mle_copysign(1.0, x); }
  return mle_copysign(1.0 - mle_erfc_far(w), x);
}`],
  ['mle_erfc', `fn mle_erfc(x: f32) -> f32 {
  if (mle_is_nan(x)) { return x; }
  if (x < 0.5 && x > -0.84375) {
    let t = x * mle_erf_tail(x * x);
    if (x < 0.25) { return 1.0 - (x + t); }
    return 0.5 - (x - 0.5 + t);
  }
  if (x < 0.0) { return 2.0 - mle_erfc_far(-x); }
  return mle_erfc_far(x);
}`],
  ['mle_normal_cdf', `fn mle_normal_cdf(x: f32) -> f32 {
  if (mle_is_nan(x)) { return x; }
  return 0.5 * mle_erfc_scaled(-x);
}`],
  // erfc(x / sqrt 2), with x^2 / 2 from x itself: what the rounding of x / sqrt 2 would cost grows with x
  ['mle_erfc_scaled', `fn mle_erfc_scaled(x: f32) -> f32 {
  let u = x * 0.707106781;
  if (!(abs(u) > 0.5) || abs(u) > 13.0) { return mle_erfc(u); }
  let w = abs(u);
  let high = bitcast<f32>(bitcast<u32>(w) & 0xfffff000u);
  // x^2 / 2 - high^2 from products that are exact or small
  let xh = bitcast<f32>(bitcast<u32>(abs(x)) & 0xfffff000u);
  let xl = abs(x) - xh;
  let rest = (0.5 * xh * xh - high * high) + (xh * xl + 0.5 * xl * xl);
  let own = (w - high) * (w + high);
  let y = mle_erfc_far(w) * (1.0 + (own - rest));
  return select(y, 2.0 - y, u < 0.0);
}`],
  ['mle_gelu', `fn mle_gelu(x: f32) -> f32 {
  if (mle_is_inf(x)) { return select(x, -0.0, mle_negative(x)); }
  return 0.5 * x * mle_erfc_scaled(-x);
}`],
  ['mle_gelu_tanh', `fn mle_gelu_tanh(x: f32) -> f32 {
  if (mle_is_inf(x)) { return select(x, -0.0, mle_negative(x)); }
  return x * mle_sigmoid(1.59576912 * (x + 0.044715 * x * x * x));
}`],
  ['mle_mish', `fn mle_mish(x: f32) -> f32 {
  if (mle_is_inf(x)) { return select(x, -0.0, mle_negative(x)); }
  if (mle_is_nan(x) || x > 20.0) { return x; }
  // tanh(ln(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2)
  let e = mle_exp(x);
  let n = e * (e + 2.0);
  return x * (n / (n + 2.0));
}`],
  ['mle_swish', `fn mle_swish(x: f32, alpha: f32) -> f32 {
  let gate = mle_sigmoid(alpha * x);
  if (gate == 0.0) { return 0.0; }
  return x * gate;
}`],
  ['mle_softsign', 'fn mle_softsign(x: f32) -> f32 { if (mle_is_inf(x)) { return sign(x); } return x / (1.0 + abs(x)); }'],
  ['mle_xlogy', 'fn mle_xlogy(x: f32, y: f32) -> f32 { if (mle_bits(x) == 0u && !mle_is_nan(y)) { return 0.0; } return x * mle_log(y); }'],
  ['mle_fmod', `fn mle_fmod(x: f32, y: f32) -> f32 {
  let ax = mle_bits(x);
  let ay = mle_bits(y);
  if (ax >= 0x7f800000u || ay > 0x7f800000u || ay == 0u) { return mle_nan(); }
  if (ax < ay) { return x; }
  if (ax == ay) { return mle_copysign(0.0, x); }
  // Long division on the significands, a bit for each step of the exponent.
  var ex = i32(ax >> 23u);
  var ey = i32(ay >> 23u);
  var mx = ax & 0x007fffffu;
  var my = ay & 0x007fffffu;
  if (ex == 0) { ex = 1; } else { mx |= 0x00800000u; }
  if (ey == 0) { ey = 1; } else { my |= 0x00800000u; }
  while (ex > ey) {
    if (mx >= my) { mx -= my; }
    mx <<= 1u;
    ex -= 1;
  }
  if (mx >= my) { mx -= my; }
  if (mx == 0u) { return mle_copysign(0.0, x); }
  while (mx < 0x00800000u && ex > 1) { mx <<= 1u; ex -= 1; }
  var bits = mx;
  if (mx >= 0x00800000u) { bits = (mx & 0x007fffffu) | (u32(ex) << 23u); }
  return mle_copysign(bitcast<f32>(bits), x);
}`],
  ['mle_cut', 'fn mle_cut(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }'],
  // |x|^y for finite x > 0, with log2(x) in two pieces
  ['mle_pow_core', `fn mle_pow_core(x: f32, y: f32) -> f32 {
  var bits = mle_bits(x);
  var n = 0;
  var t1: f32;
  var t2: f32;
  if (mle_bits(y) > 0x4d000000u) {
    if (bits < 0x3f7ffff8u) { return select(0.0, mle_inf(), y < 0.0); }
    if (bits > 0x3f800007u) { return select(0.0, mle_inf(), y > 0.0); }
    let t = x - 1.0;
    let w = (t * t) * (0.5 - t * (0.333333333 - t * 0.25));
    let a = 1.44268799 * t;
    let b = t * 7.05260754e-6 - w * 1.44269502;
    t1 = mle_cut(a + b);
    t2 = b - (t1 - a);
  } else {
    if (bits < 0x00800000u) { bits = bitcast<u32>(f32(bits)); n = -149; }
    n += i32(bits >> 23u) - 127;
    let j = bits & 0x007fffffu;
    bits = j | 0x3f800000u;
    var point = 1.0;
    var head = 0.0;
    var tail = 0.0;
    var step = 0u;
    if (j > 0x1cc471u) {
      if (j < 0x5db3d7u) { point = 1.5; head = 0.584960938; tail = 1.56322085e-6; step = 0x00200000u; }
      else { n += 1; bits -= 0x00800000u; }
    }
    let a = bitcast<f32>(bits);
    let d = a - point;
    let v = 1.0 / (a + point);
    let s = d * v;
    let sh = mle_cut(s);
    let th = bitcast<f32>((((bits >> 1u) & 0xfffff000u) | 0x20000000u) + 0x00400000u + step);
    let tl = a - (th - point);
    let sl = v * ((d - sh * th) - sh * tl);
    let s2 = s * s;
    var r = s2 * s2 * (0.600000024 + s2 * (0.428571433 + s2 * (0.333333343 + s2 * (0.272728115 + s2 * (0.230660751 + s2 * 0.206975013)))));
    r += sl * (sh + s);
    let q = sh * sh;
    let h = mle_cut(3.0 + q + r);
    let l = r - ((h - 3.0) - q);
    let pu = sh * h;
    let pv = sl * h + l * s;
    let ph = mle_cut(pu + pv);
    let pl = pv - (ph - pu);
    let zh = 0.961914062 * ph;
    let zl = -1.17368574e-4 * ph + pl * 0.961796701 + tail;
    let k = f32(n);
    t1 = mle_cut(((zh + zl) + head) + k);
    t2 = zl - (((t1 - k) - head) - zh);
  }
  let y1 = mle_cut(y);
  var pl = (y - y1) * t1 + y * t2;
  var ph = y1 * t1;
  let z = pl + ph;
  if (mle_is_nan(z)) { return z; }
  if (z >= 128.0 && (z > 128.0 || pl + 4.29956557e-8 > z - ph)) { return mle_inf(); }
  if (z < -150.0) { return 0.0; }
  var e = 0;
  if (mle_bits(z) > 0x3f000000u) {
    e = i32(floor(z + 0.5));
    ph -= f32(e);
  }
  let t = bitcast<f32>(bitcast<u32>(pl + ph) & 0xffff8000u);
  let a = t * 0.693145752;
  let b = (pl - (t - ph)) * 0.693147182 + t * 1.42860654e-6;
  let c = a + b;
  let w = b - (c - a);
  let c2 = c * c;
  let g = c - c2 * (0.166666672 + c2 * (-0.00277777785 + c2 * (6.61375598e-5 + c2 * (-1.6533902e-6 + c2 * 4.13813694e-8))));
  let m = (c * g) / (g - 2.0) - (w + c * w);
  return mle_scale(1.0 - (m - c), e);
}`],
  ['mle_pow', `fn mle_pow(x: f32, y: f32) -> f32 {
  let ax = mle_bits(x);
  let ay = mle_bits(y);
  if (ay == 0u || bitcast<u32>(x) == 0x3f800000u) { return 1.0; }
  if (mle_is_nan(x) || mle_is_nan(y)) { return mle_nan(); }
  // 0: y is no integer, 1: odd, 2: even
  var kind = 0u;
  if (ay >= 0x4b800000u) { kind = 2u; }
  else if (ay >= 0x3f800000u) {
    let shift = 150u - (ay >> 23u);
    let m = (ay & 0x007fffffu) | 0x00800000u;
    let whole = m >> shift;
    if ((whole << shift) == m) { kind = 2u - (whole & 1u); }
  }
  let negative = mle_negative(x);
  if (ay == 0x7f800000u) {
    if (ax == 0x3f800000u) { return 1.0; }
    return select(0.0, mle_inf(), (ax > 0x3f800000u) != mle_negative(y));
  }
  if (ax == 0u || ax == 0x7f800000u) {
    let large = (ax != 0u) != mle_negative(y);
    let size = select(0.0, mle_inf(), large);
    return select(size, -size, negative && kind == 1u);
  }
  if (negative && kind == 0u) { return mle_nan(); }
  if (ax == 0x3f800000u) { return select(1.0, -1.0, negative && kind == 1u); }
  let size = mle_pow_core(bitcast<f32>(ax), y);
  return select(size, -size, negative && kind == 1u);
}`],
])

/** The functions that `code` calls, with what those call, in an order in which each comes before its use. */
export function libraryFor(code: string): string {
  const taken = new Set<string>()
  const texts: string[] = []
  const take = (text: string): void => {
    for (const [, name] of text.matchAll(/\b(mle_[a-z0-9_]+)\(/g)) {
      const own = FUNCTIONS.get(name)
      if (own === undefined || taken.has(name)) continue
      taken.add(name)
      take(own)
      texts.push(own)
    }
  }
  take(code)
  return texts.join('\n')
}

/** Names of all functions, for tests. */
export function libraryNames(): readonly string[] {
  return [...FUNCTIONS.keys()]
}
