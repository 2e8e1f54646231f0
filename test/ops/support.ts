// Runs one kernel on tensors, with output types from its schema, as an executor would.
import { heapScratch } from '../../src/graph/scratch.ts'
import type { AttributeInput } from '../../src/graph/builder.ts'
import { allocateView, tensorOfView, viewOfTensor, type KernelEntry } from '../../src/ops/kernel.ts'
import { schemaOf } from '../../src/ops/registry.ts'
import { isTensorType, type Attribute } from '../../src/ops/types.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

export function attributesOf(op: string, values: Readonly<Record<string, AttributeInput>>): Map<string, Attribute> {
  const schema = schemaOf(op)
  return new Map(
    Object.entries(values).map(([name, value]) => {
      const declared = schema.attributes.find((one) => one.name === name)
      if (declared === undefined) throw new TypeError(`${op} has no attribute ${name}`)
      return [name, { kind: declared.kind, value } as Attribute]
    }),
  )
}

export function runKernel(kernels: ReadonlyMap<string, KernelEntry>, op: string, inputs: readonly (Tensor | undefined)[], values: Readonly<Record<string, AttributeInput>>): Tensor {
  const entry = kernels.get(op)
  if (entry === undefined || !('make' in entry)) throw new TypeError(`${op} has no kernel`)
  const attributes = attributesOf(op, values)
  const inputTypes = inputs.map((input) => input && { dtype: input.dtype, shape: input.shape })
  const [type] = schemaOf(op).infer({ op, attributes, inputs: inputTypes, values: inputs, outputCount: 1 })
  if (!isTensorType(type) || type.shape === undefined) throw new TypeError(`${op} has no shape`)
  const out = allocateView(type.dtype, type.shape.map(Number))
  const views = inputs.map((input) => input && viewOfTensor(input))
  const scratch = heapScratch()
  const constants = views.map((view, i) => (i === 0 ? undefined : view))
  entry.make({ op, attributes, inputTypes, outputTypes: [type], constants, scratch })(views, [out])
  return tensorOfView(out)
}
