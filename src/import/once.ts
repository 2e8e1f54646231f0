/** A function whose first result is kept: importers add a part of a model to the graph only when an output asks for it. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** The same for a function of an object. */
export function onceEach<K extends object, T>(make: (of: K) => T): (of: K) => T {
  const made = new WeakMap<K, { readonly value: T }>()
  return (of) => {
    let own = made.get(of)
    if (own === undefined) made.set(of, (own = { value: make(of) }))
    return own.value
  }
}
