import { defineConfig } from 'vitest/config'

const results = process.env.SAMSA_TEST_RESULTS

// `--mode fuzz` runs what looks for trouble as long as it is let.
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'fuzz' ? 'test/**/*.fuzz.ts' : 'test/**/*.test.ts'],
    // Real clients have timeouts of their own; ours only ends what hangs.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: results ? ['default', ['json', { outputFile: results }]] : ['default'],
  },
}))
