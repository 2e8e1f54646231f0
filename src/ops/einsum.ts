// The equation of Einsum, read once for shapes and kernels.
import { MleError } from '../error.ts'

/** Labels of each axis: letters, or '.0', '.1', ... for the axes that an ellipsis stands for, counted from the last. */
export interface EinsumPlan {
  readonly inputs: readonly (readonly string[])[]
  readonly output: readonly string[]
  /** Labels that are summed over, in order of appearance. */
  readonly summed: readonly string[]
}

function wrong(equation: string, why: string): MleError {
  return new MleError('OP_ATTRIBUTE', `attribute equation is ${JSON.stringify(equation)}: ${why}`, { actual: equation })
}

function labelsOf(term: string, rank: number, equation: string): string[] {
  const parts = term.split('...')
  if (parts.length > 2 || !/^[a-zA-Z]*$/.test(parts.join(''))) throw wrong(equation, `${JSON.stringify(term)} is no list of letters`)
  const letters = parts.join('').length
  if (parts.length === 1 ? letters !== rank : letters > rank) throw wrong(equation, `${JSON.stringify(term)} does not fit ${rank} dimensions`)
  const hidden = Array.from({ length: rank - letters }, (_, i) => `.${rank - letters - 1 - i}`)
  return [...parts[0], ...(parts.length === 2 ? hidden : []), ...(parts[1] ?? '')]
}

/** Labels of the axes of inputs of the given ranks; throws OP_ATTRIBUTE. */
export function einsumPlan(equation: string, ranks: readonly number[]): EinsumPlan {
  const [left, right, ...more] = equation.replace(/\s+/g, '').split('->')
  const terms = left.split(',')
  if (more.length > 0 || terms.length !== ranks.length) throw wrong(equation, `it names ${terms.length} inputs, the node has ${ranks.length}`)
  const inputs = terms.map((term, i) => labelsOf(term, ranks[i], equation))
  const seen = [...new Set(inputs.flat())]
  const hidden = seen.filter((label) => label.startsWith('.')).sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)))
  let output: string[]
  if (right === undefined) {
    const all = inputs.flat()
    output = [...hidden, ...seen.filter((label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label)).sort()]
  } else {
    const letters = right.replace('...', '').length
    output = labelsOf(right, letters + (right.includes('...') ? hidden.length : 0), equation)
    if (new Set(output).size !== output.length) throw wrong(equation, 'the output names an axis twice')
    const unknown = output.find((label) => !seen.includes(label))
    if (unknown !== undefined) throw wrong(equation, `the output names ${unknown}, which no input has`)
  }
  return { inputs, output, summed: seen.filter((label) => !output.includes(label)) }
}
