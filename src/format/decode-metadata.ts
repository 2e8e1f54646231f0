// Parsed JSON -> Metadata.
import type { Column, Metadata, Method } from '../graph/graph.ts'
import { COLUMN, METADATA, METHOD, TAGGED } from './graph-keys.ts'
import { array, at, count, decodeNumber, list, record, text, wrongType } from './json.ts'

/** Decodes the value of the metadata section. Throws MleError with a code of docs/format.md, section 5. */
export function decodeMetadata(value: unknown): Metadata {
  const fields = record(value, METADATA)
  const optional = <T>(name: string, item: unknown, decode: (item: unknown) => T): T | undefined => (item === undefined ? undefined : at(item, name, decode))
  const metadata: Metadata = {
    name: optional('name', fields.name, text),
    framework: optional('framework', fields.framework, text),
    frameworkVersion: optional('frameworkVersion', fields.frameworkVersion, text),
    estimator: optional('estimator', fields.estimator, text),
    methods: optional('methods', fields.methods, (item) => list(item, 'methods', decodeMethod)),
    columns: optional('columns', fields.columns, (item) => list(item, 'columns', decodeColumn)),
    classes: optional('classes', fields.classes, (item) => list(item, 'classes', (labels) => list(labels, 'labels', decodeLabel))),
    modelId: optional('modelId', fields.modelId, text),
    modelVersion: optional('modelVersion', fields.modelVersion, count),
    properties: optional('properties', fields.properties, (item) => list(item, 'properties', decodePair)),
    notes: optional('notes', fields.notes, (item) => list(item, 'notes', text)),
  }
  // Absent rather than undefined: a graph that was written and read equals the first one.
  return Object.fromEntries(Object.entries(metadata).filter(([, item]) => item !== undefined))
}

function decodeMethod(value: unknown): Method {
  const fields = record(value, METHOD)
  return { name: text(fields.name), outputs: list(fields.outputs, 'outputs', text) }
}

function decodeColumn(value: unknown): Column {
  const fields = record(value, COLUMN)
  const column: Column = { name: text(fields.name), input: text(fields.input), index: count(fields.index) }
  if (fields.categories === undefined && fields.unseen === undefined) return column
  return {
    ...column,
    ...(fields.categories === undefined ? {} : { categories: list(fields.categories, 'categories', decodeLabel) }),
    ...(fields.unseen === undefined ? {} : { unseen: decodeUnseen(fields.unseen) }),
  }
}

function decodeUnseen(value: unknown): 'missing' | 'error' {
  if (value !== 'missing' && value !== 'error') throw wrongType(value, "'missing' or 'error'")
  return value
}

/** A class label: text is a label itself, so that a tagged number is wrapped. */
function decodeLabel(value: unknown): string | number {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return decodeNumber(value)
  const number = record(value, TAGGED).number
  if (typeof number !== 'string') throw wrongType(number, 'a tagged number')
  return decodeNumber(number)
}

function decodePair(value: unknown): readonly [string, string] {
  const pair = array(value)
  if (pair.length !== 2) throw wrongType(value, 'an array of two strings')
  return [text(pair[0]), text(pair[1])]
}
