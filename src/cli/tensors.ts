// mle inspect of files that hold tensors and no computation.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { NamedTensors } from '../import/index.ts'
import { bytesPerElement } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fileBytes } from './model-file.ts'
import { bytesText } from './table.ts'

/** The tensors of a file that holds nothing else; undefined for models. */
export async function weightsOf(path: string): Promise<NamedTensors | undefined> {
  const { readTensors } = await import('../import/index.ts')
  const named = await readTensors(readFileSync(path), { fileName: basename(path) })
  return named?.computes === true ? undefined : named
}

const tensorSize = ({ dtype, data }: Tensor): number => data.length * bytesPerElement(dtype)

export function weightsJson(path: string, { format, tensors, metadata }: NamedTensors): object {
  const list = [...tensors].map(([name, tensor]) => ({ name, dtype: tensor.dtype, shape: tensor.shape, bytes: tensorSize(tensor) }))
  return { file: basename(path), bytes: fileBytes(path), format, tensors: list, elements: elementsOf(tensors), tensorBytes: list.reduce((sum, { bytes }) => sum + bytes, 0), metadata: metadata.size === 0 ? undefined : [...metadata] }
}

const elementsOf = (tensors: NamedTensors['tensors']): number => [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0)

export function weightsText(path: string, { format, tensors, metadata }: NamedTensors): string {
  const rows = [...tensors].map(([name, tensor]) => [name, tensor.dtype, `[${tensor.shape.join(', ')}]`, bytesText(tensorSize(tensor))])
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column].length)))
  const total = [...tensors.values()].reduce((sum, tensor) => sum + tensorSize(tensor), 0)
  return [
    `${basename(path)}, ${format}, ${bytesText(fileBytes(path))}`,
    ...[...metadata].map(([key, value]) => `${key}: ${value}`),
    ...rows.map(([name, dtype, shape, bytes]) => `${name.padEnd(widths[0])}  ${dtype.padEnd(widths[1])}  ${shape.padEnd(widths[2])}  ${bytes}`),
    `${tensors.size} tensors, ${elementsOf(tensors)} elements, ${bytesText(total)}; no computation: mle convert ${basename(path)} --architecture FILE`,
  ].join('\n')
}
