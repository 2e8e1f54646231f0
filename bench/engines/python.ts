// scikit-learn, XGBoost and numpy in a Python process of one thread that measures when it is told to; absent where python3 lacks them.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Subject } from '../measure.ts'

const ENVIRONMENT = { ...blasKernels(), ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1', PYTHONWARNINGS: 'ignore' }
const CANDIDATES = ['python3', '/usr/bin/python3']

export interface Python {
  readonly versions: string
  /** Sends one request, resolves to its answer. */
  ask(request: object): Promise<unknown>
  close(): void
}

let found: { readonly path: string; readonly versions: string } | null | undefined

function findPython(): { readonly path: string; readonly versions: string } | null {
  if (found !== undefined) return found
  found = null
  for (const path of CANDIDATES) {
    const script = 'import sys, sklearn, numpy\nv = [f"Python {sys.version.split()[0]}", f"scikit-learn {sklearn.__version__}", f"numpy {numpy.__version__}"]\ntry:\n import xgboost\n v.append(f"XGBoost {xgboost.__version__}")\nexcept ImportError: pass\nprint(", ".join(v))'
    const { status, stdout } = spawnSync(path, ['-c', script], { encoding: 'utf8', timeout: 60_000 })
    if (status === 0) return (found = { path, versions: stdout.trim() })
  }
  return found
}

export function pythonVersions(): string {
  return findPython()?.versions ?? 'no python3 with scikit-learn here'
}

/** What a script prints. */
export function runPython(script: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(findPython()?.path ?? CANDIDATES[0], [script, ...args], { encoding: 'utf8', env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`${script} needs python3 with scikit-learn`)
  return stdout
}

/** Undefined where there is no python3 with scikit-learn. */
export function startPython(): Python | undefined {
  const python = findPython()
  if (python === null) return undefined
  const child: ChildProcess = spawn(python.path, [join(import.meta.dirname, 'python-peer.py')], { stdio: ['pipe', 'pipe', 'inherit'], env: ENVIRONMENT })
  const waiting: { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }[] = []
  if (child.stdout === null) throw new Error('no pipe from python3')
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as { readonly error?: string; readonly value?: unknown }
    const next = waiting.shift()
    if (answer.error === undefined) next?.resolve(answer.value)
    else next?.reject(new Error(`python: ${answer.error}`))
  })
  child.on('exit', () => waiting.splice(0).forEach(({ reject }) => reject(new Error('python3 has ended'))))
  return {
    versions: python.versions,
    ask: (request) => new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      child.stdin?.write(`${JSON.stringify(request)}\n`)
    }),
    close: () => child.stdin?.end(),
  }
}

/** The training library's method on the same rows; undefined where it cannot load the model. */
export async function pythonSubject(python: Python, joblib: string, rows: Float32Array, count: number, method: string): Promise<Subject | undefined> {
  const path = `${joblib}-${count}.f32`
  writeFileSync(path, new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength))
  const id = `${joblib}/${count}`
  let library: unknown
  try {
    library = await python.ask({ do: 'load', id, joblib, rows: path, count, method })
  } catch (error) {
    console.error(`  ${String(error)}`)
    return undefined
  }
  return {
    engine: String(library),
    measure: async (ms) => Number(await python.ask({ do: 'measure', id, ms })),
    values: async () => (await python.ask({ do: 'values', id })) as number[],
  }
}

/** OpenBLAS takes its slowest kernels, a quarter as fast, on processors younger than itself: the peer gets those that this one has instructions for. */
function blasKernels(): { readonly OPENBLAS_CORETYPE?: string } {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].split(' ') ?? []
    if (['avx512f', 'avx512dq', 'avx512bw', 'avx512vl'].every((flag) => flags.includes(flag))) return { OPENBLAS_CORETYPE: 'SkylakeX' }
    if (flags.includes('avx2') && flags.includes('fma')) return { OPENBLAS_CORETYPE: 'Haswell' }
  } catch {
    // Not Linux: OpenBLAS chooses.
  }
  return {}
}
