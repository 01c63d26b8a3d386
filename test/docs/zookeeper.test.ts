import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withRuns } from '../../docs/zookeeper.ts'

test('the runs that docs/ZOOKEEPER.md quotes go as quoted: `node docs/zookeeper.ts` writes them anew', async () => {
  const page = readFileSync('docs/ZOOKEEPER.md', 'utf8')
  expect(await withRuns(page)).toBe(page)
})
