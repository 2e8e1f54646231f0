// mle export: a model of any supported format -> an ONNX file.
import { onlyPositional, UsageError, wordOption, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { IMPORT_HELP, IMPORT_OPTIONS, importSettings } from './import-options.ts'
import { fileBytes, graphOfFile } from './model-file.ts'
import { writeFile } from './outputs.ts'
import { progressOn } from './progress.ts'
import { bytesText } from './table.ts'

const HELP = `
MODEL is an .mle file or any file that mle convert takes. Every output that has a form in ONNX is written; a note says which
have none, and what the file computes otherwise than the model. Methods, classes and columns are kept in metadata_props, so that
mle run OUT.onnx works as mle run MODEL does.

  -o, --output FILE  default: MODEL with the extension .onnx, in the same folder
  --method NAME      export only this method or output, once for each
  --precision NAME   float32 narrows float64 values, for runtimes without float64
  --opset N          version of ai.onnx, 18 to 28; default 21, or what the operators of the model need
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const input = onlyPositional(args, 'MODEL')
  const output = args.text('output') ?? `${input.replace(/\.[a-z0-9]+$/i, '')}.onnx`
  if (output === input) throw new UsageError(`${input} would be written over; name the result with -o`)
  const precision = wordOption(args, 'precision', ['float32'])
  const opset = opsetOption(args)
  const methods = args.texts('method')
  const progress = progressOn(terminal)
  const graph = await graphOfFile(input, progress, undefined, importSettings(args))
  progress.show('writing')
  const { exportOnnx } = await import('../export/index.ts')
  const exported = await exportOnnx(graph, { outputs: methods.length > 0 ? methods : undefined, precision, opset })
  writeFile(output, exported.bytes)
  progress.done()
  terminal.out(`${output}: ${bytesText(exported.bytes.byteLength)} (from ${bytesText(fileBytes(input))}), opset ${exported.opset}, ${exported.outputs.join(', ')}\n`)
  for (const note of exported.notes) terminal.out(`note: ${note}\n`)
}

function opsetOption(args: ParsedArgs): number | undefined {
  const given = args.text('opset')
  if (given === undefined) return undefined
  const opset = Number(given)
  if (!/^\d{1,2}$/.test(given) || opset < 18 || opset > 28) throw new UsageError(`--opset takes 18 to 28, got ${given}`)
  return opset
}

export const exportCommand: Command = {
  usage: 'export MODEL [-o OUT.onnx] [--method NAME ...] [--precision float32] [--opset N] [--architecture FILE]',
  help: `${HELP.trimEnd()}${IMPORT_HELP}\n`,
  options: {
    output: { type: 'string', short: 'o' },
    method: { type: 'string', multiple: true },
    precision: { type: 'string' },
    opset: { type: 'string' },
    ...IMPORT_OPTIONS,
  },
  run: execute,
}
