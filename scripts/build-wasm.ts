// `npm run build:wasm`: compiles the AssemblyScript kernels and writes src/ops/wasm/generated/. `npm run build:wasm -- trees` does only some.
import { compileWasm, generatedPath, wasmNames, writeGenerated } from './wasm.ts'

const words = process.argv.slice(2)
for (const name of wasmNames()) {
  if (words.length > 0 && !words.includes(name)) continue
  const binary = await compileWasm(name)
  writeGenerated(name, binary)
  console.log(`${generatedPath(name)}: ${binary.length} bytes of WebAssembly`)
}
