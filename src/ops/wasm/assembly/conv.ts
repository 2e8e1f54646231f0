// Convolutions over raw memory with the bits of src/ops/cpu/conv.ts: one accumulator per output, channels and then places of the
// window ascending, products of the padding's zeros included. Constant weights of images are panels of features, which meet padded rows (parts/direct.ts).
// Other convolutions are products of the weights [features, depth] with the input's windows [depth, places], which are packed block by block into
// scratch, so that the input needs no padded copy. Where each channel has features of its own (depthwise), rows of the input are padded one by one instead.
import { bandRows, direct } from './parts/direct.ts'
import { finish } from './parts/epilogue.ts'
import { field, strided } from './parts/window.ts'
import { addScaled, DEPTH_BYTES, EDGE_BYTES, pack, PANEL, product, unpacked } from './parts/product.ts'

/** Scratch: the edge of products, then places of the lanes of a panel, then what is packed. */
const LANES_AT: usize = EDGE_BYTES
const PACKED_AT: usize = EDGE_BYTES + 128
/** Packed panels, or padded rows. */
const PACKED_BYTES: usize = 262144

/** Writes the input place of the first tap for each lane of the panel from output place `from`: z, y, x and their byte offset, 8 words each. */
function placeLanes<T>(shape: usize, from: usize, places: usize, to: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  const height = field(shape, 4)
  const width = field(shape, 5)
  for (let lane: usize = 0; lane < lanes; lane++, to += 4) {
    const place = <isize>min(from + lane, places - 1)
    const row = place / width
    const z = (row / height) * field(shape, 9) - field(shape, 15)
    const y = (row % height) * field(shape, 10) - field(shape, 16)
    const x = (place % width) * field(shape, 11) - field(shape, 17)
    store<i32>(to, <i32>z)
    store<i32>(to, <i32>y, 32)
    store<i32>(to, <i32>x, 64)
    store<i32>(to, <i32>(((z * field(shape, 1) + y) * field(shape, 2) + x) * <isize>sizeof<T>()), 96)
  }
}

/** Which of the four lanes from `lanes` have their tap inside the input; the others are in the padding. */
// @ts-ignore: decorator
@inline
function insideLanes(shape: usize, lanes: usize, d: isize, h: isize, w: isize): v128 {
  const z = i32x4.lt_u(i32x4.add(v128.load(lanes), i32x4.splat(<i32>d)), i32x4.splat(<i32>field(shape, 0)))
  const y = i32x4.lt_u(i32x4.add(v128.load(lanes, 32), i32x4.splat(<i32>h)), i32x4.splat(<i32>field(shape, 1)))
  const x = i32x4.lt_u(i32x4.add(v128.load(lanes, 64), i32x4.splat(<i32>w)), i32x4.splat(<i32>field(shape, 2)))
  return v128.and(v128.and(z, y), x)
}

// A panel's lanes of one tap, which are evenly spaced in a row of the input, of each channel
// @ts-ignore: decorator
@inline
function copyLanes<T>(plane: usize, channels: usize, planeBytes: usize, stride: usize, out: usize, channelStep: usize): void {
  if (stride == 1) {
    for (let c: usize = 0; c < channels; c++) {
      v128.store(out, v128.load(plane))
      v128.store(out, v128.load(plane, 16), 16)
      plane += planeBytes
      out += channelStep
    }
    return
  }
  const half: usize = 16 * stride
  for (let c: usize = 0; c < channels; c++) {
    v128.store(out, strided<T>(plane, stride))
    v128.store(out, strided<T>(plane + half, stride), 16)
    plane += planeBytes
    out += channelStep
  }
}

// x [channels, plane] -> panel [channels, taps, lanes] of the windows of neighbouring places
function packPanel<T>(shape: usize, x: usize, channels: usize, planeBytes: usize, from: usize, places: usize, lanesAt: usize, to: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  placeLanes<T>(shape, from, places, lanesAt)
  const kd = field(shape, 6)
  const kh = field(shape, 7)
  const kw = field(shape, 8)
  const channelStep: usize = kd * kh * kw * PANEL
  const stride: usize = field(shape, 11)
  // Lanes of one row of outputs are evenly spaced and need not be taken one by one, unless the padding cuts them.
  const inRow = from + lanes <= places && from / <usize>field(shape, 5) == (from + lanes - 1) / <usize>field(shape, 5)
  const first = <isize>load<i32>(lanesAt, 64)
  const last = <isize>load<i32>(lanesAt + (lanes - 1) * 4, 64)
  const reach = (kw - 1) * field(shape, 14)
  const isInner = inRow && first + min<isize>(0, reach) >= 0 && last + max<isize>(0, reach) < field(shape, 2)
  for (let i: isize = 0; i < kd; i++) {
    for (let j: isize = 0; j < kh; j++) {
      const d = i * field(shape, 12)
      const h = j * field(shape, 13)
      const rowShift = (d * field(shape, 1) + h) * field(shape, 2) * <isize>sizeof<T>()
      if (isInner && <u32>(load<i32>(lanesAt) + <i32>d) < <u32>field(shape, 0) && <u32>(load<i32>(lanesAt, 32) + <i32>h) < <u32>field(shape, 1)) {
        let at: usize = x + <isize>load<i32>(lanesAt, 96) + rowShift
        for (let k: isize = 0; k < kw; k++) {
          copyLanes<T>(at, channels, planeBytes, stride, to, channelStep)
          at += field(shape, 14) * <isize>sizeof<T>()
          to += PANEL
        }
        continue
      }
      for (let k: isize = 0; k < kw; k++) {
        const w = k * field(shape, 14)
        const shift = i32x4.splat(<i32>(rowShift + w * <isize>sizeof<T>()))
        const m0 = insideLanes(shape, lanesAt, d, h, w)
        const m1 = sizeof<T>() == 8 ? m0 : insideLanes(shape, lanesAt + 16, d, h, w)
        const a0 = v128.and(i32x4.add(v128.load(lanesAt, 96), shift), m0)
        let out = to
        to += PANEL
        let plane = x
        if (inRow && i32x4.all_true(v128.and(m0, m1))) {
          copyLanes<T>(plane + i32x4.extract_lane(a0, 0), channels, planeBytes, stride, out, channelStep)
          continue
        }
        const p0: usize = i32x4.extract_lane(a0, 0)
        const p1: usize = i32x4.extract_lane(a0, 1)
        const p2: usize = i32x4.extract_lane(a0, 2)
        const p3: usize = i32x4.extract_lane(a0, 3)
        if (sizeof<T>() == 8) {
          const low = i64x2.extend_low_i32x4_s(m0)
          const high = i64x2.extend_high_i32x4_s(m0)
          for (let c: usize = 0; c < channels; c++) {
            v128.store(out, v128.and(v128.load64_lane(plane + p1, v128.load64_zero(plane + p0), 1), low))
            v128.store(out, v128.and(v128.load64_lane(plane + p3, v128.load64_zero(plane + p2), 1), high), 16)
            plane += planeBytes
            out += channelStep
          }
          continue
        }
        const a1 = v128.and(i32x4.add(v128.load(lanesAt, 112), shift), m1)
        const p4: usize = i32x4.extract_lane(a1, 0)
        const p5: usize = i32x4.extract_lane(a1, 1)
        const p6: usize = i32x4.extract_lane(a1, 2)
        const p7: usize = i32x4.extract_lane(a1, 3)
        for (let c: usize = 0; c < channels; c++) {
          let v = v128.load32_zero(plane + p0)
          v = v128.load32_lane(plane + p1, v, 1)
          v = v128.load32_lane(plane + p2, v, 2)
          v = v128.load32_lane(plane + p3, v, 3)
          v128.store(out, v128.and(v, m0))
          v = v128.load32_zero(plane + p4)
          v = v128.load32_lane(plane + p5, v, 1)
          v = v128.load32_lane(plane + p6, v, 2)
          v = v128.load32_lane(plane + p7, v, 3)
          v128.store(out, v128.and(v, m1), 16)
          plane += planeBytes
          out += channelStep
        }
      }
    }
  }
}

// x [channels, plane], w [features, channels, taps], or panels of features where `isPacked` -> y [features, places]
function convolve<T>(shape: usize, x: usize, channels: usize, planeBytes: usize, w: usize, isPacked: bool, features: usize, y: usize, places: usize, scratch: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  const taps: usize = field(shape, 6) * field(shape, 7) * field(shape, 8)
  const depth = channels * taps
  const perBlock = max<usize>(1, DEPTH_BYTES / sizeof<T>() / max<usize>(1, taps))
  const blockPanels = max<usize>(1, PACKED_BYTES / (min(perBlock, max<usize>(1, channels)) * max<usize>(1, taps) * PANEL))
  const packed = scratch + PACKED_AT
  for (let p: usize = 0; p < places; p += blockPanels * lanes) {
    const width = min(blockPanels * lanes, places - p)
    let c: usize = 0
    do {
      const some = min(perBlock, channels - c)
      const panelStep = some * taps * PANEL
      for (let q: usize = 0; q < width; q += lanes) {
        packPanel<T>(shape, x + c * planeBytes, some, planeBytes, p + q, places, scratch + LANES_AT, packed + q / lanes * panelStep)
      }
      // The features of a panel are neighbours.
      const together = isPacked ? lanes : features
      for (let f: usize = 0; f < features; f += together) {
        const from = isPacked ? w + f * depth * sizeof<T>() + c * taps * PANEL : w + c * taps * sizeof<T>()
        product<T>(
          min(together, features - f), some * taps, width, from, isPacked ? sizeof<T>() : depth * sizeof<T>(), isPacked ? PANEL : sizeof<T>(), packed, PANEL, panelStep,
          y + (f * places + p) * sizeof<T>(), places * sizeof<T>(), c == 0, 0, 0, scratch,
        )
      }
      c += some
    } while (c < channels)
  }
}

/** Bytes of the padded rows that one row of outputs of a depthwise convolution reads. */
function rowsBytes<T>(shape: usize): usize {
  return field(shape, 6) * field(shape, 7) * rowLength(shape) * sizeof<T>()
}

function rowLength(shape: usize): usize {
  return (field(shape, 5) - 1) * field(shape, 11) + (field(shape, 8) - 1) * field(shape, 14) + 1
}

// x [plane] -> rows [kd, kh, length], the padded rows that the outputs of row (d, h) read
function padRows<T>(shape: usize, x: usize, d: isize, h: isize, to: usize): void {
  const length = rowLength(shape)
  const height = field(shape, 1)
  const width = field(shape, 2)
  const before = field(shape, 17)
  const used = max<isize>(0, min<isize>(width, <isize>length - before))
  for (let i: isize = 0; i < field(shape, 6); i++) {
    const z = d * field(shape, 9) - field(shape, 15) + i * field(shape, 12)
    for (let j: isize = 0; j < field(shape, 7); j++) {
      const y = h * field(shape, 10) - field(shape, 16) + j * field(shape, 13)
      const isInside = <u32>z < <u32>field(shape, 0) && <u32>y < <u32>height
      if (!isInside || used < <isize>length) memory.fill(to, 0, length * sizeof<T>())
      if (isInside && used > 0) memory.copy(to + before * sizeof<T>(), x + (z * height + y) * width * sizeof<T>(), used * sizeof<T>())
      to += length * sizeof<T>()
    }
  }
}

// rows [kd kh, length], w [kd kh kw] -> y [width]
function rowOutputs<T>(shape: usize, rows: usize, w: usize, y: usize): void {
  const lanes: usize = 16 / sizeof<T>()
  const count: usize = field(shape, 6) * field(shape, 7)
  const kw: usize = field(shape, 8)
  const width: usize = field(shape, 5)
  const stride: usize = field(shape, 11)
  const step = lanes * stride * sizeof<T>()
  const rowBytes = rowLength(shape) * sizeof<T>()
  const tapBytes = <usize>field(shape, 14) * sizeof<T>()
  let o: usize = 0
  for (; o + 4 * lanes <= width; o += 4 * lanes) {
    let c0 = v128.splat<T>(0)
    let c1 = c0
    let c2 = c0
    let c3 = c0
    let row = rows + o * stride * sizeof<T>()
    let v = w
    for (let r: usize = 0; r < count; r++) {
      let x = row
      for (let k: usize = 0; k < kw; k++) {
        const factor = v128.load_splat<T>(v)
        c0 = v128.add<T>(c0, v128.mul<T>(strided<T>(x, stride), factor))
        c1 = v128.add<T>(c1, v128.mul<T>(strided<T>(x + step, stride), factor))
        c2 = v128.add<T>(c2, v128.mul<T>(strided<T>(x + 2 * step, stride), factor))
        c3 = v128.add<T>(c3, v128.mul<T>(strided<T>(x + 3 * step, stride), factor))
        v += sizeof<T>()
        x += tapBytes
      }
      row += rowBytes
    }
    const to = y + o * sizeof<T>()
    v128.store(to, c0)
    v128.store(to, c1, 16)
    v128.store(to, c2, 32)
    v128.store(to, c3, 48)
  }
  for (; o + lanes <= width; o += lanes) {
    let c0 = v128.splat<T>(0)
    let row = rows + o * stride * sizeof<T>()
    let v = w
    for (let r: usize = 0; r < count; r++) {
      let x = row
      for (let k: usize = 0; k < kw; k++) {
        c0 = v128.add<T>(c0, v128.mul<T>(strided<T>(x, stride), v128.load_splat<T>(v)))
        v += sizeof<T>()
        x += tapBytes
      }
      row += rowBytes
    }
    v128.store(y + o * sizeof<T>(), c0)
  }
  for (; o < width; o++) {
    let c: T = 0
    let row = rows + o * stride * sizeof<T>()
    let v = w
    for (let r: usize = 0; r < count; r++) {
      let x = row
      for (let k: usize = 0; k < kw; k++) {
        c += load<T>(x) * load<T>(v)
        v += sizeof<T>()
        x += tapBytes
      }
      row += rowBytes
    }
    store<T>(y + o * sizeof<T>(), c)
  }
}

// x [plane], w [features, taps] -> y [features, places]
function convolveOne<T>(shape: usize, x: usize, w: usize, features: usize, y: usize, places: usize, scratch: usize): void {
  const taps: usize = field(shape, 6) * field(shape, 7) * field(shape, 8)
  const rows = scratch + PACKED_AT
  const rowBytes: usize = field(shape, 5) * sizeof<T>()
  for (let d: isize = 0; d < field(shape, 3); d++) {
    for (let h: isize = 0; h < field(shape, 4); h++) {
      padRows<T>(shape, x, d, h, rows)
      for (let m: usize = 0; m < features; m++) rowOutputs<T>(shape, rows, w + m * taps * sizeof<T>(), y + m * places * sizeof<T>())
      y += rowBytes
    }
  }
}

/** Bytes of one group's weights in panels of features. */
// @ts-ignore: decorator
@inline
function panelsBytes<T>(depth: usize, features: usize): usize {
  const lanes: usize = PANEL / sizeof<T>()
  return (features + lanes - 1) / lanes * depth * PANEL
}

// w [features, depth] -> panels of features
export function packWeights32(w: usize, features: usize, depth: usize, to: usize): void {
  pack<f32>(w, 4, depth * 4, depth, features, to)
}

export function packWeights64(w: usize, features: usize, depth: usize, to: usize): void {
  pack<f64>(w, 8, depth * 8, depth, features, to)
}

/** `isPlain`: one tap, no padding, every place of the input in order. `panels`: each group's weights in panels of features, or 0: then w are the weights as they are. */
function conv<T>(shape: usize, x: usize, w: usize, panels: usize, bias: usize, epilogue: usize, y: usize, batch: usize, groups: usize, channels: usize, features: usize, isPlain: bool, scratch: usize): void {
  const planeBytes: usize = field(shape, 0) * field(shape, 1) * field(shape, 2) * sizeof<T>()
  const places: usize = field(shape, 3) * field(shape, 4) * field(shape, 5)
  const taps: usize = field(shape, 6) * field(shape, 7) * field(shape, 8)
  const band: usize = panels ? bandRows<T>(shape, channels, PACKED_BYTES) : 0
  const groupPanels = panelsBytes<T>(channels * taps, features)
  const byRows = channels == 1 && features < 4 && rowsBytes<T>(shape) <= PACKED_BYTES
  for (let n: usize = 0; n < batch; n++) {
    for (let group: usize = 0; group < groups; group++) {
      const weights = panels ? panels + group * groupPanels : w + group * features * channels * taps * sizeof<T>()
      if (band > 0) {
        direct<T>(shape, x, channels, weights, features, bias ? bias + group * features * sizeof<T>() : 0, epilogue, y, band, scratch + PACKED_AT)
        x += channels * planeBytes
        y += features * places * sizeof<T>()
        continue
      }
      if (byRows) convolveOne<T>(shape, x, weights, features, y, places, scratch)
      else if (isPlain) unpacked<T>(features, channels, places, weights, channels * sizeof<T>(), sizeof<T>(), x, planeBytes, sizeof<T>(), y, places * sizeof<T>(), true, 0, 0, scratch)
      else convolve<T>(shape, x, channels, planeBytes, weights, panels != 0, features, y, places, scratch)
      if (bias) addScaled<T>(y, features, places, bias + group * features * sizeof<T>(), sizeof<T>(), 0, 1)
      if (epilogue) finish<T>(1, features * places * sizeof<T>(), y, 0, 0, epilogue)
      x += channels * planeBytes
      y += features * places * sizeof<T>()
    }
  }
}

// Transposed convolutions: outputs whose places are alike modulo the stride take the same taps, so that each such phase is a convolution of stride 1
// whose taps go backwards through the input; its outputs lie `stride` apart.

/** A phase behind its window: what rows and columns the output has, strides d, h, w and where the phase begins. */
const OUTPUT: usize = 21
/** Behind the packed panels: outputs of a block of places. */
const OUTPUTS_BYTES: usize = 131072

// block [features, width] of outputs from place `from` on -> y [features, size]
function scatter<T>(shape: usize, block: usize, step: usize, from: usize, count: usize, features: usize, bias: usize, y: usize, size: usize): void {
  const height: usize = field(shape, 4)
  const width: usize = field(shape, 5)
  const stride: usize = field(shape, OUTPUT + 4)
  for (let m: usize = 0; m < features; m++, block += step, y += size * sizeof<T>()) {
    const more: T = bias ? load<T>(bias + m * sizeof<T>()) : <T>0
    let at = block
    for (let p = from; p < from + count; ) {
      const row = p / width
      const left = min(width - p % width, from + count - p)
      const z: usize = (row / height) * field(shape, OUTPUT + 2)
      const place = (z * field(shape, OUTPUT) + (row % height) * field(shape, OUTPUT + 3)) * field(shape, OUTPUT + 1) + (p % width) * stride + field(shape, OUTPUT + 5)
      let to = y + place * sizeof<T>()
      for (let e: usize = 0; e < left; e++, at += sizeof<T>(), to += stride * sizeof<T>()) store<T>(to, bias ? load<T>(at) + more : load<T>(at))
      p += left
    }
  }
}

// x [batch, groups, channels, plane], w [groups, features, channels, taps] of one phase -> its places of y [batch, groups, features, size]
function transposed<T>(shape: usize, x: usize, w: usize, bias: usize, y: usize, batch: usize, groups: usize, channels: usize, features: usize, size: usize, scratch: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  const planeBytes: usize = field(shape, 0) * field(shape, 1) * field(shape, 2) * sizeof<T>()
  const places: usize = field(shape, 3) * field(shape, 4) * field(shape, 5)
  const taps: usize = field(shape, 6) * field(shape, 7) * field(shape, 8)
  const depth = channels * taps
  const perBlock = max<usize>(1, DEPTH_BYTES / sizeof<T>() / max<usize>(1, taps))
  const blockPanels = PACKED_BYTES / (min(perBlock, channels) * max<usize>(1, taps) * PANEL)
  const most = max<usize>(1, min(blockPanels, OUTPUTS_BYTES / (features * PANEL))) * lanes
  const packed = scratch + PACKED_AT
  const outputs = packed + PACKED_BYTES
  for (let n: usize = 0; n < batch; n++) {
    for (let group: usize = 0; group < groups; group++) {
      const weights = w + group * features * depth * sizeof<T>()
      for (let p: usize = 0; p < places; p += most) {
        const count = min(most, places - p)
        const width = (count + lanes - 1) / lanes * lanes
        for (let c: usize = 0; c < channels; c += perBlock) {
          const some = min(perBlock, channels - c)
          const panelStep = some * taps * PANEL
          for (let q: usize = 0; q < count; q += lanes) packPanel<T>(shape, x + c * planeBytes, some, planeBytes, p + q, places, scratch + LANES_AT, packed + q / lanes * panelStep)
          product<T>(features, some * taps, width, weights + c * taps * sizeof<T>(), depth * sizeof<T>(), sizeof<T>(), packed, PANEL, panelStep, outputs, width * sizeof<T>(), c == 0, 0, 0, scratch)
        }
        scatter<T>(shape, outputs, width * sizeof<T>(), p, count, features, bias ? bias + group * features * sizeof<T>() : 0, y, size)
      }
      x += channels * planeBytes
      y += features * size * sizeof<T>()
    }
  }
}

export function transposed32(shape: usize, x: usize, w: usize, bias: usize, y: usize, batch: usize, groups: usize, channels: usize, features: usize, size: usize, scratch: usize): void {
  transposed<f32>(shape, x, w, bias, y, batch, groups, channels, features, size, scratch)
}

export function transposed64(shape: usize, x: usize, w: usize, bias: usize, y: usize, batch: usize, groups: usize, channels: usize, features: usize, size: usize, scratch: usize): void {
  transposed<f64>(shape, x, w, bias, y, batch, groups, channels, features, size, scratch)
}

export function conv32(shape: usize, x: usize, w: usize, panels: usize, bias: usize, epilogue: usize, y: usize, batch: usize, groups: usize, channels: usize, features: usize, isPlain: bool, scratch: usize): void {
  conv<f32>(shape, x, w, panels, bias, epilogue, y, batch, groups, channels, features, isPlain, scratch)
}

export function conv64(shape: usize, x: usize, w: usize, panels: usize, bias: usize, epilogue: usize, y: usize, batch: usize, groups: usize, channels: usize, features: usize, isPlain: bool, scratch: usize): void {
  conv<f64>(shape, x, w, panels, bias, epilogue, y, batch, groups, channels, features, isPlain, scratch)
}
