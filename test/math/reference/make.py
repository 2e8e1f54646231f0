"""Makes reference.bin and reference.json from mpmath; see README.md. Usage: python3 make.py [points per domain] [seed]"""
import json, math, os, subprocess, sys
import numpy as np
import mpmath as M
from mpmath import mp, mpf
mp.prec = 160
N = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 20240611)
KEEP_WORST, KEEP_RANDOM = 150, 150
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..', '..')


def uniform(*ranges):
    return np.concatenate([rng.uniform(a, b, N) for a, b in ranges])


def wide(a, b, signed=False, n=None):
    n = n or N
    v = np.clip(np.exp2(rng.uniform(math.log2(a), math.log2(b), n)), a, b)
    return v * np.where(rng.random(n) < .5, -1, 1) if signed else v


def at(prec, f):
    def g(*args):
        with mp.workprec(prec):
            return +f(*args)
    return g


def both(*parts):
    return np.concatenate(parts)


def pairs(x, y):
    return np.stack([x, y], 1)


def pow_points():
    x = both(wide(1e-300, 1e300), uniform((.5, 2), (.99, 1.01), (0, 20)))
    log = np.log(x)
    y = rng.uniform(-708, 708, len(x)) / np.where(log == 0, 1, log)
    y = np.clip(np.where(rng.random(len(x)) < .3, rng.uniform(-3, 3, len(x)), y), -1e19, 1e19)
    return pairs(x, y)[abs(y * log) < 708]


def hypot_points():
    a = wide(1e-290, 1e300)
    return both(pairs(a, np.minimum(a * np.exp2(rng.uniform(-30, 30, N)), 1.2e308)), pairs(uniform((0, 1)), uniform((0, 1))))


def atan2_points():
    a = wide(1e-280, 1e280, True)
    b = a * np.exp2(rng.uniform(-55, 55, N)) * np.where(rng.random(N) < .5, -1, 1)
    return both(pairs(a, b), pairs(uniform((-1, 1), (-1, 1)), uniform((-1, 1), (-3, 3))))


def angles():
    # 6381956970095103 * 2^797 is the float64 closest to a multiple of pi/2 (Kahan).
    near = np.float64(np.pi / 2) * rng.integers(1, 2**30, N)
    return both(uniform((-.8, .8), (-10, 10), (-1000, 1000), (-1.6e6, 1.7e6)), wide(1e-20, 1e300, True), near,
                np.array([6381956970095103 * 2.0**797, 22.0, 355.0, math.pi / 2, math.pi, 5.319372648326541e255]))


def newton(start, value, slope, curvature):
    def f(x):
        with mp.workprec(250):
            x = mpf(x)
            y = mpf(start(x))
            for _ in range(60):
                step = (value(y) - x) / slope(y)
                step /= 1 + curvature(y) * step
                y -= step
                if abs(step) < abs(y) * mpf(2)**-200 or y == 0:
                    return y
            raise ArithmeticError(x)
    return f


def tail_start(p):  # quantile, roughly
    q = min(p, 1 - p)
    t = M.sqrt(-2 * M.log(q))
    y = t - (mpf('2.515517') + mpf('.802853') * t + mpf('.010328') * t * t) / (1 + mpf('1.432788') * t + mpf('.189269') * t * t + mpf('.001308') * t**3)
    return -y if p < .5 else y


quantile = newton(tail_start, lambda y: M.erfc(-y / M.sqrt(2)) / 2, lambda y: M.exp(-y * y / 2) / M.sqrt(2 * M.pi), lambda y: y / 2)
inverf = newton(lambda x: tail_start((x + 1) / 2) / M.sqrt(2) if abs(x) > .1 else x * M.sqrt(M.pi) / 2, M.erf, lambda y: 2 * M.exp(-y * y) / M.sqrt(M.pi), lambda y: y)
unit = lambda: both(uniform((-1, 1), (.45, .55), (.9, 1), (-1, -.9)), wide(1e-20, 1, True), 1 - wide(1e-16, .1))
logs = lambda: both(wide(1e-307, 1.7e308), uniform((.5, 2), (.69, .72), (1.38, 1.45), (.9, 1.1)))

FUNCTIONS = {
    'exp': ('[-708, 709.7]', M.exp, lambda: both(uniform((-708, 709.7), (-1, 1), (-40, 40)), wide(1e-20, 1, True))),
    'exp2': ('[-1022, 1024)', lambda x: mpf(2)**x, lambda: both(uniform((-1022, 1023.99), (-1, 1), (-40, 40)), wide(1e-20, 1, True))),
    'expm1': ('[-40, 709]', at(300, M.expm1), lambda: both(uniform((-40, 40), (-1, 1), (-.5, 2.5), (40, 709)), wide(1e-20, 1, True))),
    'log': ('all normal', M.log, logs),
    'log2': ('all normal', lambda x: M.log(x) / M.log(2), logs),
    'log10': ('all normal', lambda x: M.log(x) / M.log(10), logs),
    'log1p': ('(-1, 1e300]', at(300, M.log1p), lambda: both(wide(1e-20, 1e300), -wide(1e-20, 1), uniform((-.999, 1), (-.3, .42), (-.3, -.28), (.35, .45)))),
    'pow': ('x in [1e-300, 1e300], normal results', M.power, pow_points),
    'cbrt': ('all', lambda x: M.sign(x) * M.cbrt(abs(x)), lambda: both(wide(5e-324, 1.7e308, True), uniform((.1, 10), (1, 8)))),
    'hypot': ('[1e-290, 1e300]', M.hypot, hypot_points),
    'sin': ('[-1e300, 1e300]', at(1400, M.sin), angles),
    'cos': ('[-1e300, 1e300]', at(1400, M.cos), angles),
    'tan': ('[-1e300, 1e300]', at(1400, M.tan), angles),
    'asin': ('[-1, 1]', M.asin, unit),
    'acos': ('[-1, 1]', M.acos, unit),
    'atan': ('[-1e20, 1e20]', M.atan, lambda: both(uniform((-1, 1), (-5, 5), (.4, .75), (1.1, 1.3), (2.3, 2.6)), wide(1e-20, 1e20, True))),
    'atan2': ('ratios 2^-55 to 2^55, all quadrants', M.atan2, atan2_points),
    'sinh': ('[-710, 710]', at(300, M.sinh), lambda: both(uniform((-1.2, 1.2), (-3, 3), (-25, 25), (-710, 710)), wide(1e-20, 1, True))),
    'cosh': ('[-710, 710]', M.cosh, lambda: both(uniform((-1.2, 1.2), (-3, 3), (-25, 25), (-710, 710)), wide(1e-20, 1, True))),
    'tanh': ('[-20, 20]', at(300, M.tanh), lambda: both(uniform((-.6, .6), (-3, 3), (-20, 20), (.1, .4)), wide(1e-20, 1, True))),
    'asinh': ('[-1e300, 1e300]', at(300, M.asinh), lambda: both(uniform((-1, 1), (-3, 3), (-100, 100)), wide(1e-20, 1e300, True))),
    'acosh': ('[1, 1e300]', at(300, M.acosh), lambda: both(uniform((1, 1.1), (1, 3), (1, 100)), 1 + wide(1e-15, 1), wide(1, 1e300))),
    'atanh': ('(-1, 1)', at(300, M.atanh), lambda: both(uniform((-1, 1), (-.3, .3)), wide(1e-20, 1, True), 1 - wide(1e-16, .1))),
    'erf': ('[-6, 6]', M.erf, lambda: both(uniform((-1, 1), (-6, 6), (.8, 2.3)), wide(1e-300, 1, True))),
    'erfc': ('[-6, 26.5]', at(300, M.erfc), lambda: uniform((-6, 1), (.2, 1.3), (1, 6), (2, 26.5), (4, 8))),
    'normalCdf': ('[-37.5, 8]', at(300, lambda x: M.erfc(-x / M.sqrt(2)) / 2), lambda: uniform((-3, 3), (-37.5, 8), (-2, 0), (-1.3, -.6))),
    'normalQuantile': ('[1e-300, 1)', quantile, lambda: both(uniform((0, 1), (.07, .08), (.4, .6)), wide(1e-300, .1), 1 - wide(1e-15, .1))),
    'erfinv': ('(-1, 1)', inverf, lambda: both(uniform((-1, 1), (.8, .9)), wide(1e-20, 1, True), 1 - wide(1e-15, .1))),
    'gamma': ('[-170, 171]', at(300, M.gamma), lambda: both(uniform((-20, 20), (0, 3), (-170, -20), (20, 171)), wide(1e-300, 1, True))),
    'lgamma': ('(0, 1e300]', at(300, lambda x: M.loggamma(x).real), lambda: both(uniform((0, 4), (.5, 2.5), (.95, 1.05), (1.95, 2.05), (2, 20), (0, 1000)), wide(1e-300, 1e300))),
    'digamma': ('(0, 1e300]', at(300, M.digamma), lambda: both(uniform((0, 4), (1.4, 1.5), (1, 20), (0, 1000)), wide(1e-300, 1e300))),
    'logistic': ('[-708, 40]', at(1200, lambda x: 1 / (1 + M.exp(-x))), lambda: uniform((-708, 40), (-40, 40), (-3, 3))),
    'logExpit': ('[-700, 700]', at(1300, lambda x: -M.log1p(M.exp(-x))), lambda: uniform((-700, 700), (-40, 40), (-3, 3))),
    'softplus': ('[-700, 700]', at(1300, lambda x: M.log1p(M.exp(x))), lambda: uniform((-700, 700), (-40, 40), (-3, 3))),
    'xlogy': ('[0, 1e100] x [1e-300, 1e300]', lambda x, y: x * M.log(y), lambda: pairs(wide(1e-100, 1e100), wide(1e-300, 1e300))),
}

EVALUATE = '''
import * as own from './src/math/index.ts'
const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const bytes = new Uint8Array(Buffer.concat(chunks))
const x = new Float64Array(bytes.buffer)
const [name, arity] = process.argv.slice(-2)
const out = new Float64Array(x.length / arity)
for (let i = 0; i < out.length; i++) out[i] = own[name](...x.subarray(i * arity, (i + 1) * arity))
process.stdout.write(new Uint8Array(out.buffer))
'''


def ulp(v):
    if v == 0:
        return mpf(2)**-1074
    return mpf(2)**(max(int(M.frexp(v)[1]) - 1, -1022) - 52)


def main():
    blob, index = bytearray(), []
    for name, (domain, f, points) in FUNCTIONS.items():
        x = np.ascontiguousarray(points())
        arity = 2 if x.ndim == 2 else 1
        flat = x.reshape(-1, arity)
        got = np.frombuffer(subprocess.run(['node', '--import', 'tsx', '--input-type=module', '-e', EVALUATE, name, str(arity)], input=x.tobytes(),
                                           stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout)
        rows = []
        for args, value in zip(flat, got):
            true = f(*[mpf(float(v)) for v in args])
            nearest = float(true)
            if not np.isfinite(nearest):
                continue
            rows.append((float(abs(mpf(float(value)) - true) / ulp(true)), list(args), nearest, float((true - mpf(nearest)) / ulp(true))))
        ordered = sorted(range(len(rows)), key=lambda i: -rows[i][0])
        kept = ordered[:KEEP_WORST] + list(rng.choice(ordered[KEEP_WORST:], KEEP_RANDOM, replace=False))
        print('%-15s %6d points, worst %.3f ulp' % (name, len(rows), rows[ordered[0]][0]), flush=True)
        blob += np.array([rows[i][1] for i in kept], '<f8').tobytes()
        blob += np.array([rows[i][2] for i in kept], '<f8').tobytes()
        blob += np.array([rows[i][3] for i in kept], '<f4').tobytes()
        index.append({'name': name, 'arity': arity, 'count': len(kept), 'searched': len(rows), 'domain': domain})
    with open(os.path.join(HERE, 'reference.bin'), 'wb') as out:
        out.write(blob)
    with open(os.path.join(HERE, 'reference.json'), 'w') as out:
        out.write('[\n' + ',\n'.join('  ' + json.dumps(entry) for entry in index) + '\n]\n')


main()
