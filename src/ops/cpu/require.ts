// Conditions that data must meet.
import { MleError } from '../../error.ts'
import { text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { copyElements } from './blocks.ts'

// x of any shape and dtype, condition of any shape bool; out like x
function makeRequire({ attributes }: KernelContext): Kernel {
  const message = text(attributes, 'message', '')
  return ([x, condition], [out]) => {
    const flags = (condition as View).data
    for (let i = 0; i < flags.length; i++) if (flags[i] === 0) throw new MleError('OP_REQUIRE', `${message} (element ${i})`)
    copyElements(x as View, 0, out as View, 0, (x as View).size)
  }
}

export const requireKernels: readonly (readonly [string, KernelEntry])[] = [['mle.Require', { make: makeRequire }]]
