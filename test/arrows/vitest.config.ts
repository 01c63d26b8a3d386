import { defineConfig } from 'vitest/config'

/** Tests on charts that lack an arrow, or that count theirs: as `tests-runner.ts` is told. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/arrows/setup.ts'],
    runner: './test/arrows/tests-runner.ts',
    maxWorkers: 2,
    testTimeout: 40_000,
    hookTimeout: 40_000,
    // What a broken chart throws later is noticed where a test fails of it, or not at all.
    dangerouslyIgnoreUnhandledErrors: true,
  },
})
