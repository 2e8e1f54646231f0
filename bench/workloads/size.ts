// What an application installs, and what a page loads.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { peerFolder } from '../peers.ts'
import type { Workload } from '../results.ts'

const TOP = join(import.meta.dirname, '../..')

export const size: Workload = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mle-size-'))
  try {
    const [report] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: TOP, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) as readonly { unpackedSize: number }[]
    const dist = (name: string): number => gzipSync(readFileSync(join(TOP, 'dist', name)), { level: 9 }).length
    const peer = (...names: readonly string[]): number => names.reduce((sum, name) => sum + bytesUnder(peerFolder(name)), 0)
    const file = (name: string): number => gzipSync(readFileSync(peerFolder(name)), { level: 9 }).length
    return [
      {
        title: 'Installed size', about: 'the package and what it depends on', unit: 'bytes', columns: ['installed'],
        rows: [
          { engine: 'mle-runtime', cells: [{ value: report.unpackedSize }] },
          { engine: 'onnxruntime-node', cells: [{ value: peer('onnxruntime-node', 'onnxruntime-common') }] },
          { engine: 'onnxruntime-web', cells: [{ value: peer('onnxruntime-web', 'onnxruntime-common') }] },
          { engine: 'TensorFlow.js wasm', cells: [{ value: peer('@tensorflow/tfjs', '@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-backend-cpu', '@tensorflow/tfjs-converter', '@tensorflow/tfjs-data', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-webgl') }] },
        ],
      },
      {
        title: 'What a page loads to run a forest', about: 'gzipped: scripts and WebAssembly', unit: 'bytes', columns: ['loaded'],
        rows: [
          { engine: 'mle-runtime', cells: [{ value: ['index.js', 'base.js', 'core.js', 'packs-trees.js', 'wasm.js', 'wasm-trees.js'].reduce((sum, name) => sum + dist(name), 0) }] },
          { engine: 'onnxruntime-web', cells: [{ value: file('onnxruntime-web/dist/ort.wasm.min.mjs') + file('onnxruntime-web/dist/ort-wasm-simd-threaded.wasm') + file('onnxruntime-web/dist/ort-wasm-simd-threaded.mjs') }] },
        ],
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function bytesUnder(folder: string): number {
  if (!existsSync(folder)) return 0
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
    const stats = statSync(join(folder, name))
    return sum + (stats.isFile() ? stats.size : 0)
  }, 0)
}
