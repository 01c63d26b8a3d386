import { expect, test } from 'vitest'
import {
  LogDirectory,
  missingLogs,
  noteLostReplicas,
} from '../../../actors/broker/log-directory.ts'
import { noUuid } from '../../../src/ids.ts'
import { readOffsetCheckpoint, recoveryPointCheckpoint } from '../../../src/log/checkpoint.ts'
import { defaultLogOptions } from '../../../src/log/log-options.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import type { Clock } from '../../../src/ports.ts'
import { batchOf, ordersId } from './replica-cluster.ts'

const clock: Clock = {
  now: () => Date.UTC(2026, 0, 1),
  setTimeout: () => ({}),
  clearTimeout: () => {},
}

const { compression } = memoryPlatform()

const orders = { topic: 'orders', partition: 0 }

/** A log of two records, as a broker left it: its high watermark is 1. */
function left(how: 'shut down' | 'killed') {
  const disk = memoryDisk()
  const directory = new LogDirectory(disk, clock, compression)
  directory.opened()
  const { log } = directory.open(orders, ordersId, defaultLogOptions)
  log.appendAsLeader(batchOf(['a', 'b']), { leaderEpoch: 3, nowMs: 0, origin: 'client' })
  const kept = [{ ...orders, log, highWatermark: 1 }]
  if (how === 'shut down') {
    log.close()
    directory.close(kept)
  } else directory.checkpoint(kept)
  return { disk, directory, log }
}

test.each(['shut down', 'killed'] as const)('a broker that was %s finds its logs again', how => {
  const { disk } = left(how)
  const directory = new LogDirectory(disk, clock, compression)
  expect(directory.partitions()).toEqual([orders])
  const { log, topicId, highWatermark } = directory.open(orders, noUuid, defaultLogOptions)
  expect([log.logEndOffset, log.latestLeaderEpoch, topicId, highWatermark]).toEqual([
    2,
    3,
    ordersId,
    1,
  ])
})

test('what is no log is none, and nothing is remembered of logs that are gone', () => {
  const { disk } = left('killed')
  disk.open('meta.properties').append([new Uint8Array(1)])
  disk.remove('orders-0')
  const directory = new LogDirectory(disk, clock, compression)
  expect(directory.partitions()).toEqual([])
  directory.opened()
  expect(directory.open(orders, ordersId, defaultLogOptions).highWatermark).toBe(0)
})

test('a deleted log leaves nothing to the next of its name', () => {
  const { directory, log } = left('killed')
  log.delete()
  directory.forget(orders)
  expect(directory.open(orders, ordersId, defaultLogOptions).highWatermark).toBe(0)
})

test('a log that is cut below what was flushed says so at once', () => {
  const { disk, log } = left('killed')
  log.flush()
  log.appendAsLeader(batchOf(['c']), { leaderEpoch: 3, nowMs: 0, origin: 'client' })
  expect(log.recoveryPoint).toBe(2)
  log.truncateTo(0)
  expect(readOffsetCheckpoint(disk, recoveryPointCheckpoint)).toEqual([{ ...orders, offset: 0 }])
})

test('a log that was written down and is not there is missed, till it is known that nobody counts on it', () => {
  const { disk } = left('killed')
  expect(missingLogs(disk)).toEqual([])
  disk.remove('orders-0')
  expect(missingLogs(disk)).toEqual([orders])
  noteLostReplicas(disk, [orders])
  const directory = new LogDirectory(disk, clock, compression)
  directory.open(orders, ordersId, defaultLogOptions)
  directory.opened()
  // It has begun anew, and is no better for it.
  expect([missingLogs(disk), directory.isLost(orders)]).toEqual([[orders], true])
  directory.noteFound(orders)
  expect([missingLogs(disk), directory.isLost(orders)]).toEqual([[], false])
})
