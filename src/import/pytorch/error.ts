import { MleError } from '../../error.ts'

export function pytorchError(code: string, message: string, section?: string): MleError {
  return new MleError(code, message, { section })
}

/** What to do about code that is Python's and not in the file. */
export const EXPORT_ADVICE = 'export the model in Python with torch.onnx.export, which writes the computation too'
