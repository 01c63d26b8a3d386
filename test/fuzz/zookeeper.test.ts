import { expect, test } from 'vitest'
import { MalformedFrame, Reader } from '../../src/binary/reader.ts'
import { seededRandom } from '../../src/platform/random.ts'
import { type Operation, operations, readRequest, readResponse } from '../../src/zookeeper/jute.ts'
import { readMulti, readMultiRead, readMultiResults } from '../../src/zookeeper/multi.ts'
import { bent, bytesInUse, dice, wholeRequests } from './zookeeper-bytes.ts'
import { bombard } from './zookeeper-server.ts'

/** Goal: no bytes hurt the ZooKeeper server; a sample of what `npm run fuzz` does for longer. */

test('bent frames are answered or close their connection; others are served on, and memory stays', () =>
  bombard(42, 400))

test('bent bodies are read or refused, and what they announce is not made room for', () => {
  const random = seededRandom(7)
  const below = dice(random)
  const names = Object.keys(operations) as Operation[]
  const before = bytesInUse()
  for (let run = 0; run < 6000; run++) {
    const whole = wholeRequests[below(wholeRequests.length)] as Uint8Array
    const body = bent(whole, random).subarray(12)
    const operation = names[below(names.length)] as Operation
    for (const read of [
      () => readRequest(operation, new Reader(body)),
      () => readResponse(operation, new Reader(body)),
      () => readMulti(new Reader(body)),
      () => readMultiRead(new Reader(body)),
      () => readMultiResults(new Reader(body)),
    ])
      try {
        read()
      } catch (error) {
        if (!(error instanceof MalformedFrame)) throw error
      }
  }
  expect(bytesInUse() - before).toBeLessThan(16 * 1024 * 1024)
})
