/** The page's files: of the published package ready-made, in a clone built when they are first asked for. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the page may do: its own scripts, styles and requests, and nothing from anywhere else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
}

const root = fileURLToPath(new URL('..', import.meta.url))

/** Folders and files that the page is made of. */
const sources = [
  'page',
  'story',
  'machines',
  'cli/chart-arrows.ts',
  'control/actors.ts',
  'package-lock.json',
]

/** Names what the page would be built from as it is now. */
function fingerprint(): string {
  const hash = createHash('sha256')
  for (const source of sources) {
    const path = join(root, source)
    const names = /\.\w+$/.test(source)
      ? [path]
      : readdirSync(path, { recursive: true, encoding: 'utf8' })
          .sort()
          .map(name => join(path, name))
    for (const name of names)
      if (/\.\w+$/.test(name)) hash.update(name.slice(root.length)).update(readFileSync(name))
  }
  return hash.digest('hex').slice(0, 16)
}

let folder: Promise<string> | undefined

/**
 * The folder with the built page. In a clone vite builds it, in a process of its own so that no broker waits for it: some seconds at
 * the first start, and after a change of its sources.
 */
export function pageFolder(): Promise<string> {
  folder ??= locate().catch((error: unknown) => {
    folder = undefined
    throw error
  })
  return folder
}

async function locate(): Promise<string> {
  // The compiled package: dist/control/ is beside dist/page/.
  const readyMade = join(root, 'page')
  if (existsSync(join(readyMade, 'assets'))) return readyMade
  const built = join(root, 'node_modules', '.cache', 'samsa-page', fingerprint())
  if (existsSync(join(built, 'index.html'))) return built
  await new Promise<void>((resolve, reject) => {
    execFile(
      process.execPath,
      [join(root, 'page', 'build.ts'), built],
      { cwd: root },
      (error, stdout, stderr) => {
        if (error === null) resolve()
        else reject(new Error(`the page could not be built: ${stderr || stdout || error.message}`))
      },
    )
  })
  return built
}

/** Answers with a file of the page; false where there is none of that name. */
export async function answerFile(path: string, response: ServerResponse): Promise<boolean> {
  const name = path === '/' ? '/index.html' : path
  if (!/^\/(index\.html|assets\/[\w.-]+)$/.test(name)) return false
  let bytes: Buffer
  try {
    bytes = await readFile(join(await pageFolder(), name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  response.writeHead(200, {
    'content-type': types[extname(name)] ?? 'application/octet-stream',
    // Names in assets/ change with their contents.
    'cache-control': name.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': contentSecurityPolicy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
  })
  response.end(bytes)
  return true
}
