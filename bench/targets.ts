// What the project has set out to reach, and where the figures for it are.
import type { WorkloadResult } from './results.ts'

type Results = ReadonlyMap<string, WorkloadResult>

interface Goal {
  readonly text: string
  readonly reached: (measured: number) => boolean
  readonly show: (measured: number) => string
}

export interface Target {
  readonly what: string
  readonly beside: string
  readonly target: Goal
  readonly measure: (results: Results) => number | undefined
}

const atLeast = (times: number): Goal => ({ text: `>= ${times}x`, reached: (measured) => measured >= times, show: (measured) => `${measured.toPrecision(3)}x` })
const atMostMs = (ms: number): Goal => ({ text: `<= ${ms} ms`, reached: (measured) => measured <= ms, show: (measured) => `${measured.toPrecision(3)} ms` })
const NODE = 'onnxruntime-node'
const WEB = 'onnxruntime-web'

function cell(results: Results, workload: string, title: string, engine: string, column: string): number | undefined {
  const table = results.get(workload)?.tables.find((found) => found.title === title)
  const at = table?.columns.indexOf(column) ?? -1
  const row = table?.rows.find((found) => found.engine.startsWith(engine))
  return row?.cells[at]?.value
}

/** How many times as long as ours another engine takes. */
function times(workload: string, title: string, engine: string, column: string, isRate = false): (results: Results) => number | undefined {
  return (results) => {
    const own = cell(results, workload, title, 'mle-runtime', column)
    const other = cell(results, workload, title, engine, column)
    return own === undefined || other === undefined ? undefined : isRate ? own / other : other / own
  }
}

export const TARGETS: readonly Target[] = [
  { what: 'rf500_depth10, 1000 rows', beside: NODE, target: atLeast(6), measure: times('trees', 'rf500_depth10', NODE, '1000 rows') },
  ...['rf100_full_depth', 'xgb500_depth6', 'gb200_depth5', 'histgb300'].map((name): Target => ({ what: `${name}, 1000 rows`, beside: NODE, target: atLeast(4), measure: times('trees', name, NODE, '1000 rows') })),
  ...['rf500_depth10', 'rf100_full_depth', 'xgb500_depth6', 'gb200_depth5', 'histgb300'].map((name): Target => ({ what: `${name}, 1 row`, beside: NODE, target: atLeast(10), measure: times('trees', name, NODE, '1 row') })),
  { what: '100 shallow trees, 1 row', beside: NODE, target: atLeast(20), measure: times('trees', 'shallow100', NODE, '1 row') },
  { what: 'logreg50, 1 row', beside: NODE, target: atLeast(20), measure: times('dense', 'logreg50', NODE, '1 row') },
  { what: 'mlp_784_128_10, 1 row', beside: NODE, target: atLeast(4), measure: times('dense', 'mlp_784_128_10', NODE, '1 row') },
  { what: 'load of rf100_full_depth, warm', beside: NODE, target: atLeast(100), measure: times('load', 'Load, warm process', NODE, 'rf100_full_depth') },
  { what: 'float32 product, 512', beside: WEB, target: atLeast(2.2), measure: times('gemm', 'float32 product of square matrices', WEB, '512', true) },
  { what: 'float32 product, 512', beside: NODE, target: atLeast(0.5), measure: times('gemm', 'float32 product of square matrices', NODE, '512', true) },
  { what: 'float64 product, 512', beside: 'numpy', target: atLeast(0.35), measure: times('gemm', 'float64 product of square matrices', 'numpy', '512', true) },
  { what: 'resnet18_quarter', beside: WEB, target: atLeast(1.5), measure: times('networks', 'resnet18_quarter', WEB, 'batch 1') },
  { what: 'bert_mini', beside: WEB, target: atLeast(1.5), measure: times('networks', 'bert_mini', WEB, 'batch 1') },
  {
    what: 'cold start with a small model, over `node -e 0`', beside: '-', target: atMostMs(10),
    measure: (results) => {
      const us = cell(results, 'startup', 'Cold process, over an empty one', 'mle-runtime', 'logreg50')
      return us === undefined ? undefined : us / 1000
    },
  },
  { what: '100,000 rows with two workers', beside: 'one thread', target: atLeast(1.8), measure: times('workers', 'rf500_depth10, 100,000 rows', 'one thread', 'time') },
]
