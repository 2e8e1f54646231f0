// Tensors that stay on the GPU, in headless Chromium with the built bundle: chained models, pictures of a canvas, and nothing left over.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { write } from '../../src/format/index.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import { tensor } from '../../src/index.ts'
import { pageTest, type SiteOptions } from '../support/browser.ts'

const SCRIPT = `import * as mle from './mle.browser.js'
Object.assign(window, { mle, isReady: true })`

async function bundle(): Promise<string> {
  if (existsSync('dist/mle.browser.js')) return resolve('dist/mle.browser.js')
  await build({ entryPoints: ['src/browser.ts'], outfile: '.cache/mle.browser.js', bundle: true, minify: true, format: 'esm', target: 'es2022', platform: 'neutral', logLevel: 'silent' })
  return resolve('.cache/mle.browser.js')
}

/** Y = relu(X W) on pictures [1, 3, 4, 4] as one row of 48. */
async function site(): Promise<SiteOptions> {
  const b = graphBuilder()
  const x = b.add('Reshape', [b.input('X', { dtype: 'float32', shape: [1, 3, 4, 4] }), b.constant(tensor(BigInt64Array.of(1n, 48n)))])
  const y = b.add('Relu', [b.add('MatMul', [x, b.constant(tensor(Float32Array.from({ length: 48 * 48 }, (_, i) => (i % 49 === 0 ? 2 : 0)), [48, 48]))])])
  b.output('Y', b.add('Reshape', [y, b.constant(tensor(BigInt64Array.of(1n, 3n, 4n, 4n)))]), { dtype: 'float32', shape: [1, 3, 4, 4] })
  return {
    files: {
      '/': { body: '<!doctype html><title>mle</title><script type="module" src="/page.js"></script>', type: 'text/html' },
      '/page.js': { body: SCRIPT, type: 'text/javascript' },
      '/mle.browser.js': await bundle(),
      '/double.mle': { body: await write(b.build()), type: 'application/octet-stream' },
    },
  }
}

pageTest('a picture goes through two models on the GPU and is read once', site, async (page) => {
  await page.waitForFunction('window.isReady === true')
  const result = await page.evaluate(`(async () => {
    const { load, requestGpu, imageToGpu, describeGpu } = window.mle
    const gpu = await requestGpu()
    const [first, second] = [await load('./double.mle', { device: 'webgpu', gpu }), await load('./double.mle', { device: 'webgpu', gpu })]
    const canvas = new OffscreenCanvas(4, 4)
    const context = canvas.getContext('2d')
    context.fillStyle = 'rgb(255, 51, 0)'
    context.fillRect(0, 0, 4, 2)
    let maps = 0
    const { mapAsync } = GPUBuffer.prototype
    GPUBuffer.prototype.mapAsync = function (...args) { maps++; return mapAsync.apply(this, args) }
    const X = imageToGpu(gpu, canvas)
    const { Y } = await first.run({ X }, { onDevice: true })
    const { Y: again } = await second.run({ X: Y }, { onDevice: ['Y'] })
    const before = maps
    const { shape, data } = await again.read()
    const bitmap = imageToGpu(gpu, await createImageBitmap(canvas), { width: 2, height: 2, channels: 1 })
    const small = await bitmap.read()
    const other = await requestGpu()
    const codes = []
    const refused = (inputs, options) => first.run(inputs, options).then(() => codes.push('none'), ({ code }) => codes.push(code))
    await refused({ X: { dtype: 'float32', shape: [1, 3, 4, 4], gpuBuffer: other.createBuffer({ size: 192, usage: GPUBufferUsage.COPY_SRC }) } })
    Y.dispose()
    await refused({ X: Y })
    return { before, maps, shape, data: Array.from(data), small: Array.from(small.data), codes, isSoftware: describeGpu(gpu).isSoftware }
  })()`) as { before: number; maps: number; shape: number[]; data: number[]; small: number[]; codes: string[] }
  assert.deepEqual([result.before, result.shape], [0, [1, 3, 4, 4]])
  const expected = Array.from({ length: 48 }, (_, i) => (i % 16 < 8 ? [4, 0.8, 0][Math.floor(i / 16)] : 0))
  result.data.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5, `${i}: ${value}`))
  assert.deepEqual(result.small, [1, 1, 0, 0])
  assert.deepEqual(result.codes, ['DEVICE_BUFFER_FOREIGN', 'DEVICE_BUFFER_DESTROYED'])
})

pageTest('200 loads, runs and disposals leave no buffer', site, async (page) => {
  await page.waitForFunction('window.isReady === true')
  const result = await page.evaluate(`(async () => {
    const { load, requestGpu, read } = window.mle
    const gpu = await requestGpu()
    const live = new Set()
    let made = 0
    const { createBuffer } = GPUDevice.prototype
    const { destroy } = GPUBuffer.prototype
    GPUDevice.prototype.createBuffer = function (descriptor) { const buffer = createBuffer.call(this, descriptor); live.add(buffer); made++; return buffer }
    GPUBuffer.prototype.destroy = function () { live.delete(this); return destroy.call(this) }
    const graph = await read(await (await fetch('./double.mle')).arrayBuffer())
    const X = { dtype: 'float32', shape: [1, 3, 4, 4], data: new Float32Array(48).fill(1) }
    let most = 0
    for (let i = 0; i < 200; i++) {
      const model = await load(graph, { device: 'webgpu', gpu })
      const { Y } = await model.run({ X })
      if (Y.data[0] !== 2) throw new Error('wrong result')
      most = Math.max(most, live.size)
      model.dispose()
    }
    return { made, most, live: live.size }
  })()`) as { made: number; most: number; live: number }
  assert.ok(result.made >= 200 * 4 && result.most < 20, JSON.stringify(result))
  assert.equal(result.live, 0)
})
