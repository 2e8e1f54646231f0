// Signatures of all operators. The build puts the table itself in place of this module, so that importers load no rules and no kernels.
import { allSchemas } from './registry.ts'
import type { Signature } from './signatures.ts'

export const SIGNATURES: readonly Signature[] = /* @__PURE__ */ [...allSchemas().values()].map(({ name, domain, version, attributes, outputs }) => ({
  name,
  domain,
  version,
  attributes: attributes.map((attribute) => ({ name: attribute.name, kind: attribute.kind })),
  outputs: outputs.map((output) => ({ name: output.name })),
}))
