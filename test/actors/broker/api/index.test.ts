import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { servedApis } from '../../../../actors/broker/api/index.ts'
import { supportedApis } from '../../../../src/protocol/index.ts'

const folder = resolve(import.meta.dirname, '../../../../actors/broker/api')

test('every handler has its row, and every row its handler', () => {
  const keys = readdirSync(folder)
    .flatMap(name => /^(\d\d)-/.exec(name)?.[1] ?? [])
    .map(Number)
  expect([...servedApis.keys()].sort((a, b) => a - b)).toEqual(keys)
})

test('what is advertised begins at version 0 and ends where Kafka 3.9 ends', () => {
  const last: Record<number, number> = {
    0: 11,
    1: 17,
    2: 9,
    3: 12,
    4: 7,
    5: 4,
    6: 8,
    7: 3,
    8: 9,
    9: 9,
    10: 6,
    11: 9,
    12: 4,
    13: 5,
    14: 5,
    15: 5,
    16: 5,
    18: 4,
    19: 7,
    20: 6,
    21: 2,
    22: 5,
    23: 4,
    32: 4,
    33: 2,
    35: 4,
    37: 3,
    42: 2,
    43: 2,
    44: 1,
    45: 0,
    46: 0,
    47: 0,
    56: 3,
    60: 1,
    61: 0,
    67: 0,
  }
  const advertised = supportedApis(servedApis.keys())
  for (const { apiKey, minVersion, maxVersion } of advertised)
    expect([apiKey, minVersion, maxVersion]).toEqual([apiKey, 0, last[apiKey]])
  // Listed by Kafka 3.9, and refused by it in ZooKeeper mode: clients that see them would use them.
  expect(advertised.filter(({ apiKey }) => apiKey === 68 || apiKey === 69)).toEqual([])
})
