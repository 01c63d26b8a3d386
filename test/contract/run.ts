/**
 * Holds a cluster to the contract: `npm run contract -- --bootstrap HOST:PORT[,…]`; without a bootstrap, Samsa. The rest of the line goes to
 * vitest. The cluster needs the brokers 1, 2 and 3 with `contractConfig`; what Apache Kafka said stands in the tests themselves,
 * as inline snapshots: `--update` against it writes them.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values, tokens } = parseArgs({
  args: process.argv.slice(2),
  options: { bootstrap: { type: 'string' } },
  strict: false,
  tokens: true,
})
const ours = new Set(
  tokens.flatMap(token =>
    token.kind === 'option' && token.name === 'bootstrap'
      ? [token.index, ...(token.inlineValue ? [] : [token.index + 1])]
      : [],
  ),
)
const rest = process.argv.slice(2).filter((_, index) => !ours.has(index))
const bootstrap = typeof values.bootstrap === 'string' ? values.bootstrap : undefined
const { status } = spawnSync('npx', ['vitest', 'run', 'test/contract', ...rest], {
  stdio: 'inherit',
  env: {
    ...process.env,
    ...(bootstrap === undefined ? {} : { SAMSA_CONTRACT_BOOTSTRAP: bootstrap }),
  },
})
process.exitCode = status ?? 1
