// The part of Python that TorchScript is written in and that forward methods of models need.

export interface Place {
  readonly line: number
}

export type Expression = Place &
  (
    | { readonly kind: 'number'; readonly value: number; readonly isFloat: boolean }
    | { readonly kind: 'text'; readonly value: string }
    | { readonly kind: 'constant'; readonly value: null | boolean }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
    | { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Argument[] }
    | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
    | { readonly kind: 'slice'; readonly start?: Expression; readonly stop?: Expression; readonly step?: Expression }
    | { readonly kind: 'ellipsis' }
    | { readonly kind: 'tuple' | 'list'; readonly items: readonly Expression[] }
    | { readonly kind: 'star'; readonly value: Expression }
    | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
    | { readonly kind: 'unary'; readonly op: '-' | '+' | '~' | 'not'; readonly value: Expression }
    | { readonly kind: 'binary'; readonly op: string; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'compare'; readonly op: string; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'choice'; readonly condition: Expression; readonly yes: Expression; readonly no: Expression }
    | { readonly kind: 'comprehension'; readonly item: Expression; readonly target: Expression; readonly source: Expression; readonly condition?: Expression }
  )

export interface Argument {
  readonly name?: string
  /** 1 for `*list`, 2 for `**dict`. */
  readonly stars: 0 | 1 | 2
  readonly value: Expression
}

export interface Parameter {
  readonly name: string
  readonly type?: Expression
  readonly fallback?: Expression
  readonly stars: 0 | 1 | 2
}

export interface FunctionDefinition extends Place {
  readonly kind: 'def'
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly body: readonly Statement[]
}

export interface ClassDefinition extends Place {
  readonly kind: 'class'
  readonly name: string
  readonly bases: readonly Expression[]
  readonly body: readonly Statement[]
}

export type Statement =
  | FunctionDefinition
  | ClassDefinition
  | (Place &
      (
        | { readonly kind: 'assign'; readonly targets: readonly Expression[]; readonly value: Expression }
        | { readonly kind: 'declare'; readonly target: Expression; readonly type: Expression; readonly value?: Expression }
        | { readonly kind: 'update'; readonly target: Expression; readonly op: string; readonly value: Expression }
        | { readonly kind: 'expression'; readonly value: Expression }
        | { readonly kind: 'return'; readonly value?: Expression }
        | { readonly kind: 'if'; readonly condition: Expression; readonly yes: readonly Statement[]; readonly no: readonly Statement[] }
        | { readonly kind: 'for'; readonly target: Expression; readonly source: Expression; readonly body: readonly Statement[] }
        | { readonly kind: 'while'; readonly condition: Expression; readonly body: readonly Statement[] }
        | { readonly kind: 'with'; readonly body: readonly Statement[] }
        | { readonly kind: 'assert'; readonly condition: Expression }
        | { readonly kind: 'raise' | 'pass' | 'break' | 'continue' | 'import' }
      ))
