/** A function whose first result is kept: importers add a part of a model to the graph only when an output asks for it. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
