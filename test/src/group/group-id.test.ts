import { expect, test } from 'vitest'
import { javaHashCode, partitionForGroup } from '../../../src/group/group-id.ts'

test.each([
  ['', 0],
  ['a', 97],
  ['hello', 99162322],
  ['Aa', 2112],
  ['BB', 2112],
  ['billing', -109829509],
  ['console-consumer-12345', 158455506],
  ['größe', 98762257],
  ['群', 32676],
  // Beyond the basic plane a character counts as its two surrogates.
  ['😀', 1772899],
  ['polygenelubricants', -2147483648],
])('the hash of %j is that of Java', (text, hash) => {
  expect(javaHashCode(text)).toBe(hash)
})

test('a group is in the partition of the absolute value of its hash; the one that has none is in 0', () => {
  expect(partitionForGroup('hello', 50)).toBe(22)
  expect(partitionForGroup('billing', 50)).toBe(9)
  expect(partitionForGroup('polygenelubricants', 50)).toBe(0)
  expect(partitionForGroup('', 4)).toBe(0)
})
