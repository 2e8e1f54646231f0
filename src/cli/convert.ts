// mle convert: a model of any supported format -> an .mle file.
import { MleError } from '../error.ts'
import type { Graph } from '../graph/graph.ts'
import { pruneGraph } from '../graph/prune.ts'
import { ACCESS_HELP, ACCESS_OPTIONS, guardFrom } from './access.ts'
import { onlyPositional, UsageError, wordOption, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { IMPORT_HELP, IMPORT_OPTIONS, importSettings } from './import-options.ts'
import { fileBytes, graphOfFile, isMleFile } from './model-file.ts'
import { outputsOf, writeFile } from './outputs.ts'
import { progressOn } from './progress.ts'
import { bytesText } from './table.ts'

const HELP = `
IN is a model of scikit-learn, XGBoost, LightGBM, CatBoost, ONNX, PyTorch, Keras or TensorFlow.js, an .mle file of
version 1 or 2, or an .mle file to write anew.

  -o, --output FILE  default: IN with the extension .mle, in the same folder
  --codec NAME       none (default; the smallest loading time), lz4, zstd or brotli. All are read everywhere;
                     zstd is written by Node 22.15 and later, brotli by Node, Deno and Bun, lz4 everywhere
  --weights NAME     store large matrices as fp16, bf16 or int8 (a scale and a zero point for each channel) and make them
                     whole when the model is loaded; sizes before and after are shown
  --input [NAME=]X   with --weights: a sample, as mle run takes it, to show what changes in each output
  --id ID            the model's id, which mle verify --model-id asks for once the file is signed
  --model-version N  its version, a whole number: raise it with every model that replaces an older one
  --method NAME      keep only this method or output, once for each; default: all
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const input = onlyPositional(args, 'IN')
  const output = args.text('output') ?? `${input.replace(/\.[a-z0-9]+$/i, '')}.mle`
  // An old file holds what its importer cannot keep, so it is not written over unasked.
  if (args.text('output') === undefined && output === input && !isMleFile(input)) throw new UsageError(`${input} would be written over; name the result with -o`)
  const codec = wordOption(args, 'codec', ['none', 'lz4', 'zstd', 'brotli'])
  const progress = progressOn(terminal)
  const graph = named(keptMethods(await graphOfFile(input, progress, await guardFrom(args), importSettings(args)), args.texts('method')), args)
  const bits = wordOption(args, 'weights', ['fp16', 'bf16', 'int8'])
  const specs = args.texts('input')
  if (specs.length > 0 && bits === undefined) throw new UsageError('--input is a sample for --weights')
  const shrunk = bits === undefined ? undefined : (await import('../graph/shrink.ts')).shrinkWeights(graph, bits)
  progress.show('writing')
  const { write } = await import('../format/index.ts')
  const bytes = await write(shrunk?.graph ?? graph, { codec })
  writeFile(output, bytes)
  progress.done()
  const { methods = [], notes = [] } = graph.metadata
  const offers = methods.length > 0 ? methods.map(({ name }) => name) : graph.outputs.map(({ name }) => name)
  terminal.out(`${output}: ${bytesText(bytes.byteLength)} (from ${bytesText(fileBytes(input))}), ${offers.join(', ')}\n`)
  for (const note of notes) terminal.out(`note: ${note}\n`)
  if (shrunk === undefined) return
  const { errorsText, sizesText } = await import('./weights.ts')
  terminal.out(sizesText(shrunk, { source: fileBytes(input), before: (await write(graph, { codec })).byteLength, after: bytes.byteLength }))
  if (specs.length > 0) terminal.out(await errorsText(graph, shrunk.graph, specs))
}

/** The graph with only what the named methods need. */
function keptMethods(graph: Graph, names: readonly string[]): Graph {
  if (names.length === 0) return graph
  const outputs = new Set(names.flatMap((name) => outputsOf(graph, name).map((info) => info.name)))
  const methods = graph.metadata.methods?.filter(({ outputs: own }) => own.every((name) => outputs.has(name)))
  if (outputs.size === 0) throw new MleError('METHOD_UNKNOWN', `no output is left of ${names.join(', ')}`)
  return pruneGraph({ ...graph, outputs: graph.outputs.filter((info) => outputs.has(info.name)), metadata: { ...graph.metadata, methods } })
}

/** The graph under another name and version, by which a trust policy knows it. */
function named(graph: Graph, args: ParsedArgs): Graph {
  const [modelId, version] = [args.text('id'), args.text('model-version')]
  if (version !== undefined && !/^\d{1,15}$/.test(version)) throw new UsageError(`--model-version takes a whole number, got ${version}`)
  const { metadata } = graph
  return { ...graph, metadata: { ...metadata, modelId: modelId ?? metadata.modelId, modelVersion: version === undefined ? metadata.modelVersion : Number(version) } }
}

export const convert: Command = {
  usage: 'convert IN [-o OUT.mle] [--codec none|lz4|zstd|brotli] [--weights fp16|bf16|int8 [--input X]] [--method NAME ...] [--architecture FILE]',
  help: `${HELP.trim()}${IMPORT_HELP}\n${ACCESS_HELP}`,
  options: {
    ...ACCESS_OPTIONS,
    ...IMPORT_OPTIONS,
    id: { type: 'string' },
    'model-version': { type: 'string' },
    output: { type: 'string', short: 'o' },
    codec: { type: 'string' },
    weights: { type: 'string' },
    input: { type: 'string', multiple: true },
    method: { type: 'string', multiple: true },
  },
  run: execute,
}
