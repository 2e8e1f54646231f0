// mle run: predict with a model on files.
import type { Metadata, ValueInfo } from '../graph/graph.ts'
import type { OutputValue } from '../runs.ts'
import { isTensor } from '../tensor/tensor.ts'
import { ACCESS_HELP, ACCESS_OPTIONS, accessOf } from './access.ts'
import { onlyPositional, UsageError, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { IMPORT_HELP, IMPORT_OPTIONS, importSettings } from './import-options.ts'
import { readInputs } from './inputs.ts'
import { deviceOption, integrityOption, openModel } from './model-file.ts'
import { asInPython, defaultOutputs, outputsOf, shownOutputs, writeOutput, writeOutputs } from './outputs.ts'
import { progressOn } from './progress.ts'
import { resultColumns, SHOWN_ROWS } from './results.ts'
import { tableText } from './table.ts'

const HELP = `
MODEL is an .mle file or any file that mle convert takes.

  --input [NAME=]FILE  an input, once for each; FILE is one of
                       .npy   an array
                       .csv   a table with a header row; an empty cell is a missing value. Columns are
                              matched by name where the model knows names (others are left alone), else by order
                       .json  nested lists; a list of texts; a list of objects keyed by column;
                              {"columns": [...], "rows": [[...], ...]}; [[column number, [values]], ...].
                              null is a missing value, "NaN", "Infinity" and "-Infinity" are those numbers
                       A table fills all inputs of a model with named columns
  --method NAME        predict, predict_proba, decision_function, transform, ... or the name of an output;
                       default: predict, or what the model has instead
  --output FILE        the array that Python would return, as .npy or .json; - is JSON on standard output.
                       A method with several arrays writes FILE_0, FILE_1, ...
                       In JSON, NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"
  --outputs DIR        every array of the method, or without --method every output of the model,
                       as DIR/0.npy, DIR/1.npy, ... (.json for texts)
  --device NAME        auto (default), cpu, wasm or webgpu
  --integrity NAME     crc32 (default), or sha256 to check the hashes of an .mle file too

Without --output and --outputs a table is shown; without --method it has the probabilities too.
Of weights alone, without --input and --architecture, --method is the name of a tensor.
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const method = args.text('method')
  const output = args.text('output')
  const folder = args.text('outputs')
  if (output !== undefined && folder !== undefined) throw new UsageError('--output and --outputs exclude each other')
  if (output !== undefined && output !== '-' && !/\.(npy|json)$/i.test(output)) throw new UsageError(`--output takes a .npy or .json file, or - for JSON on standard output; got ${output}`)
  const progress = progressOn(terminal)
  const specs = args.texts('input')
  // Weights without a computation give their tensors: mle run weights.pt --method fc.bias --output bias.npy
  const settings = { ...importSettings(args), weightsOnly: specs.length === 0 }
  const model = await openModel(path, deviceOption(args), progress, { integrity: integrityOption(args), ...(await accessOf(args)) }, settings)
  const { graph } = model
  if (specs.length === 0 && graph.inputs.length > 0) throw new UsageError(`--input is missing; the model takes ${graph.inputs.map((info) => info.name).join(', ')}`)
  const infos = method !== undefined ? outputsOf(graph, method) : folder !== undefined ? graph.outputs : output !== undefined ? defaultOutputs(graph) : shownOutputs(graph)
  const inputs = await readInputs(graph, specs)
  progress.show('running')
  const results = await model.run(inputs, { outputs: infos.map((info) => info.name) })
  progress.done()
  const values = infos.map((info) => asInPython(results[info.name], info))
  if (folder !== undefined) await writeOutputs(folder, values)
  else if (output !== undefined) await writeOutput(output, values, terminal.out)
  else show(infos, values, graph.metadata, terminal)
}

function show(infos: readonly ValueInfo[], values: readonly OutputValue[], { classes = [], methods = [] }: Metadata, terminal: Terminal): void {
  const probabilities = methods.find(({ name }) => name === 'predict_proba')?.outputs ?? []
  const columns = infos.flatMap((info, i) => resultColumns(info.name, values[i], classes[probabilities.indexOf(info.name)]))
  const rows = Math.max(0, ...values.map((value) => (isTensor(value) ? (value.shape[0] ?? 1) : Array.isArray(value) ? value.length : 1)))
  terminal.out(`${tableText(columns)}\n`)
  if (rows > SHOWN_ROWS) terminal.out(`... ${rows - SHOWN_ROWS} more rows; --output FILE writes all\n`)
}

export const run: Command = {
  usage: 'run MODEL --input [NAME=]FILE ... [--method NAME] [--output FILE|-] [--outputs DIR] [--device NAME] [--integrity NAME] [--architecture FILE]',
  help: `${HELP.trim()}\n${IMPORT_HELP}\n${ACCESS_HELP}`,
  options: {
    ...IMPORT_OPTIONS,
    ...ACCESS_OPTIONS,
    input: { type: 'string', multiple: true },
    method: { type: 'string' },
    output: { type: 'string' },
    outputs: { type: 'string' },
    device: { type: 'string' },
    integrity: { type: 'string' },
  },
  run: execute,
}
