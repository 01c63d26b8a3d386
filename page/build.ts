/** Builds the page: `node page/build.ts FOLDER`. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { build, type Plugin } from 'vite'
import { loadCharts } from '../cli/machines.ts'
import { drawn, type Layout } from './chart-drawing.ts'

/** `import charts from 'samsa:charts'`: every chart, drawn. */
const charts: Plugin = {
  name: 'samsa:charts',
  resolveId: name => (name === 'samsa:charts' ? '\0samsa:charts' : null),
  async load(name) {
    if (name !== '\0samsa:charts') return null
    // It is CommonJS, and brings its own worker.
    const Elk = createRequire(import.meta.url)('elkjs/lib/elk.bundled.js') as new () => Layout
    const elk = new Elk()
    const all = []
    for (const [chart, machine] of await loadCharts()) all.push(await drawn(chart, machine, elk))
    return `export default JSON.parse(${JSON.stringify(JSON.stringify(all))})`
  },
}

/** Pages of other sources are kept so long, ms: a cluster that was started with them may still serve them. */
const keptMs = 24 * 60 * 60 * 1000

/** Builds into a folder beside and then renames it, so that nobody sees half a page, however many build at once. */
async function buildPage(folder: string): Promise<void> {
  const parent = dirname(folder)
  await mkdir(parent, { recursive: true })
  const outDir = mkdtempSync(join(parent, '.building-'))
  try {
    await build({
      configFile: false,
      root: import.meta.dirname,
      base: '/',
      logLevel: 'error',
      plugins: [charts],
      oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
      build: {
        outDir,
        emptyOutDir: true,
        target: 'es2022',
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        chunkSizeWarningLimit: 2000,
      },
    })
    chmodSync(outDir, 0o755)
    try {
      renameSync(outDir, folder)
    } catch (error) {
      // Another has been quicker.
      if (!existsSync(join(folder, 'index.html'))) throw error
    }
  } finally {
    rmSync(outDir, { recursive: true, force: true })
  }
}

const folder = resolve(process.argv[2] ?? 'dist/page')
if (basename(dirname(folder)) === 'samsa-page') {
  // Pages of sources as they were; one that is served at this moment is of today.
  const parent = dirname(folder)
  for (const other of existsSync(parent) ? readdirSync(parent) : []) {
    const path = join(parent, other)
    const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - modified > keptMs) rmSync(path, { recursive: true, force: true })
  }
} else rmSync(folder, { recursive: true, force: true })
await buildPage(folder)
