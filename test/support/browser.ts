// A headless Chromium for tests, and pages served to it. One browser for the tests of a file.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import { chromiumProgram } from './swiftshader.ts'

/** WebGPU on a software adapter, and nothing that goes to a network. */
const FLAGS = [
  '--headless=new', '--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run',
]

let shared: Promise<Browser | string> | undefined

async function launch(): Promise<Browser | string> {
  const program = chromiumProgram()
  if (program === undefined) return `a browser: @sparticuz/chromium has none for ${process.platform} ${process.arch}`
  return chromium.launch({ executablePath: program.path, args: FLAGS, env: { ...process.env, ...program.environment } })
}

after(async () => {
  const browser = await shared
  if (typeof browser === 'object') await browser.close()
})

/** How a site is served. */
export interface SiteOptions {
  /** Files by path: a file of the disk, or contents. */
  readonly files: Readonly<Record<string, string | { readonly body: string | Uint8Array; readonly type: string }>>
  readonly headers?: Readonly<Record<string, string>>
}

const TYPES: ReadonlyMap<string, string> = new Map([['.html', 'text/html'], ['.js', 'text/javascript'], ['.css', 'text/css'], ['.csv', 'text/csv']])

/** A test in a page of a site of its own, on this machine; skipped where there is no browser. */
export function pageTest(name: string, options: SiteOptions | (() => Promise<SiteOptions>), run: (page: Page, origin: string, t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    const browser = await (shared ??= launch())
    if (typeof browser === 'string') {
      t.skip(`needs ${browser}`)
      return
    }
    const { files, headers = {} } = typeof options === 'function' ? await options() : options
    const site = new Map(Object.entries(files))
    const server = createServer((request, response) => {
      const file = site.get((request.url ?? '/').split('?')[0])
      if (file === undefined) {
        response.writeHead(404).end()
        return
      }
      const body = typeof file === 'string' ? readFileSync(file) : file.body
      response.writeHead(200, { 'content-type': typeof file === 'string' ? (TYPES.get(extname(file)) ?? 'application/octet-stream') : file.type, ...headers }).end(body)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
    const page = await browser.newPage()
    try {
      await page.goto(`${origin}/`)
      await run(page, origin, t)
    } finally {
      await page.close()
      server.close()
    }
  })
}

/** Headers under which pages have shared memory. */
export const ISOLATED: Readonly<Record<string, string>> = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

/** A page that runs no script but its site's, and no text as code; WebAssembly as asked. */
export function strictPolicy(wasm: boolean): Readonly<Record<string, string>> {
  return { 'content-security-policy': `default-src 'self'; script-src 'self'${wasm ? " 'wasm-unsafe-eval'" : ''}; object-src 'none'; base-uri 'none'` }
}
