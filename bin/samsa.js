#!/usr/bin/env node
// The command, from source in a clone and from dist in the published package.
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `samsa needs Node 22.18 or newer, and this is ${process.versions.node}. In a clone run it as "npx samsa", which brings its own.`,
  )
  process.exit(1)
}
// A start from source is three times as quick the second time.
enableCompileCache?.()
const source = new URL('../cli/samsa.ts', import.meta.url)
await import(
  existsSync(source) ? source.href : new URL('../dist/cli/samsa.js', import.meta.url).href
)
