// What is refused, and with which code.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importModel, readTensors } from '../../../src/import/index.ts'
import { readCases } from '../../support/fixtures.ts'
import { rejectsCode } from '../../support/errors.ts'
import { zipArchive } from '../../support/zip.ts'

const archive = (entries: Readonly<Record<string, Uint8Array | string>>): Uint8Array => zipArchive(Object.entries(entries))

/** Pickle opcodes by hand. */
const global = (module: string, name: string): string => `c${module}\n${name}\n`
const text = (value: string): string => `V${value}\n`
const int = (value: number): string => `I${value}\n`
const ints = (values: readonly number[]): string => `(${values.map(int).join('')}t`
const tensor = ({ storage = 'FloatStorage', key = '0', count = 4, offset = 0, shape = [2, 2], strides = [2, 1] } = {}): string =>
  `${global('torch._utils', '_rebuild_tensor_v2')}((${text('storage')}${global('torch', storage)}${text(key)}${text('cpu')}${int(count)}tQ${int(offset)}${ints(shape)}${ints(strides)}I00\n(dtR`
const dict = (entries: Readonly<Record<string, string>>): string => `(${Object.entries(entries).map(([key, value]) => text(key) + value).join('')}d.`
const floats = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)
const file = (pickle: string, more: Readonly<Record<string, Uint8Array | string>> = { 'model/data/0': floats }): Uint8Array => archive({ 'model/data.pkl': pickle, ...more })
const read = (bytes: Uint8Array): Promise<unknown> => readTensors(bytes, { fileName: 'model.pt' })

test('tensors are read with offsets and strides', async () => {
  const named = await readTensors(file(dict({ w: tensor(), t: tensor({ strides: [1, 2] }), v: tensor({ offset: 1, shape: [2], strides: [2] }), same: tensor() })), { fileName: 'x.pt' })
  const data = (name: string): number[] => Array.from(named?.tensors.get(name)?.data ?? [], Number)
  assert.deepEqual([data('w'), data('t'), data('v')], [[1, 2, 3, 4], [1, 3, 2, 4], [2, 4]])
  assert.equal(named?.tensors.get('same'), named?.tensors.get('w'), 'tied weights are one tensor')
})

test('archives that are no PyTorch file, damaged or too clever', async () => {
  await rejectsCode('PYTORCH_ARCHIVE', () => read(archive({ 'model/other.pkl': '' })))
  await rejectsCode('PYTORCH_ARCHIVE', () => read(archive({ 'a/data.pkl': dict({}), 'b/data.pkl': dict({}) })))
  await rejectsCode('PYTORCH_ARCHIVE', () => read(file(dict({ w: tensor() }), { 'model/data/0': floats, 'model/byteorder': 'middle' })))
  await rejectsCode('PYTORCH_TAR', () => read(Uint8Array.from({ length: 600 }, (_, i) => 'ustar'.charCodeAt(i - 257) || 0)))
  await rejectsCode('PYTORCH_STORAGE', () => read(file(dict({ w: tensor() }), {})))
  await rejectsCode('PYTORCH_STORAGE', () => read(file(dict({ w: tensor({ shape: [3, 2] }) }))))
  await rejectsCode('PYTORCH_STORAGE', () => read(file(dict({ w: `(${text('elsewhere')}tQ` }))))
  await rejectsCode('PYTORCH_TENSOR', () => read(file(dict({ w: tensor({ shape: [2, -2] }) }))))
  await rejectsCode('PYTORCH_TENSOR', () => read(file(dict({ w: tensor({ strides: [1] }) }))))
  await rejectsCode('PYTORCH_TENSOR', () => read(file(dict({ w: `${global('torch._utils', '_rebuild_sparse_tensor')}(tR` }))))
  await rejectsCode('PYTORCH_DTYPE', () => read(file(dict({ w: tensor({ storage: 'ComplexFloatStorage' }) }))))
  await rejectsCode('PYTORCH_DTYPE', () => read(file(dict({ w: `${global('torch._utils', '_rebuild_qtensor')}(tR` }))))
  await rejectsCode('PYTORCH_LIMIT', () => read(file(dict({ w: tensor({ shape: [1 << 24], strides: [0] }) }))))
  await rejectsCode('PYTORCH_LIMIT', () => read(file(`${'('.repeat(70)}${'t'.repeat(70)}.`)))
})

test('nothing that a file names is run', async () => {
  for (const [module, name] of [['os', 'system'], ['builtins', 'eval'], ['torch', 'load'], ['__main__', 'Net'], ['torch.hub', 'load'], ['runpy', '_run_code']]) {
    await rejectsCode('PYTORCH_GLOBAL', () => read(file(`${global(module, name)}(${text('touch x')}tR.`)), /torch\.onnx\.export/)
  }
})

test('weights alone are refused by name of the way out', async () => {
  await rejectsCode('PYTORCH_ARCHITECTURE', () => importModel(file(dict({ w: tensor() })), { fileName: 'x.pt' }), /torch\.onnx\.export/)
})

const script = (forward: string, attributes = ''): Uint8Array =>
  archive({
    'm/data.pkl': `${global('__torch__', 'Net')}(tR}(${text('w')}${tensor()}${attributes}ub.`, 'm/data/0': floats, 'm/constants.pkl': '(t.',
    'm/code/__torch__.py': `class Net(Module):\n  __parameters__ = ["w", ]\n  w : Tensor\n  def forward(self, x: Tensor) -> Tensor:\n${forward.split('\n').map((line) => `    ${line}`).join('\n')}\n`,
  })
const run = (forward: string): Promise<unknown> => importModel(script(forward), { fileName: 'x.pt' })

test('scripts that cannot be followed', async () => {
  assert.equal((await importModel(script('return torch.matmul(x, self.w)'), { fileName: 'x.pt' })).outputs.length, 1)
  await rejectsCode('PYTORCH_OPERATOR', () => run('return torch.fft_fft(x)'), /torch\.onnx\.export/)
  await rejectsCode('PYTORCH_OPERATOR', () => run('return ops.torchvision.nms(x, x, 0.5)'))
  await rejectsCode('PYTORCH_CONTROL', () => run('if bool(torch.gt(torch.sum(x), 0)):\n  y = torch.add(x, 1)\nelse:\n  y = torch.sub(x, 1)\nreturn y'), /torch\.onnx\.export/)
  await rejectsCode('PYTORCH_SYNTAX', () => run('return (lambda y: y)(x)'))
  await rejectsCode('PYTORCH_SYNTAX', () => run('return unknown_name'))
  await rejectsCode('PYTORCH_SYNTAX', () => run('return self.missing'))
  await rejectsCode('PYTORCH_ARGUMENT', () => run('return torch.relu()'))
  await rejectsCode('PYTORCH_ARGUMENT', () => run('return torch.add(x, "text")'))
  await rejectsCode('PYTORCH_OUTPUT', () => run('return "text"'))
  await rejectsCode('PYTORCH_RAISES', () => run('ops.prim.RaiseException("never")\nreturn x'))
  await rejectsCode('PYTORCH_INPLACE', () => run('y = torch.view(x, [-1])\nz = torch.add_(y, 1)\nreturn x'))
  await rejectsCode('PYTORCH_TRAINING', () => run('return torch.batch_norm(x, None, None, self.w, self.w, True, 0.1, 1e-05, True)'))
  await rejectsCode('PYTORCH_SHAPE', () => run('_0, _1 = torch.adaptive_max_pool2d(x, [7, 7])\nreturn _0'), /input-shape/)
  await rejectsCode('PYTORCH_RANK', () => importModel(script('return torch.conv2d(x, torch.view(self.w, [1, 1, 2, 2]))'), { fileName: 'x.pt', inputShapes: { x: ['n', 3] } }))
  await rejectsCode('PYTORCH_LIMIT', () => run('while True:\n  y = 1\nreturn x'))
  await rejectsCode('PYTORCH_INPUT', () => importModel(script('return x'), { fileName: 'x.pt', inputShapes: { y: [1] } }))
})

const weights = file(dict({ 'fc.weight': tensor(), 'fc.bias': tensor({ shape: [2], strides: [1] }) }))
const under = (architecture: object | string): Promise<unknown> => importModel(weights, { fileName: 'x.pt', architecture })
const FC = { type: 'Linear', name: 'fc' }

test('small texts that ask for much work', async () => {
  const bombs = [
    'a = [1]\nfor i in range(60):\n  a = a + a\nreturn x',
    's = "ab"\nfor i in range(60):\n  s = s + s\nreturn x',
    'return torch.layer_norm(x, [1000000000000])',
    'return torch.stack(torch.unbind(torch.zeros([1000000000]), 0))',
    'return torch.split(torch.zeros([1000000000]), 1)[0]',
    'return torch.linspace(0, 1, 1000000000000)',
    'return torch.adaptive_avg_pool1d(x, [1000000000])',
  ]
  for (const bomb of bombs) await rejectsCode('PYTORCH_LIMIT', () => importModel(script(bomb), { fileName: 'x.pt', inputShapes: { x: ['n', 3, 9] } }))
  const nested = (depth: number): string => (depth === 0 ? 'ReLU()' : `Sequential(\n(0-99): 100 x ${nested(depth - 1)}\n)`)
  await rejectsCode('ARCHITECTURE_SYNTAX', () => under(nested(5)))
  const repeated = (depth: number): object[] => [depth === 0 ? { type: 'Dropout' } : { type: 'Repeat', repeat: 1000, layers: repeated(depth - 1) }]
  await rejectsCode('PYTORCH_LIMIT', () => under({ layers: [FC, ...repeated(6)] }))
})

test('architecture files that do not fit', async () => {
  await under({ layers: [FC] })
  await under('Sequential(\n  (fc): Linear(in_features=2, out_features=2, bias=True)\n)')
  await under('import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(2, 2)\n    def forward(self, x):\n        return self.fc(x)\n')
  await rejectsCode('ARCHITECTURE_SYNTAX', () => under({ layers: [FC], model: 'x' }))
  await rejectsCode('ARCHITECTURE_SYNTAX', () => under({ layer: [FC] }))
  await rejectsCode('ARCHITECTURE_SYNTAX', () => under('Sequential('))
  await rejectsCode('ARCHITECTURE_LAYER', () => under({ layers: [{ type: 'Linaer', name: 'fc' }] }))
  await rejectsCode('ARCHITECTURE_SETTING', () => under({ layers: [FC, { type: 'MaxPool1d' }] }))
  await rejectsCode('ARCHITECTURE_SETTING', () => under({ layers: [{ ...FC, type: 'Flatten', start: 2 }] }))
  await rejectsCode('ARCHITECTURE_REFERENCE', () => under({ layers: [{ ...FC, from: 'nowhere' }] }), /nowhere/)
  await rejectsCode('ARCHITECTURE_MISSING', () => under({ layers: [{ type: 'Linear', name: 'fc1' }] }), /fc1\.weight.*fc\.weight/)
  await rejectsCode('ARCHITECTURE_EXTRA', () => under({ inputs: { x: { shape: ['n', 2] } }, layers: [{ type: 'ReLU' }] }), /fc\.weight/)
  await rejectsCode('ARCHITECTURE_SHAPE', () => under({ layers: [{ ...FC, out_features: 3 }] }), /fc\.weight has shape \[2, 2\], expected \[3, \?\]/)
  await rejectsCode('ARCHITECTURE_FORWARD', () => under({ model: 'Net(\n  (fc): Linear(in_features=2, out_features=2, bias=True)\n)' }), /forward/)
})

test('a checkpoint around a state dict is looked through', async () => {
  const checkpoint = file(`(${text('epoch')}${int(3)}${text('model_state_dict')}${dict({ 'fc.weight': tensor(), 'fc.bias': tensor({ shape: [2], strides: [1] }) }).slice(0, -1)}d.`)
  assert.equal((await importModel(checkpoint, { fileName: 'x.pt', architecture: { layers: [FC] } })).nodes.length, 2)
})

test('half precision weights are computed in float32', async () => {
  const half = file(dict({ 'fc.weight': tensor({ storage: 'HalfStorage' }) }))
  const graph = await importModel(half, { fileName: 'x.pt', architecture: { layers: [FC] } })
  assert.ok(graph.nodes.some((node) => node.op === 'Cast'))
})

test('every public case has a code, never another error, when a byte of it is changed', async () => {
  const [fixture] = readCases('pytorch').filter(({ name }) => name === 'gru_state_dict')
  const bytes = fixture.bytes('model.pt')
  for (let at = 0; at < bytes.length; at += 97) {
    const damaged = Uint8Array.from(bytes)
    damaged[at] ^= 0x55
    await readTensors(damaged, { fileName: 'model.pt' }).catch((error: unknown) => assert.ok(error instanceof Error && 'code' in error, String(error)))
  }
})
