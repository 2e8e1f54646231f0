// What a subcommand is, and what it may do to the world.
import type { ParseArgsConfig } from 'node:util'

/** Where a command writes. Tests pass their own. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Progress is shown on a terminal only. */
  readonly interactive: boolean
}

export interface Command {
  /** First line of `mle help NAME`, without `mle `. */
  readonly usage: string
  /** Further lines of `mle help NAME`. */
  readonly help: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  run(args: ParsedArgs, terminal: Terminal): Promise<void>
}

/** Options by name as util.parseArgs gives them, with checked access. */
export interface ParsedArgs {
  readonly positionals: readonly string[]
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  flag(name: string): boolean
}

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {}

/** The one positional argument of most commands. */
export function onlyPositional(args: ParsedArgs, what: string): string {
  if (args.positionals.length !== 1) {
    throw new UsageError(args.positionals.length === 0 ? `${what} is missing` : `expected one ${what}, got ${args.positionals.length}: ${args.positionals.join(' ')}`)
  }
  return args.positionals[0]
}

/** An option that takes a whole number of at least 1. */
export function countOption(args: ParsedArgs, name: string, fallback: number): number {
  const given = args.text(name)
  if (given === undefined) return fallback
  const value = Number(given)
  if (!/^\d{1,9}$/.test(given) || value < 1) throw new UsageError(`--${name} takes a whole number of at least 1, got ${given}`)
  return value
}

/** An option that takes one of a few words. */
export function wordOption<W extends string>(args: ParsedArgs, name: string, words: readonly W[]): W | undefined {
  const given = args.text(name)
  if (given === undefined) return undefined
  const word = words.find((candidate) => candidate === given)
  if (word === undefined) throw new UsageError(`--${name} takes ${words.join(', ')}, got ${given}`)
  return word
}
