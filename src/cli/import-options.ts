// Options for what a foreign file does not say itself: the architecture of weights, the shapes of inputs.
import { readFileSync } from 'node:fs'
import { MleError } from '../error.ts'
import { UsageError, type Command, type ParsedArgs } from './command.ts'

export interface ImportSettings {
  readonly architecture?: string
  readonly inputShapes?: Readonly<Record<string, readonly (number | string)[]>>
  readonly weightsOnly?: boolean
}

export const IMPORT_OPTIONS: Command['options'] = { architecture: { type: 'string' }, 'input-shape': { type: 'string', multiple: true } }

export const IMPORT_HELP = `
  --architecture FILE  of weights alone (PyTorch state dicts, safetensors): what is computed with them, as a list
                       of layers (JSON), what print(model) shows, or the model's Python source
  --input-shape NAME=N,N,...  of PyTorch models: counts or names of counts, as x=batch,3,224,224`

export function importSettings(args: ParsedArgs): ImportSettings {
  const path = args.text('architecture')
  const shapes: [string, (number | string)[]][] = args.texts('input-shape').map((given) => {
    const found = /^([^=]+)=([\w,]+)$/.exec(given)
    if (found === null) throw new UsageError(`--input-shape takes NAME=N,N,..., as x=batch,3,224,224; got ${given}`)
    return [found[1], found[2].split(',').map((dim) => (/^\d+$/.test(dim) ? Number(dim) : dim))]
  })
  return { architecture: path === undefined ? undefined : readText(path), inputShapes: shapes.length === 0 ? undefined : Object.fromEntries(shapes) }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new MleError('CLI_FILE', `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
