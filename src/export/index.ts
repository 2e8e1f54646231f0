// The entry mle-runtime/export: graphs -> files of other runtimes.
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { ExportedOnnx, OnnxExportOptions } from './onnx/index.ts'

export type { ExportedOnnx, OnnxExportOptions }

/**
 * Writes a graph as an ONNX file. Methods, classes, columns and other metadata go into metadata_props, from which `importModel` restores them.
 *
 * An output that needs an operator without a form in ONNX is left out with a note, unless the model's predictions (or `options.outputs`) need it.
 *
 * @throws MleError ONNX_EXPORT_OPERATOR for an operator without a form in ONNX, ONNX_EXPORT_OPSET for one newer than `options.opset`,
 *   ONNX_EXPORT_DTYPE, ONNX_EXPORT_SIZE above 2 GiB
 * @example const { bytes, notes } = await exportOnnx(await importModel(joblibBytes))
 */
export async function exportOnnx(graph: Graph, options: OnnxExportOptions = {}): Promise<ExportedOnnx> {
  // Every schema is needed here: the packs of a page that only runs models do without.
  return (await import('./onnx/index.ts')).onnxOf(graph, options)
}

/**
 * The bytes of a safetensors file.
 *
 * @param metadata free text pairs; Python's libraries expect `format: 'pt'`
 * @throws MleError SAFETENSORS_WRITE for dtypes that the format does not have
 * @example await writeFile('model.safetensors', await exportSafetensors(tensors, new Map([['format', 'pt']])))
 */
export async function exportSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata?: ReadonlyMap<string, string>): Promise<Uint8Array> {
  return (await import('./safetensors.ts')).writeSafetensors(tensors, metadata)
}
