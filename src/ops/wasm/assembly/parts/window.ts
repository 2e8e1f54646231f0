// Windows that slide over planes, for convolutions and pools.

// A window, u32 at these byte offsets; the first letters of names are depth, height and width.
//   0 input d, h, w   12 output d, h, w   24 kernel d, h, w   36 strides d, h, w   48 dilations d, h, w   60 before d, h, w   72 after d, h, w

// @ts-ignore: decorator
@inline
export function field(shape: usize, index: usize): isize {
  return <isize>load<i32>(shape + index * 4)
}

/** 16 bytes of places `stride` elements apart. */
// @ts-ignore: decorator
@inline
export function strided<T>(x: usize, stride: usize): v128 {
  if (stride == 1) return v128.load(x)
  if (sizeof<T>() == 8) return v128.load64_lane(x + stride * 8, v128.load64_zero(x), 1)
  // The last value is read from its own place, never past it.
  if (stride == 2) return v128.shuffle<f32>(v128.load(x), v128.load(x, 12), 0, 2, 5, 7)
  let v = v128.load32_zero(x)
  v = v128.load32_lane(x + stride * 4, v, 1)
  v = v128.load32_lane(x + stride * 8, v, 2)
  return v128.load32_lane(x + stride * 12, v, 3)
}
