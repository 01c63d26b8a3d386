import { expect, test } from 'vitest'
import { xxhash32 } from '../../../../src/platform/codecs/xxhash32.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)

test.each([
  ['', 0x02cc5d05],
  ['a', 0x550d7456],
  ['abc', 0x32d153ff],
  ['Nobody inspects the spammish repetition', 0xe2293b2f],
])('the hash of %j is the published one', (text, hash) => {
  expect(xxhash32(utf8(text))).toBe(hash)
})

test('a part is hashed as if it were all', () => {
  expect(xxhash32(utf8('xxabcxx'), 2, 5)).toBe(0x32d153ff)
})
