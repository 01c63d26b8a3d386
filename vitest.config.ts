import { defineConfig } from 'vitest/config'

const results = process.env.SAMSA_TEST_RESULTS

// `--mode fuzz` runs what looks for trouble as long as it is let, `--mode clients` clients alone, also those that are fetched for it.
const suites: Readonly<Record<string, readonly string[]>> = {
  fuzz: ['test/**/*.fuzz.ts'],
  clients: ['test/interop/clients/*.test.ts', 'test/interop/clients/current-librdkafka.ts'],
}

export default defineConfig(({ mode }) => ({
  test: {
    // Most of the time goes into waiting for other processes.
    maxWorkers: '100%',
    include: [...(suites[mode] ?? ['test/**/*.test.ts'])],
    // More of the random requests that both ZooKeepers are asked.
    env: mode === 'differential' ? { ZOOKEEPER_SEEDS: process.env.ZOOKEEPER_SEEDS ?? '200' } : {},
    // Real clients have timeouts of their own; ours only ends what hangs.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: results ? ['default', ['json', { outputFile: results }]] : ['default'],
  },
}))
