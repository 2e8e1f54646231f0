// What a caller wants of a file before it trusts it.
import { MleError } from '../error.ts'
import { graphOf } from '../format/names.ts'
import type { CodecName } from '../format/types.ts'
import type { Graph, Metadata } from '../graph/graph.ts'
import type { KeySource } from './keys.ts'

/** Trust in a model file. Everything that is given must hold. */
export interface TrustPolicy {
  /** Public keys of those who are trusted: PEM text or 32 raw bytes. */
  readonly signers: KeySource | readonly KeySource[]
  /** With several signers: whether one of them is enough or each must have signed. */
  readonly require?: 'any' | 'all'
  /** The signed metadata must name this model. */
  readonly modelId?: string
  /** The least model version that is accepted, so that nobody can bring back an old one. Needs `modelId`. */
  readonly minVersion?: number
  /** The time by which signatures are judged, as a Date or milliseconds; the present by default. */
  readonly now?: Date | number
  /** Codecs that weights may be stored with. */
  readonly codecs?: readonly CodecName[]
  /** Operators that the graph may hold, as `Gemm` or `ai.onnx.Gemm`. */
  readonly operators?: readonly string[]
  /** Bytes of the file. */
  readonly maxBytes?: number
}

/** Signers as a list. Throws TypeError or RangeError for a policy that says nothing certain. */
export function checkedSigners({ signers, require, modelId, minVersion }: TrustPolicy): readonly KeySource[] {
  const list = typeof signers === 'string' || signers instanceof Uint8Array ? [signers] : signers
  if (!Array.isArray(list) || list.length === 0) throw new TypeError('verify needs signers: at least one public key')
  if (require !== undefined && require !== 'any' && require !== 'all') throw new TypeError(`require is ${JSON.stringify(require)}, expected 'any' or 'all'`)
  if (list.length > 1 && require === undefined) throw new TypeError("with several signers, require must be 'any' or 'all'")
  if (minVersion !== undefined && !Number.isSafeInteger(minVersion)) throw new RangeError(`minVersion is ${minVersion}, expected an integer`)
  if (minVersion !== undefined && modelId === undefined) throw new TypeError('minVersion needs modelId: versions of different models do not compare')
  return list
}

/** Seconds since 1970. */
export function nowOf({ now = Date.now() }: TrustPolicy): number {
  const time = typeof now === 'number' ? now : now.getTime()
  if (!Number.isFinite(time)) throw new RangeError('now is no time')
  return time / 1000
}

/** @throws MleError TRUST_SIZE */
export function checkSize({ maxBytes }: TrustPolicy, byteLength: number): void {
  if (maxBytes !== undefined && byteLength > maxBytes) throw new MleError('TRUST_SIZE', `the file has ${byteLength} bytes, more than the ${maxBytes} that the policy allows`, { expected: maxBytes, actual: byteLength })
}

/** @throws MleError TRUST_MODEL, TRUST_VERSION */
export function checkModel({ modelId, minVersion }: TrustPolicy, metadata: Metadata): void {
  if (modelId !== undefined && metadata.modelId !== modelId) {
    throw new MleError('TRUST_MODEL', `the file is ${metadata.modelId === undefined ? 'a model without modelId' : `the model ${JSON.stringify(metadata.modelId)}`}, expected ${JSON.stringify(modelId)}`, {
      section: 'metadata', expected: modelId, actual: metadata.modelId,
    })
  }
  const { modelVersion } = metadata
  if (minVersion !== undefined && (modelVersion === undefined || modelVersion < minVersion)) {
    throw new MleError('TRUST_VERSION', `the model has ${modelVersion === undefined ? 'no modelVersion' : `version ${modelVersion}`}, at least ${minVersion} is expected: an older model was put in its place`, {
      section: 'metadata', expected: minVersion, actual: modelVersion,
    })
  }
}

/** @throws MleError TRUST_OPERATOR, TRUST_CODEC */
export function checkContent({ codecs, operators }: TrustPolicy, graph: Graph, used: ReadonlySet<CodecName>): void {
  for (const codec of used) {
    if (codecs !== undefined && !codecs.includes(codec)) throw new MleError('TRUST_CODEC', `weights are stored with codec ${codec}, which the policy does not allow`, { section: 'chunks', expected: codecs.join(', '), actual: codec })
  }
  if (operators !== undefined) checkOperators(new Set(operators), graph)
}

function checkOperators(allowed: ReadonlySet<string>, graph: Graph): void {
  for (const { op, domain, attributes } of graph.nodes) {
    if (!allowed.has(op) && !allowed.has(`${domain}.${op}`)) throw new MleError('TRUST_OPERATOR', `the graph holds the operator ${domain}.${op}, which the policy does not allow`, { section: 'graph', actual: op })
    for (const attribute of attributes.values()) if (attribute.kind === 'graph') checkOperators(allowed, graphOf(attribute.value))
  }
}
