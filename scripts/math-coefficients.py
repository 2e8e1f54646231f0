"""Prints the polynomial coefficients of src/math, by Chebyshev interpolation at 400 bits (mpmath). Usage: python3 scripts/math-coefficients.py

Each line: name, where it is used, and the coefficients, lowest power first, of the variable less `shift`. Interpolation in Chebyshev
nodes is within a factor of about 3 of the minimax error for these degrees, which is less than one more coefficient.
"""
from mpmath import asin, atan, atanh, cos, digamma, erf, erfc, exp, expm1, findroot, log, loggamma, lu_solve, matrix, mp, mpf, pi, polyval, rgamma, sin, sinh, sqrt
mp.prec = 400


def interpolate(f, a, b, degree, shift):
    a, b, shift = mpf(a), mpf(b), mpf(shift)
    middle, half, count = (a + b) / 2, (b - a) / 2, degree + 1
    nodes = [pi * (2 * j + 1) / (2 * count) for j in range(count)]
    values = [f(middle + half * cos(t)) for t in nodes]
    series = [2 / mpf(count) * sum(v * cos(k * t) for v, t in zip(values, nodes)) for k in range(count)]
    series[0] /= 2
    # Chebyshev series to powers of t, then t = (v - middle) / half to powers of v - shift.
    powers, previous, current = [mpf(0)] * count, [mpf(1)], [mpf(0), mpf(1)]
    for k, c in enumerate(series):
        for i, v in enumerate(previous):
            powers[i] += c * v
        following = [mpf(0)] + [2 * v for v in current]
        for i, v in enumerate(previous):
            following[i] -= v
        previous, current = current, following
    out = [mpf(0)]
    for c in reversed(powers):
        grown = [mpf(0)] * (len(out) + 1)
        for i, v in enumerate(out):
            grown[i] += v * (shift - middle) / half
            grown[i + 1] += v / half
        grown[0] += c
        out = grown
    return out[:count]


def near0(f):
    """f has a removable singularity at 0."""
    return lambda v: f(v) if abs(v) > mpf(2)**-90 else f(mpf(2)**-90)


def scaled_erfc(x):
    return exp(x * x) * erfc(x)


root = findroot(digamma, 1.4616)
z_log = ((sqrt(2) - 1) / (sqrt(2) + 1))**2 * mpf('1.001')
z_trig = (pi / 4)**2 * mpf('1.001')
shift_c = float((1 / mpf(2.25) + 1 / mpf(4.5)) / 2)
shift_d = float((1 / mpf(4.5)**2 + 1 / mpf(28)**2) / 2)
FITS = [
    ('expTail', near0(lambda r: (expm1(r) - r) / r**2), -mpf('0.3467'), mpf('0.3467'), 10, 0),
    ('atanhTail', near0(lambda z: (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z), 0, z_log, 6, 0),
    ('atanhTail4', near0(lambda z: (atanh(sqrt(z)) / sqrt(z) - 1 - z / 3) / z**2), 0, z_log, 8, 0),
    ('sinTail', near0(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z), 0, z_trig, 6, 0),
    ('cosTail', near0(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2), 0, z_trig, 6, 0),
    ('asinTail', near0(lambda z: (asin(sqrt(z)) / sqrt(z) - 1) / z), 0, .25, 12, 0),
    ('atanTail', near0(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z), 0, (mpf(7) / 16)**2 * mpf('1.001'), 11, 0),
    ('sinhTail', near0(lambda z: (sinh(sqrt(z)) / sqrt(z) - 1) / z), 0, 1, 8, 0),
    ('erfTail', near0(lambda z: erf(sqrt(z)) / sqrt(z) - 1), 0, mpf('0.84375')**2, 12, 0),
    ('scaledErfcA', scaled_erfc, .5, 1.25, 14, .875),
    ('scaledErfcB', scaled_erfc, 1.25, 2.25, 16, 1.75),
    ('scaledErfcC', lambda t: scaled_erfc(1 / t) / t, 1 / mpf(4.5), 1 / mpf(2.25), 14, shift_c),
    ('scaledErfcD', lambda t: scaled_erfc(1 / sqrt(t)) / sqrt(t), 1 / mpf(28)**2, 1 / mpf(4.5)**2, 12, shift_d),
    ('lgammaA', lambda x: loggamma(x) / ((x - 1) * (x - 2)), .5, 1, 22, .75),
    ('lgammaB', lambda x: loggamma(x) / ((x - 1) * (x - 2)), 1, 2, 22, 1.5),
    ('lgammaC', lambda x: loggamma(x) / ((x - 1) * (x - 2)), 2, 3, 17, 2.5),
    ('stirlingTail', lambda w: (loggamma(1 / sqrt(w)) - ((1 / sqrt(w) - .5) * log(1 / sqrt(w)) - 1 / sqrt(w) + log(2 * pi) / 2)) / sqrt(w), mpf(10)**-8, mpf(1) / 64, 8, 0),
    ('inverseGammaTail', lambda v: rgamma(1 + v), -.5, .5, 17, 0),
    ('digammaA', lambda x: digamma(x) / (x - root), 1, 2, 22, 1.5),
    ('digammaTail', lambda w: (log(1 / sqrt(w)) - sqrt(w) / 2 - digamma(1 / sqrt(w))) / w, mpf(10)**-8, mpf(1) / 64, 8, 0),
    ('cbrtEstimate', lambda x: x**(mpf(1) / 3), 1, 8, 5, 0),
]
for name, f, a, b, degree, shift in FITS:
    exact = interpolate(f, a, b, degree, shift)
    # The constant term's rest after rounding is used where the term dominates (scaledErfc*).
    print(name, 'shift', float(shift), 'rest of the first', float(exact[0] - mpf(float(exact[0]))), [float(c) for c in exact])


def rational(f, a, b, n, m, points=160, rounds=25):
    """P of degree n over Q of degree m with Q(0) = 1: least squares of relative errors, weighted (Lawson) until the largest is nearly the least."""
    middle, half = (mpf(a) + mpf(b)) / 2, (mpf(b) - mpf(a)) / 2
    xs = [middle + half * cos(pi * (2 * j + 1) / (2 * points)) for j in range(points)]
    fs = [f(x) for x in xs]
    weights, q_values, best = [mpf(1)] * points, [mpf(1)] * points, None
    for _ in range(rounds):
        system, right = matrix(points, n + 1 + m), matrix(points, 1)
        for i, x in enumerate(xs):
            scale = sqrt(weights[i]) / (fs[i] * q_values[i])
            for k in range(n + 1):
                system[i, k] = x**k * scale
            for k in range(1, m + 1):
                system[i, n + k] = -fs[i] * x**k * scale
            right[i] = fs[i] * scale
        solution = lu_solve(system, right)
        p, q = list(solution[:n + 1]), [mpf(1)] + list(solution[n + 1:])
        q_values = [polyval(q[::-1], x) for x in xs]
        errors = [abs(polyval(p[::-1], x) / q_value / value - 1) for x, q_value, value in zip(xs, q_values, fs)]
        largest = max(errors)
        if best is None or largest < best[0]:
            best = largest, p, q
        weights = [weight * (error / largest + mpf('1e-3')) for weight, error in zip(weights, errors)]
        weights = [weight / sum(weights) * points for weight in weights]
    return best


# The functions for float32 (src/math/single.ts).
print('softplusSingle', [float(c) for c in interpolate(near0(lambda z: (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z), 0, mpf(1) / 9 * mpf('1.0001'), 6, 0)])
mp.prec = 200
error, p, q = rational(lambda u: scaled_erfc(u) / 2, 0, mpf('10.5'), 6, 7)
print('normalCdfSingle', 'error', float(error), [float(c) for c in p], [float(c) for c in q])
