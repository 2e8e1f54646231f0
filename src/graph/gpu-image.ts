// Pictures on a GPU as inputs of models: camera frames, canvases and textures, resized and normalized without a way over the host.
import { MleError } from '../error.ts'
import { COPY_DST, RENDER_ATTACHMENT, TEXTURE_BINDING, TEXTURE_COPY_DST, UNIFORM } from '../platform/gpu-constants.ts'
import { checkTarget, createTensorBuffer, storageFor, tensorOnGpu, type GpuTensor } from './gpu-tensor.ts'

export interface ImageOptions {
  /** Pixels of the result; the picture's own by default. Resized bilinearly between centres of pixels, as torch's interpolate does with align_corners=False. */
  readonly width?: number
  readonly height?: number
  /** 'nchw' (default): [1, channels, height, width]; 'nhwc': [1, height, width, channels]. */
  readonly layout?: 'nchw' | 'nhwc'
  /** 3 (default) for red, green and blue, 4 with alpha, 1 for red alone. */
  readonly channels?: 1 | 3 | 4
  /** Subtracted from each channel, whose values are 0 to 1. Default 0. */
  readonly mean?: readonly number[]
  /** What the difference is divided by. Default 1; 1 / 255 gives values of 0 to 255. */
  readonly std?: readonly number[]
  /** A tensor of this size from an earlier call, to write into. */
  readonly into?: GpuTensor
}

/** What a browser can copy into a texture: ImageBitmap, VideoFrame, video, image and canvas elements, OffscreenCanvas. */
export type ImageSource = GPUTexture | GPUCopyExternalImageSource

const THREADS = 8

/** source: a texture of any float or normalized format; result: [channels, height, width] or [height, width, channels] f32 */
const SHADER = `struct Uniforms { old: vec2<u32>, wanted: vec2<u32>, channels: u32, pixel: u32, plane: u32, unused: u32, mean: vec4<f32>, scale: vec4<f32> }
@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;
@compute @workgroup_size(${THREADS}, ${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= u.wanted.x || id.y >= u.wanted.y) { return; }
  let last = vec2<f32>(u.old) - 1.0;
  let at = clamp((vec2<f32>(id.xy) + 0.5) * vec2<f32>(u.old) / vec2<f32>(u.wanted) - 0.5, vec2<f32>(0.0), last);
  let low = vec2<u32>(at);
  let high = min(low + 1u, u.old - 1u);
  let part = at - vec2<f32>(low);
  let top = mix(textureLoad(picture, low, 0), textureLoad(picture, vec2<u32>(high.x, low.y), 0), part.x);
  let bottom = mix(textureLoad(picture, vec2<u32>(low.x, high.y), 0), textureLoad(picture, high, 0), part.x);
  let value = (mix(top, bottom, part.y) - u.mean) * u.scale;
  let place = (id.y * u.wanted.x + id.x) * u.pixel;
  for (var c = 0u; c < u.channels; c++) { result[place + c * u.plane] = value[c]; }
}`

const pipelines = /* @__PURE__ */ new WeakMap<GPUDevice, GPUComputePipeline>()

/**
 * A picture as a float32 tensor on a GPU, for `model.run` of a model there.
 *
 * @throws MleError DEVICE_IMAGE for sizes and values that fit nothing, DEVICE_BUFFER_SIZE for an `into` that is too small
 * @example const X = imageToGpu(gpu, videoFrame, { width: 224, height: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] })
 */
export function imageToGpu(gpu: GPUDevice, source: ImageSource, options: ImageOptions = {}): GpuTensor {
  const texture = isTexture(source) ? source : textureOf(gpu, source)
  try {
    return convert(gpu, texture, options)
  } finally {
    // What has been submitted keeps it until it is done.
    if (texture !== source) texture.destroy()
  }
}

function convert(gpu: GPUDevice, texture: GPUTexture, options: ImageOptions): GpuTensor {
  const { width = texture.width, height = texture.height, layout = 'nchw', channels = 3, mean = [0], std = [1], into } = options
  const isSize = (count: number): boolean => Number.isInteger(count) && count > 0
  if (!isSize(width) || !isSize(height)) throw wrong(`a size of ${width} x ${height} pixels`)
  if (channels !== 1 && channels !== 3 && channels !== 4) throw wrong(`${String(channels)} channels`)
  for (const [name, list] of [['mean', mean], ['std', std]] as const) {
    if ((list.length !== 1 && list.length !== channels) || list.some((value) => !Number.isFinite(value) || (name === 'std' && value === 0))) throw wrong(`${name} [${list.join(', ')}] for ${channels} channels`)
  }
  const shape = layout === 'nchw' ? [1, channels, height, width] : [1, height, width, channels]
  const bytes = channels * height * width * 4
  if (into !== undefined) checkTarget('into', into.gpuBuffer, bytes)
  const buffer = into?.gpuBuffer ?? createTensorBuffer(gpu, bytes)
  const block = new ArrayBuffer(64)
  new Uint32Array(block).set([texture.width, texture.height, width, height, channels, layout === 'nchw' ? 1 : channels, layout === 'nchw' ? height * width : 1])
  const each = (list: readonly number[], c: number): number => list[list.length === 1 ? 0 : c] ?? 0
  new Float32Array(block, 32).set(Array.from({ length: 8 }, (_, i) => (i < 4 ? each(mean, i) : 1 / (each(std, i - 4) || 1))))
  const uniforms = gpu.createBuffer({ size: block.byteLength, usage: UNIFORM | COPY_DST })
  gpu.queue.writeBuffer(uniforms, 0, block)
  const pipeline = pipelineFor(gpu)
  const encoder = gpu.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: texture.createView() }, { binding: 1, resource: { buffer, size: bytes } }, { binding: 2, resource: { buffer: uniforms } }] }))
  pass.dispatchWorkgroups(Math.ceil(width / THREADS), Math.ceil(height / THREADS))
  pass.end()
  gpu.queue.submit([encoder.finish()])
  uniforms.destroy()
  return tensorOnGpu({ gpu, dtype: 'float32', shape, storage: storageFor('the picture', 'float32', false), buffer, isOwned: true })
}

function wrong(what: string): MleError {
  return new MleError('DEVICE_IMAGE', `a picture cannot have ${what}`)
}

function isTexture(source: ImageSource): source is GPUTexture {
  return 'createView' in source
}

function textureOf(gpu: GPUDevice, source: GPUCopyExternalImageSource): GPUTexture {
  const [width, height] = sizeOfImage(source)
  if (width === 0 || height === 0) throw wrong('no pixels: it is not loaded yet')
  const texture = gpu.createTexture({ size: [width, height], format: 'rgba8unorm', usage: TEXTURE_BINDING | TEXTURE_COPY_DST | RENDER_ATTACHMENT })
  gpu.queue.copyExternalImageToTexture({ source }, { texture }, [width, height])
  return texture
}

function sizeOfImage(source: GPUCopyExternalImageSource): [number, number] {
  if ('displayWidth' in source) return [source.displayWidth, source.displayHeight]
  if ('videoWidth' in source) return [source.videoWidth, source.videoHeight]
  if ('naturalWidth' in source) return [source.naturalWidth, source.naturalHeight]
  return [source.width, source.height]
}

function pipelineFor(gpu: GPUDevice): GPUComputePipeline {
  let pipeline = pipelines.get(gpu)
  if (pipeline === undefined) pipelines.set(gpu, (pipeline = gpu.createComputePipeline({ layout: 'auto', compute: { module: gpu.createShaderModule({ code: SHADER }), entryPoint: 'main' } })))
  return pipeline
}
