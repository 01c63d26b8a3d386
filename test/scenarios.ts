/**
 * `npm run scenarios [-- --rewrite]`: plays every scenario and compares what happens with its file, or writes it there.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/scenarios.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(process.argv.includes('--rewrite') ? { SCENARIOS: 'rewrite' } : {}),
    },
  },
)
process.exitCode = status ?? 1
