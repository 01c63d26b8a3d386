import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { servedApis } from '../../../actors/broker/api/index.ts'
import { protocolDocument } from '../../../docs/protocol.ts'

test('docs/PROTOCOL.md is what `node docs/protocol.ts` writes', () => {
  expect(readFileSync('docs/PROTOCOL.md', 'utf8')).toBe(
    protocolDocument(new Set(servedApis.keys())),
  )
})
