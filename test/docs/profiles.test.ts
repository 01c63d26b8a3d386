import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withProfiles } from '../../docs/profiles.ts'

test("the README's table of profiles is what the configuration says", () => {
  const readme = readFileSync('README.md', 'utf8')
  expect(readme).toBe(withProfiles(readme))
})
