import { expect, test } from 'vitest'
import { topicNameFault, topicNamesCollide } from '../../../src/controller/topic-name.ts'

test('letters, digits, dot, underscore and dash make a name', () => {
  for (const name of [
    'orders',
    'a',
    'A.b_c-9',
    '__consumer_offsets',
    'x'.repeat(249),
    'constructor',
  ])
    expect(topicNameFault(name)).toBeNull()
})

test('anything else does not', () => {
  for (const name of ['', '.', '..', 'x'.repeat(250), 'a b', 'ä', 'a/b', 'a:b', 'a\n'])
    expect(topicNameFault(name)).toEqual(expect.any(String))
})

test('names that differ in dot and underscore only collide', () => {
  expect(topicNamesCollide('a.b', 'a_b')).toBe(true)
  expect(topicNamesCollide('a.b', 'a.b')).toBe(true)
  expect(topicNamesCollide('a.b', 'a-b')).toBe(false)
})
