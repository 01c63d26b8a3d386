import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real clients have timeouts of their own; ours only ends what hangs.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
