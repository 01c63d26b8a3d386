import { defineConfig } from 'vitest/config'

/** Tests on charts that lack the arrow named by SAMSA_ARROW, or that count their arrows where there is none. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/arrows/setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
