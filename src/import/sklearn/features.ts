// What an estimator reads: the columns of X, whose dtype the readers decide. A model that reads only numbers gets one
// input X [batch, features]; one that reads strings gets an input per column.
import { MleError } from '../../error.ts'
import type { Column } from '../../graph/graph.ts'
import type { ValueName } from '../../graph/builder.ts'
import type { SklearnContext } from './types.ts'
import { gatherColumns, int64Constant } from './emit.ts'

export type ColumnKind = 'number' | 'string'

export interface Features {
  /** Number of columns; undefined for the model's input until a reader knows. */
  readonly width: number | undefined
  readonly names: readonly string[] | undefined
  /** scikit-learn's dtype of these values where it is not float64. */
  readonly sourceDtype: string | undefined
  /** float64 [batch, width]. A reader that knows how many columns it was fitted on says so, and the count is checked. */
  numbers(width?: number): ValueName
  /** One column [batch, 1]. */
  column(index: number, kind: ColumnKind): ValueName
  /** Whether a column holds numbers or strings; undefined where the reader decides. */
  kindOf(index: number): ColumnKind | undefined
  select(indices: readonly number[]): Features
  /** Texts, string [batch]: what vectorizers read. */
  text(): ValueName
  /** Numbers, float64 [batch]: for the few estimators that read one-dimensional arrays. */
  vector(): ValueName
  /** One JSON object or array per row, string [batch]: what DictVectorizer and FeatureHasher read. */
  records(): ValueName
}

function mixed(index: number): MleError {
  return new MleError('SKLEARN_UNSUPPORTED', `column ${index} holds strings where numbers are read; encode it first`, { section: `column ${index}` })
}

function checkWidth(width: number | undefined, expected: number | undefined): void {
  if (width !== undefined && expected !== undefined && width !== expected) {
    throw new MleError('SKLEARN_SHAPE', `an estimator fitted on ${expected} features is given ${width}: the file is inconsistent`, { expected, actual: width })
  }
}

/** Numeric columns that stand in one matrix. */
export function matrixFeatures(context: SklearnContext, value: ValueName, width: number | undefined, options: { names?: readonly string[]; sourceDtype?: string } = {}): Features {
  const features: Features = {
    width,
    names: options.names,
    sourceDtype: options.sourceDtype,
    numbers(expected) {
      checkWidth(width, expected)
      return value
    },
    column(index, kind) {
      if (kind === 'string') throw new MleError('SKLEARN_UNSUPPORTED', `column ${index} holds numbers where strings are read`, { section: `column ${index}` })
      return width === 1 ? value : gatherColumns(context, value, [index])
    },
    kindOf: () => 'number',
    select: (indices) =>
      isIdentity(indices, width)
        ? features
        : matrixFeatures(context, gatherColumns(context, value, indices), indices.length, { names: pick(options.names, indices), sourceDtype: options.sourceDtype }),
    text: () => {
      throw new MleError('SKLEARN_UNSUPPORTED', 'a text vectorizer reads numbers; it needs strings')
    },
    vector: () => squeezeColumn(context, value),
    records: () => {
      throw new MleError('SKLEARN_UNSUPPORTED', 'a vectorizer of dicts reads numbers; it needs dicts')
    },
  }
  return features
}

/** A column that is computed when it is read. */
export interface LazyColumn {
  /** undefined: the reader decides, and `value` is told. */
  readonly kind: ColumnKind | undefined
  readonly value: (kind: ColumnKind) => ValueName
}

/** Columns one by one, for those that may hold strings. */
export function columnFeatures(context: SklearnContext, columns: readonly LazyColumn[], options: { names?: readonly string[]; sourceDtype?: string } = {}): Features {
  const made = new Map<string, ValueName>()
  const column = (index: number, kind: ColumnKind): ValueName => {
    const own = columns[index].kind
    if (own === 'string' && kind === 'number') throw mixed(index)
    if (own === 'number' && kind === 'string') throw new MleError('SKLEARN_UNSUPPORTED', `column ${index} holds numbers where strings are read`, { section: `column ${index}` })
    const key = `${kind} ${index}`
    let value = made.get(key)
    if (value === undefined) made.set(key, (value = columns[index].value(kind)))
    return value
  }
  let matrix: ValueName | undefined
  return {
    width: columns.length,
    names: options.names,
    sourceDtype: options.sourceDtype,
    numbers(expected) {
      checkWidth(columns.length, expected)
      return (matrix ??= concatColumns(context, columns.map((_, i) => column(i, 'number'))))
    },
    column,
    kindOf: (index) => columns[index].kind,
    select: (indices) => columnFeatures(context, indices.map((index) => ({ kind: columns[index].kind, value: (kind) => column(index, kind) })), { names: pick(options.names, indices), sourceDtype: options.sourceDtype }),
    text: () => squeezeColumn(context, column(0, 'string')),
    vector: () => squeezeColumn(context, column(0, 'number')),
    records: () => squeezeColumn(context, column(0, 'string')),
  }
}

/** Blocks of columns side by side, as FeatureUnion and ColumnTransformer stack them. */
export function concatFeatures(context: SklearnContext, blocks: readonly Features[], options: { names?: readonly string[]; sourceDtype?: string } = {}): Features {
  const parts = blocks.filter((block) => block.width !== 0)
  if (parts.length === 1 && options.names === undefined) return parts[0]
  const anyString = parts.some((part) => Array.from({ length: part.width ?? 0 }, (_, i) => part.kindOf(i)).some((kind) => kind !== 'number'))
  if (anyString) {
    const columns = parts.flatMap((part) =>
      Array.from({ length: part.width ?? 0 }, (_, i): LazyColumn => ({ kind: part.kindOf(i), value: (kind) => part.column(i, kind) })),
    )
    const features = columnFeatures(context, columns, options)
    // Whole blocks are cheaper to join than their columns one by one.
    let joined: ValueName | undefined
    return { ...features, numbers: (expected) => (checkWidth(features.width, expected), (joined ??= concatColumns(context, parts.map((part) => part.numbers())))) }
  }
  const width = parts.every((part) => part.width !== undefined) ? parts.reduce((sum, part) => sum + (part.width ?? 0), 0) : undefined
  return matrixFeatures(context, concatColumns(context, parts.map((part) => part.numbers())), width, options)
}

function concatColumns(context: SklearnContext, values: readonly ValueName[]): ValueName {
  if (values.length === 0) throw new MleError('SKLEARN_UNSUPPORTED', 'a transformer keeps no column at all')
  return values.length === 1 ? values[0] : context.builder.add('Concat', values, { axis: 1 })
}

function squeezeColumn(context: SklearnContext, value: ValueName): ValueName {
  return context.builder.add('Squeeze', [value, int64Constant(context, [1])])
}

function pick(names: readonly string[] | undefined, indices: readonly number[]): readonly string[] | undefined {
  return names === undefined ? undefined : indices.map((index) => names[index])
}

function isIdentity(indices: readonly number[], width: number | undefined): boolean {
  return indices.length === width && indices.every((index, i) => index === i)
}

/** What a first import found about the model's input: which columns are read, and as what. */
export interface SourceUse {
  width: number | undefined
  form: 'table' | 'text' | 'vector' | 'records' | undefined
  readonly numbers: Set<number>
  readonly strings: Set<number>
  whole: boolean
}

export interface SourceOptions {
  readonly width: number | undefined
  readonly names: readonly string[] | undefined
  /** Names that a column's input must not take: those of the graph's outputs. */
  readonly reserved: ReadonlySet<string>
  /** Left out in the first import, which assumes numbers and only notes what is read. */
  readonly layout?: SourceUse
}

export interface Source {
  readonly features: Features
  readonly use: SourceUse
  /** How columns of a table map to graph inputs; undefined where that says nothing. */
  readonly columns: () => readonly Column[] | undefined
}

function readsPartOf(use: SourceUse, names: readonly string[] | undefined): boolean {
  return use.form === 'table' && names !== undefined && !use.whole && use.numbers.size > 0 && use.numbers.size < names.length
}

/** True when a second import, told what the first one read, lays out the input better. */
export function needsLayout(use: SourceUse, names: readonly string[] | undefined): boolean {
  return use.strings.size > 0 || readsPartOf(use, names)
}

/** The model's input. */
export function sourceFeatures(context: SklearnContext, options: SourceOptions): Source {
  const { names, layout } = options
  const use: SourceUse = { width: options.width ?? layout?.width, form: undefined, numbers: new Set(), strings: new Set(), whole: false }
  const byColumn = layout !== undefined && layout.strings.size > 0
  // A table of which only some columns are read, all of them numbers: X holds just those, so that the others may hold anything.
  const compact = !byColumn && layout !== undefined && readsPartOf(layout, names)
  const positions = new Map(compact ? [...layout.numbers].sort((a, b) => a - b).map((index, position) => [index, position]) : [])
  const inputs = new Map<number, ValueName>()
  let matrix: ValueName | undefined

  const claim = (form: NonNullable<SourceUse['form']>): void => {
    if (use.form !== undefined && use.form !== form) {
      throw new MleError('SKLEARN_UNSUPPORTED', `the model reads its input both as ${use.form} and as ${form}; split it into one model each`)
    }
    use.form = form
  }
  const whole = (expected: number | undefined): ValueName => {
    claim('table')
    checkWidth(use.width, expected)
    use.width ??= expected
    if (matrix === undefined) matrix = context.builder.input('X', { dtype: 'float64', shape: ['batch', compact ? positions.size : (layout?.width ?? use.width ?? null)] })
    return matrix
  }
  const columnInputs = (): void => {
    if (layout === undefined || inputs.size > 0) return
    const taken = new Set(options.reserved)
    const width = layout.width ?? 0
    for (let i = 0; i < width; i++) {
      const isString = layout.strings.has(i)
      if (isString && layout.numbers.has(i)) {
        throw new MleError('SKLEARN_UNSUPPORTED', `column ${columnName(i)} is read both as numbers and as strings`, { section: columnName(i) })
      }
      if (!isString && !layout.numbers.has(i) && !layout.whole) continue
      let name = columnName(i)
      while (taken.has(name) || name === '') name = `${name}_`
      taken.add(name)
      inputs.set(i, context.builder.input(name, { dtype: isString ? 'string' : 'float64', shape: ['batch', 1] }))
    }
  }
  const columnName = (index: number): string => names?.[index] ?? `x${index}`
  const note = (index: number, kind: ColumnKind): void => {
    claim('table')
    if (kind === 'string') use.strings.add(index)
    else use.numbers.add(index)
    if (use.width === undefined || index >= use.width) use.width = Math.max(use.width ?? 0, index + 1)
  }
  const column = (index: number, kind: ColumnKind): ValueName => {
    note(index, kind)
    if (byColumn) {
      columnInputs()
      return inputs.get(index) ?? ''
    }
    // In the first import a column of strings has no value yet; what is built on it is thrown away.
    return kind === 'string' ? '' : fromMatrix([index])
  }
  const named = (name: string, form: NonNullable<SourceUse['form']>, dtype: 'string' | 'float64', sourceDtype?: string): (() => ValueName) => {
    let value: ValueName | undefined
    return () => {
      claim(form)
      return (value ??= context.builder.input(name, { dtype, shape: ['batch'] }, sourceDtype))
    }
  }

  const fromMatrix = (indices: readonly number[]): ValueName => {
    const own = compact ? indices.map((index) => positions.get(index) ?? -1) : indices
    const matrix = whole(undefined)
    return isIdentity(own, compact ? positions.size : use.width) ? matrix : gatherColumns(context, matrix, own)
  }
  const picked = new Map<string, ValueName>()
  const gather = (indices: readonly number[]): ValueName => {
    const key = indices.join()
    let value = picked.get(key)
    if (value === undefined) {
      for (const index of indices) note(index, 'number')
      if (byColumn) value = concatColumns(context, indices.map((index) => column(index, 'number')))
      else value = fromMatrix(indices)
      picked.set(key, value)
    }
    return value
  }
  const select = (indices: readonly number[]): Features => ({
    width: indices.length,
    names: pick(names, indices),
    sourceDtype: undefined,
    numbers(expected) {
      checkWidth(indices.length, expected)
      return gather(indices)
    },
    column: (index, kind) => column(indices[index], kind),
    kindOf: () => undefined,
    select: (inner) => select(inner.map((index) => indices[index])),
    text: () => squeezeColumn(context, column(indices[0], 'string')),
    vector: () => squeezeColumn(context, column(indices[0], 'number')),
    records: () => squeezeColumn(context, column(indices[0], 'string')),
  })
  const features: Features = {
    get width() {
      return use.width
    },
    names,
    sourceDtype: undefined,
    numbers(expected) {
      use.whole = true
      if (!byColumn) return whole(expected)
      checkWidth(use.width, expected)
      return gather(Array.from({ length: use.width ?? 0 }, (_, i) => i))
    },
    column,
    kindOf: () => undefined,
    select,
    text: named('text', 'text', 'string'),
    vector: named('X', 'vector', 'float64'),
    records: named('rows', 'records', 'string', 'dict'),
  }
  return {
    features,
    use,
    columns: () => {
      const width = use.width ?? 0
      if (byColumn) return Array.from({ length: width }, (_, i) => ({ name: columnName(i), input: inputs.get(i) ?? '', index: 0 }))
      if (names === undefined || use.form !== 'table') return undefined
      if (compact) return names.map((name, i) => ({ name, input: positions.has(i) ? 'X' : '', index: positions.get(i) ?? 0 }))
      return names.map((name, i) => ({ name, input: 'X', index: i }))
    },
  }
}
