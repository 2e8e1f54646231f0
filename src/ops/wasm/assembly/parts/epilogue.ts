// What follows a product and is computed before its results leave the registers or the first-level cache: a row of biases, a residual, bounds; with the bits of
// Add, Relu and Clip. An epilogue:
//   0 i32 from a result to its residual, 0 for none   8 T low   16 T high   24 T zero
// Bounds that are none are infinities. `zero` is +0 where the lower bound is +0, which makes +0 of -0 as the maximum of both is, else -0, which changes nothing.

/** Bytes from a result to its residual; 0 for none. */
// @ts-ignore: decorator
@inline
export function residualAt(epilogue: usize): isize {
  return <isize>load<i32>(epilogue)
}

/** Within the bounds; NaN stays. */
// @ts-ignore: decorator
@inline
export function bounded<T>(x: v128, epilogue: usize): v128 {
  return v128.add<T>(v128.pmin<T>(v128.pmax<T>(x, v128.load_splat<T>(epilogue, 8)), v128.load_splat<T>(epilogue, 16)), v128.load_splat<T>(epilogue, 24))
}

/** c [rows, width of `bytes`] after its last products; `bias`, a row, and `epilogue` are 0 where there are none. */
export function finish<T>(rows: usize, bytes: usize, c: usize, cStep: usize, bias: usize, epilogue: usize): void {
  const away = epilogue ? residualAt(epilogue) : 0
  for (let row: usize = 0; row < rows; row++, c += cStep) {
    const end = c + bytes
    let at = c
    let by = bias
    for (; at + 16 <= end; at += 16) {
      let x = v128.load(at)
      if (bias) {
        x = v128.add<T>(x, v128.load(by))
        by += 16
      }
      if (away) x = v128.add<T>(x, v128.load(at + away))
      v128.store(at, epilogue ? bounded<T>(x, epilogue) : x)
    }
    for (; at < end; at += sizeof<T>()) {
      let x: T = load<T>(at)
      if (bias) {
        x += load<T>(by)
        by += sizeof<T>()
      }
      if (away) x += load<T>(at + away)
      store<T>(at, epilogue ? v128.extract_lane<T>(bounded<T>(v128.splat<T>(x), epilogue), 0) : x)
    }
  }
}
