import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bufferArena, type Arena, type Region } from '../../src/graph/arena.ts'
import { shareArena, wasmArena } from '../../src/graph/wasm-arena.ts'
import { MleError } from '../../src/error.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code
const bytesOf = (arena: Arena, region: Region): Uint8Array => new Uint8Array(arena.bufferOf(region), region.byteOffset, region.byteLength)

const variants: [string, () => Arena][] = [
  ['buffers', () => bufferArena(2 ** 30)],
  ['one memory', () => wasmArena(new WebAssembly.Memory({ initial: 1 }), 1000)],
  ['a share of one memory', () => shareArena(wasmArena(new WebAssembly.Memory({ initial: 1 }), 0), 2 ** 30)],
]

for (const [name, make] of variants) {
  test(`${name}: regions are zeroed, aligned, apart from each other, and keep their bytes when memory grows`, () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(5000), fc.nat(200000), fc.constant('free' as const)), { maxLength: 60 }), (script) => {
        const arena = make()
        const live: { region: Region; mark: number }[] = []
        script.forEach((entry, i) => {
          if (entry === 'free') {
            const [gone] = live.splice(i % Math.max(1, live.length), 1)
            if (gone !== undefined) arena.free(gone.region)
            return
          }
          const region = arena.allocate(entry)
          assert.equal(region.byteLength, entry)
          assert.equal(region.byteOffset % 64, 0)
          const bytes = bytesOf(arena, region)
          assert.ok(bytes.every((byte) => byte === 0))
          bytes.fill((i % 255) + 1)
          live.push({ region, mark: (i % 255) + 1 })
          for (const other of live) assert.ok(bytesOf(arena, other.region).every((byte) => byte === other.mark))
        })
        for (const { region } of live) arena.free(region)
        assert.equal(arena.allocatedBytes, 0)
      }),
      { numRuns: 25 },
    )
  })

  test(`${name}: a region that was given back is no longer there`, () => {
    const arena = make()
    const region = arena.allocate(10)
    arena.free(region)
    arena.free(region)
    if (name !== 'a share of one memory') assert.equal(arena.allocatedBytes, 0)
    assert.throws(() => arena.bufferOf(region), hasCode('MODEL_DISPOSED'))
  })
}

test('limits are kept, also by growth that the engine refuses', () => {
  assert.throws(() => bufferArena(100).allocate(101), hasCode('MEMORY_LIMIT'))
  assert.throws(() => wasmArena(new WebAssembly.Memory({ initial: 1 }), 0, 65536).allocate(65537), hasCode('MEMORY_LIMIT'))
  assert.throws(() => wasmArena(new WebAssembly.Memory({ initial: 1, maximum: 2 }), 0).allocate(200000), hasCode('MEMORY_LIMIT'))
  const share = shareArena(bufferArena(1000), 100)
  const region = share.allocate(60)
  assert.throws(() => share.allocate(60), hasCode('MEMORY_LIMIT'))
  share.free(region)
  share.allocate(60)
})

test('disposing a share frees its own regions only', () => {
  const arena = bufferArena(1000)
  const [a, b] = [shareArena(arena, 500), shareArena(arena, 500)]
  const kept = b.allocate(10)
  const gone = a.allocate(10)
  a.dispose()
  assert.throws(() => a.bufferOf(gone), hasCode('MODEL_DISPOSED'))
  assert.equal(bytesOf(b, kept).length, 10)
  assert.equal(arena.allocatedBytes, 10)
})

test('generation changes exactly when views die', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const arena = wasmArena(memory, 0)
  const first = bytesOf(arena, arena.allocate(1000))
  const { generation } = arena
  arena.allocate(1000)
  assert.equal(arena.generation, generation)
  assert.equal(first.length, 1000)
  arena.allocate(10 * 65536)
  assert.notEqual(arena.generation, generation)
  assert.equal(first.length, 0)
})
