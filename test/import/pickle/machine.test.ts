import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowPackages, describe, isPyGlobal, isPyObject, readPickle, readPickleAt, type PyValue } from '../../../src/import/pickle/index.ts'
import { bytesOf, call, codeOf, text, u32, u64 } from './assemble.ts'

const allow = allowPackages('pkg')

function plain(value: PyValue): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return [...value].map(([key, item]) => [plain(key), plain(item)])
  if (value instanceof Set) return { set: [...value].map(plain) }
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'tuple') return { tuple: value.items.map(plain) }
  return value
}

const read = (...parts: Parameters<typeof bytesOf>): PyValue => readPickle(bytesOf(...parts), { allow })
const codeFor = (...parts: Parameters<typeof bytesOf>): string => codeOf(() => read(...parts))

test('numbers of every opcode', () => {
  const cases: [Uint8Array, unknown][] = [
    [bytesOf('K', 255, '.'), 255],
    [bytesOf('M', 1, 2, '.'), 513],
    [bytesOf('J', 255, 255, 255, 255, '.'), -1],
    [bytesOf('I01\n.'), true],
    [bytesOf('I00\n.'), false],
    [bytesOf('I-12\n.'), -12],
    [bytesOf('I9007199254740993\n.'), 9007199254740993n],
    [bytesOf('L12L\n.'), 12],
    [bytesOf('L-9223372036854775809L\n.'), -9223372036854775809n],
    [bytesOf(0x8a, 0, '.'), 0],
    [bytesOf(0x8a, 1, 255, '.'), -1],
    [bytesOf(0x8a, 7, 255, 255, 255, 255, 255, 255, 0x1f, '.'), 9007199254740991],
    [bytesOf(0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x80, '.'), -9223372036854775808n],
    [bytesOf(0x8b, u32(2), 0, 1, '.'), 256],
    [bytesOf('G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, '.'), 1.5],
    [bytesOf('F-1e-05\n.'), -1e-5],
    [bytesOf('Fnan\n.'), NaN],
    [bytesOf('F-inf\n.'), -Infinity],
    [bytesOf('N.'), null],
    [bytesOf(0x88, '.'), true],
    [bytesOf(0x89, '.'), false],
  ]
  for (const [bytes, expected] of cases) assert.deepEqual(readPickle(bytes), expected, String(expected))
})

test('text and bytes of every opcode', () => {
  assert.equal(read('X', u32(3), 'h', 0xc3, 0xa9, '.'), 'h\u00e9')
  assert.equal(read(0x8d, u64(1), 'a', '.'), 'a')
  assert.equal(read('X', u32(3), 0xef, 0xbb, 0xbf, '.'), '\ufeff')
  assert.equal(read("S'a\\n\\x41\\'\\101\\\\'\n."), "a\nA'A\\")
  assert.equal(read('Va\\u00e9\\U0001f600\\\\u0041\n.'), 'a\u00e9\u{1f600}\\\\u0041')
  assert.equal(read('U', 2, 'a', 0xe9, '.'), 'a\u00e9')
  assert.equal(read('T', u32(1), 0xff, '.'), '\u00ff')
  assert.deepEqual(read('C', 2, 1, 2, '.'), Uint8Array.of(1, 2))
  assert.deepEqual(read('B', u32(1), 7, '.'), Uint8Array.of(7))
  assert.deepEqual(read(0x8e, u64(1), 7, '.'), Uint8Array.of(7))
  assert.deepEqual(read(0x96, u64(1), 7, '.'), Uint8Array.of(7))
  assert.deepEqual(read(call('_codecs', 'encode', 'X', u32(3), 'a', 0xc3, 0xbf, text('latin1')), '.'), Uint8Array.of(97, 255))
})

test('containers, marks and the memo', () => {
  assert.deepEqual(plain(read('(K', 1, 'K', 2, 't.')), { tuple: [1, 2] })
  assert.deepEqual(plain(read(')', 0x85, '.')), { tuple: [{ tuple: [] }] })
  assert.deepEqual(plain(read('NNN', 0x87, '.')), { tuple: [null, null, null] })
  assert.deepEqual(plain(read('NK', 1, 0x86, '.')), { tuple: [null, 1] })
  assert.deepEqual(plain(read('](K', 1, 'K', 2, 'eK', 3, 'a.')), [1, 2, 3])
  assert.deepEqual(plain(read('(K', 1, 'K', 2, 'l.')), [1, 2])
  assert.deepEqual(plain(read('(K', 1, 'K', 2, 'd.')), [[1, 2]])
  assert.deepEqual(plain(read('}(K', 1, 'K', 2, 'uK', 3, 'K', 4, 's.')), [[1, 2], [3, 4]])
  assert.deepEqual(plain(read(0x8f, '(K', 1, 'K', 1, 0x90, '.')), { set: [1] })
  assert.deepEqual(plain(read('(K', 1, 0x91, '.')), { set: [1] })
  assert.deepEqual(plain(read('(NN1K', 1, '.')), 1)
  assert.deepEqual(plain(read('K', 1, 'N0.')), 1)
  assert.deepEqual(plain(read('](K', 1, '2e.')), [1, 1])
  const shared = read(']q', 0, 'h', 0, 'a.')
  assert.ok(Array.isArray(shared) && shared[0] === shared, 'a list that holds itself')
  assert.deepEqual(plain(read('](K', 7, 'r', u32(4000000000), 'j', u32(4000000000), 'e.')), [7, 7])
  assert.deepEqual(plain(read('(K', 7, 'p12\ng12\nt.')), { tuple: [7, 7] })
  assert.deepEqual(plain(read('K', 1, 0x94, 'K', 2, 0x94, 0x86, 'h', 0, 0x86, '.')), { tuple: [{ tuple: [1, 2] }, 1] })
})

test('standard library data becomes plain data', () => {
  assert.deepEqual(plain(read(call('collections', 'OrderedDict'), '(K', 1, 'K', 2, 'u.')), [[1, 2]])
  assert.deepEqual(plain(read(call('__builtin__', 'set', '](K', 1, 'e'), '.')), { set: [1] })
  assert.deepEqual(plain(read(call('builtins', 'frozenset', '](K', 1, 'e'), '.')), { set: [1] })
  assert.deepEqual(plain(read(call('collections', 'defaultdict', 'cbuiltins\nlist\n'), 'K', 1, 'K', 2, 's.')), [[1, 2]])
  assert.deepEqual(plain(read(call('collections', 'deque', ')N'), 'K', 1, 'a.')), [1])
  assert.deepEqual(read(call('builtins', 'bytearray', 'C', 1, 5), '.'), Uint8Array.of(5))
  const slice = read(call('builtins', 'slice', 'NK', 2, 'N'), '.')
  assert.ok(isPyObject(slice) && slice.module === 'builtins' && slice.name === 'slice' && slice.args[1] === 2)
  const partial = read(call('functools', 'partial', 'cpkg\nf\n'), '(cpkg\nf\n)}Ntb.')
  assert.ok(isPyObject(partial) && describe(partial) === 'functools.partial' && describe(partial.args[0]) === 'pkg.f')
})

test('classes of the caller become inert objects with their state', () => {
  const made = read('cpkg.sub\nModel\n)', 0x81, '}', text('coef_'), 'K', 3, 'sb.')
  assert.ok(isPyObject(made) && made.module === 'pkg.sub' && made.name === 'Model' && made.state.get('coef_') === 3)
  const old = read('ccopy_reg\n_reconstructor\n(cpkg\nModel\nc__builtin__\nobject\nNtR}', text('a'), 'K', 1, 'sb.')
  assert.ok(isPyObject(old) && old.name === 'Model' && old.state.get('a') === 1)
  const slots = read('cpkg\nModel\n)', 0x81, '}', text('a'), 'K', 1, 's}', text('b'), 'K', 2, 's', 0x86, 'b.')
  assert.ok(isPyObject(slots) && slots.state.get('a') === 1 && slots.state.get('b') === 2)
  const raw = read('cpkg\nModel\n)', 0x81, 'K', 5, 0x85, 'b.')
  assert.ok(isPyObject(raw) && describe(raw.rawState) === 'tuple of 1' && raw.state.size === 0)
  const cython = read(call('pkg._loss', '__pyx_unpickle_Half', 'cpkg._loss\nHalf\nK', 9, 'N'), '.')
  assert.ok(isPyObject(cython) && cython.name === 'Half' && cython.args.length === 2)
  const distance = read(call('pkg.metrics', 'newObj', 'cpkg.metrics\nEuclidean\n'), '(K', 2, 'tb.')
  assert.ok(isPyObject(distance) && distance.name === 'Euclidean' && describe(distance.rawState) === 'tuple of 1')
  const dictLike = read('cpkg\nBunch\n)', 0x81, text('k'), 'K', 1, 's.')
  assert.ok(isPyObject(dictLike) && dictLike.entries?.get('k') === 1)
  const listLike = read('cpkg\nItems\n)', 0x81, 'K', 1, 'a(K', 2, 'e.')
  assert.ok(isPyObject(listLike))
  assert.deepEqual(listLike.items, [1, 2])
  const keywords = read('cpkg\nModel\n)}', text('a'), 'K', 1, 's', 0x92, '.')
  assert.ok(isPyObject(keywords) && keywords.keywords?.get('a') === 1)
  const instance = read('(K', 1, 'ipkg\nOld\n.')
  assert.ok(isPyObject(instance) && instance.args[0] === 1)
  const built = read('(cpkg\nOld\nK', 1, 'o.')
  assert.ok(isPyObject(built) && built.args[0] === 1)
  assert.ok(isPyGlobal(read(text('pkg.x'), text('Cls'), 0x93, '.')))
  assert.ok(isPyGlobal(read(call('numpy.core', '_ufunc_reconstruct', text('numpy'), text('log1p')), '.')))
})

test('persistent ids and out-of-band buffers only where the caller gives them', () => {
  assert.equal(codeFor('Pid\n.'), 'PICKLE_PERSISTENT_ID')
  assert.equal(codeFor('K', 1, 'Q.'), 'PICKLE_PERSISTENT_ID')
  assert.equal(readPickle(bytesOf('K', 1, 'Q.'), { persistentLoad: (id) => [id, 2] }) instanceof Array, true)
  assert.equal(codeFor(0x97, '.'), 'PICKLE_BUFFER')
  assert.deepEqual(readPickle(bytesOf(0x97, 0x98, '.'), { buffers: [Uint8Array.of(3)] }), Uint8Array.of(3))
})

test('several pickles in one stream, for readers that expect them', () => {
  const bytes = bytesOf('K', 1, '.', 'K', 2, '.')
  const first = readPickleAt(bytes, 0)
  assert.deepEqual([first, readPickleAt(bytes, first.end)], [{ value: 1, end: 3 }, { value: 2, end: 6 }])
  assert.equal(codeOf(() => readPickle(bytes)), 'PICKLE_TRAILING')
})

test('refused globals name module, name and offset', () => {
  for (const [module, name] of [
    ['os', 'system'], ['posix', 'system'], ['nt', 'system'], ['builtins', 'eval'], ['builtins', 'exec'], ['builtins', 'getattr'], ['__builtin__', 'getattr'],
    ['builtins', '__import__'], ['builtins', 'compile'], ['operator', 'attrgetter'], ['subprocess', 'Popen'], ['pkgutil', 'resolve_name'], ['importlib', 'import_module'],
    ['pickle', 'loads'], ['_pickle', 'loads'], ['joblib', 'load'], ['numpy', 'load'], ['numpy.testing._private.utils', 'runstring'], ['numpy.lib.npyio', 'load'],
    ['numpy.core.multiarray', 'fromfile'], ['types', 'FunctionType'], ['types', 'CodeType'], ['marshal', 'loads'], ['codecs', 'decode'], ['torch', 'load'],
    ['pkg2', 'Model'], ['pk', 'Model'], ['xpkg', 'Model'], ['constructor', 'constructor'], ['__proto__', 'toString'], ['numpy', '__proto__'], ['', ''], ['pkg ', 'x'], ['pkg..x', 'y'],
    ['.pkg', 'y'], ['pkg', 'a b'],
  ]) {
    const bytes = bytesOf('K', 1, '0c', `${module}\n${name}\n`, '.')
    assert.equal(codeOf(() => readPickle(bytes, { allow })), 'PICKLE_GLOBAL', `${module}.${name}`)
    assert.throws(() => readPickle(bytes, { allow }), /at byte 3: the global .* is not allowed/)
  }
  assert.equal(codeFor('cpkg\nModel.__init__\n.'), 'PICKLE_DOTTED_NAME')
  assert.equal(codeFor(text('pkg'), text('sys.modules'), 0x93, '.'), 'PICKLE_DOTTED_NAME')
  assert.equal(codeFor('cjoblib.numpy_pickle_compat\nZNDArrayWrapper\n.'), 'PICKLE_JOBLIB_OLD')
  assert.equal(codeFor(call('numpy.core', '_ufunc_reconstruct', text('os'), text('system')), '.'), 'PICKLE_GLOBAL')
})

test('tricks that hide a call from scanners change nothing', () => {
  // Result thrown away, in a nested memo, behind a mark, as a dict key, or after an early frame.
  assert.equal(codeFor(call('os', 'system', text('x')), '0N.'), 'PICKLE_GLOBAL')
  assert.equal(codeFor('(', call('os', 'system', text('x')), '1N.'), 'PICKLE_GLOBAL')
  assert.equal(codeFor(text('os'), 0x94, '0', text('system'), 0x94, '0h', 0, 'h', 1, 0x93, '.'), 'PICKLE_GLOBAL')
  assert.equal(codeFor('(K', 1, 'ios\nsystem\n.'), 'PICKLE_GLOBAL')
  assert.equal(codeFor(0x82, 1, '.'), 'PICKLE_EXTENSION')
  assert.equal(codeFor(0x83, 1, 1, '.'), 'PICKLE_EXTENSION')
  assert.equal(codeFor(0x84, u32(1), '.'), 'PICKLE_EXTENSION')
  assert.equal(codeFor('K', 1, 'Nb.'), 'PICKLE_BUILD')
  assert.equal(codeFor('cpkg\nModel\n}b.'), 'PICKLE_BUILD')
  assert.equal(codeFor('cnumpy\nfloat64\n)R.'), 'PICKLE_CALL')
  assert.equal(codeFor('cnumpy\nndarray\n)R.'), 'PICKLE_CALL')
  assert.equal(codeFor(text('print'), ')R.'), 'PICKLE_CALL')
  assert.equal(codeFor('cpkg\nModel\n)R)R.'), 'PICKLE_CALL')
  assert.equal(codeFor('cbuiltins\nset\n)}', text('a'), 'Ns', 0x92, '.'), 'PICKLE_CALL')
  assert.equal(codeFor('ccopyreg\n_reconstructor\n(cos\nsystem\n'), 'PICKLE_GLOBAL')
})

test('damaged streams have one code each', () => {
  assert.equal(codeFor(), 'PICKLE_TRUNCATED')
  assert.equal(codeFor('K'), 'PICKLE_TRUNCATED')
  assert.equal(codeFor('X', u32(5), 'abc'), 'PICKLE_TRUNCATED')
  assert.equal(codeFor(0x8e, u64(2 ** 60), 'abc'), 'PICKLE_TRUNCATED')
  assert.equal(codeFor(0x8e, 255, 255, 255, 255, 255, 255, 255, 255), 'PICKLE_TRUNCATED')
  assert.equal(codeFor('I12'), 'PICKLE_TRUNCATED')
  assert.equal(codeFor(0x95, u64(100), 'N.'), 'PICKLE_TRUNCATED')
  assert.equal(codeFor(0x95, u64(3), 'N.'), 'PICKLE_TRUNCATED')
  assert.equal(codeFor(0x95, u64(3), 'NN.', '.'), 'PICKLE_STACK')
  assert.equal(codeFor(0x95, u64(3), 'N.NN.'), 'PICKLE_FRAME')
  assert.equal(codeFor(0x95, u64(1), 'K', 1, '.'), 'PICKLE_FRAME')
  assert.equal(codeFor(0x95, u64(12), 0x95, u64(2), 'N..'), 'PICKLE_FRAME')
  assert.equal(codeFor(0xff), 'PICKLE_OPCODE')
  assert.equal(codeFor(0x80, 6, 'N.'), 'PICKLE_PROTOCOL')
  for (const bad of ['.', 'a', '](a.', '(K\x01u', 't', '0', '2', '1', 'NN.', 'N(.', '(N.', ']K\x01}s.', 'NR.', '](K\x01u.', 'N\x98.']) {
    assert.equal(codeFor(bad), 'PICKLE_STACK', JSON.stringify(bad))
  }
  assert.equal(codeFor('NK', 1, 0x93, '.'), 'PICKLE_STACK')
  assert.equal(codeFor('h', 0, '.'), 'PICKLE_MEMO')
  assert.equal(codeFor('gx\n.'), 'PICKLE_MEMO')
  assert.equal(codeFor('Ix\n.'), 'PICKLE_NUMBER')
  assert.equal(codeFor('I0x10\n.'), 'PICKLE_NUMBER')
  assert.equal(codeFor('F1,5\n.'), 'PICKLE_NUMBER')
  assert.equal(codeFor('F0x10\n.'), 'PICKLE_NUMBER')
  assert.equal(codeFor('Sabc\n.'), 'PICKLE_STRING')
  assert.equal(codeFor('X', u32(1), 0xff, '.'), 'PICKLE_UTF8')
  assert.equal(codeFor('V\\u12\n.'), 'PICKLE_UTF8')
  assert.equal(codeFor('V\\U00110000\n.'), 'PICKLE_UTF8')
  assert.equal(codeFor(call('_codecs', 'encode', text('a'), text('utf-8')), '.'), 'PICKLE_ARGUMENT')
  assert.equal(codeFor(call('builtins', 'bytearray', 'K', 5), '.'), 'PICKLE_ARGUMENT')
})

test('each limit holds and names itself', () => {
  const limited = (limits: Record<string, number>, ...parts: Parameters<typeof bytesOf>): void => {
    assert.throws(() => readPickle(bytesOf(...parts), { allow, limits }), (error: unknown) => {
      assert.ok(error instanceof Error && 'code' in error && error.code === 'PICKLE_LIMIT', String(error))
      assert.match(error.message, new RegExp(`limits\\.${Object.keys(limits)[0]}`))
      return true
    })
  }
  limited({ opcodes: 3 }, 'NNNN.')
  limited({ memo: 1 }, 'Nq', 0, 'q', 1, '.')
  limited({ memo: 1 }, 'Nr', u32(7), 'r', u32(8), '.')
  limited({ depth: 3 }, '))', 0x86, 0x85, 0x85, 0x85, '.')
  limited({ stringBytes: 3 }, 'X', u32(4), 'abcd.')
  limited({ stringBytes: 3 }, 'I12345\n.')
  limited({ stringBytes: 3 }, 'U', 4, 'abcd.')
  limited({ integerBytes: 4 }, 0x8a, 5, 1, 2, 3, 4, 5, '.')
  limited({ integerBytes: 4 }, 'L123456789L\n.')
})

test('a deep nest is refused without overflowing the stack, whichever way it is built', () => {
  const inward = bytesOf(')', new Uint8Array(200_000).fill(0x85), '.')
  assert.equal(codeOf(() => readPickle(inward)), 'PICKLE_LIMIT')
  const marks = bytesOf(new Uint8Array(100_000).fill(0x28), new Uint8Array(100_000).fill(0x6c), '.')
  assert.equal(codeOf(() => readPickle(marks)), 'PICKLE_LIMIT')
  assert.doesNotThrow(() => readPickle(bytesOf(')', new Uint8Array(990).fill(0x85), '.')))
})

test('shared references stay linear', () => {
  // Thirty lists of ten references to the one before: 10^30 leaves, 330 opcodes.
  const parts: (number | string)[] = [']', 0x94]
  for (let level = 0; level < 30; level++) {
    parts.push(']', 0x94, '(')
    for (let i = 0; i < 10; i++) parts.push('h', level)
    parts.push('e')
  }
  const value = read('(', ...parts, 't.')
  assert.equal(describe(value), 'tuple of 31')
})

test('a state or bytes shared by thousands of objects runs into the copy limit', () => {
  const dict = bytesOf('}(', ...Array.from({ length: 5000 }, (_, i) => bytesOf('M', i & 255, i >> 8, 'N')), 'u')
  const many = bytesOf(dict, 'q', 0, '0', '(', ...Array.from({ length: 20_000 }, () => bytesOf('cpkg\nM\n)', 0x81, 'h', 0, 'b')), 't.')
  assert.equal(codeOf(() => readPickle(many, { allow })), 'PICKLE_LIMIT')
})

test('text that _codecs.encode turns into bytes at once is still text where the memo asks for it', () => {
  const long = 'ab\u00e9'.repeat(40)
  const utf8 = Buffer.from(long, 'utf8')
  const first = bytesOf('c_codecs\nencode\nq', 0, 'X', u32(1), 'x', 'q', 1, 'X', u32(6), 'latin1', 'q', 2, 0x86, 'q', 3, 'R')
  const second = bytesOf('h', 0, 'X', u32(utf8.length), utf8, 'r', u32(4), 'h', 2, 0x86, 'q', 5, 'Rq', 6)
  const value = read('(', first, second, 'h', 4, 'h', 5, 'h', 6, 'h', 4, 't.')
  const bytes = new Uint8Array(Buffer.from(long, 'latin1'))
  assert.deepEqual(plain(value), { tuple: [Uint8Array.of(120), bytes, long, { tuple: [long, 'latin1'] }, bytes, long] })
  // Beyond latin-1, cut short, or in an encoding that is none: the plain path decides.
  const wide = Buffer.from('\u0100'.repeat(64), 'utf8')
  assert.equal(codeFor('(', first, 'h', 0, 'X', u32(wide.length), wide, 'h', 2, 0x86, 'R', 't.'), 'PICKLE_ARRAY')
  assert.equal(codeFor('(', first, 'h', 0, 'X', u32(utf8.length + 1000), utf8, 'h', 2, 0x86, 'R', 't.'), 'PICKLE_TRUNCATED')
  assert.equal(codeFor('(', first, 'h', 0, 'X', u32(utf8.length), utf8, 'h', 1, 0x86, 'R', 't.'), 'PICKLE_ARGUMENT')
  assert.equal(codeFor('(', first, 'h', 0, 'X', u32(utf8.length), utf8, 'h', 2, 0x86), 'PICKLE_TRUNCATED')
})
