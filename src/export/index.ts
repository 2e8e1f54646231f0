// The entry mle-runtime/export: graphs -> files of other runtimes.
export { exportOnnx, type ExportedOnnx, type OnnxExportOptions } from './onnx/index.ts'
