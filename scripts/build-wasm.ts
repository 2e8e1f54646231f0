// `npm run build:wasm`: compiles the AssemblyScript kernels and writes src/ops/wasm/generated/. `npm run build:wasm -- trees` does only some.
import { RELAXED_MODULES } from '../src/ops/wasm/relaxed.ts'
import { compileWasm, generatedPath, wasmNames, writeGenerated } from './wasm.ts'

const words = process.argv.slice(2)
for (const name of wasmNames()) {
  if (words.length > 0 && !words.includes(name)) continue
  for (const relaxed of RELAXED_MODULES.some((own) => own === name) ? [false, true] : [false]) {
    const binary = await compileWasm(name, { relaxed })
    const file = relaxed ? `${name}-relaxed` : name
    writeGenerated(name, binary, relaxed)
    console.log(`${generatedPath(file)}: ${binary.length} bytes of WebAssembly`)
  }
}
