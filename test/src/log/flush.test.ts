/** When what was appended is made to survive a crash of the machine: `flush.messages`, `flush.ms`, roll, checkpoint, shutdown. */
import { expect, test } from 'vitest'
import { Log } from '../../../src/log/log.ts'
import { defaultLogOptions, type LogOptions } from '../../../src/log/log-options.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import { simulatedDisk } from '../../../src/platform/simulated-disk.ts'
import { SteppingClock } from '../../../src/platform/stepping-clock.ts'
import { batchOf } from './logs.ts'

/** A log on a disk that loses what was not flushed. */
function onTornDisk(options: Partial<LogOptions>) {
  const clock = new SteppingClock(0)
  const disk = simulatedDisk({ random: seededRandom(1), clock })
  const all = { ...defaultLogOptions, ...options }
  const log = Log.open(disk, 'orders-0', all, 0)
  return {
    clock,
    log,
    append: (count: number, nowMs = 0) =>
      log.appendAsLeader(batchOf(count), { leaderEpoch: 0, nowMs, origin: 'client' }),
    /** What is left when the machine stops now, whatever the recovery point says. */
    leftAfterCrash: () => {
      disk.crash()
      return Log.open(disk, 'orders-0', all, 0).logEndOffset
    },
  }
}

test('flush.messages: so many records are flushed before they are acknowledged', () => {
  const { log, append, leftAfterCrash } = onTornDisk({ flushMessages: 3 })
  append(2)
  expect(log.recoveryPoint).toBe(0)
  append(1)
  expect(log.recoveryPoint).toBe(3)
  append(2)
  expect(leftAfterCrash()).toBeGreaterThanOrEqual(3)
})

test('flush.ms: what is older is flushed when it is looked at', async () => {
  const { clock, log, append, leftAfterCrash } = onTornDisk({ flushMs: 1000 })
  append(2, 500)
  append(2, 1400)
  log.flushOld(1499)
  clock.pass(1000)
  expect(log.recoveryPoint).toBe(0)
  log.flushOld(1500)
  clock.pass(1000)
  expect(log.recoveryPoint).toBe(4)
  // The age of what comes now counts anew.
  append(2, 2000)
  log.flushOld(2999)
  clock.pass(1000)
  expect(log.recoveryPoint).toBe(4)
  expect(leftAfterCrash()).toBeGreaterThanOrEqual(4)
})

test('a roll: the segment that is complete is flushed', () => {
  const { clock, log, append, leftAfterCrash } = onTornDisk({ segmentBytes: 500 })
  while (log.segmentCount < 2) append(2)
  const { logEndOffset } = log
  clock.pass(1000)
  expect(log.recoveryPoint).toBe(logEndOffset - 2)
  expect(leftAfterCrash()).toBeGreaterThanOrEqual(logEndOffset - 2)
})

test('an orderly end: everything', () => {
  const { log, append, leftAfterCrash } = onTornDisk({})
  append(5)
  log.close()
  expect(leftAfterCrash()).toBe(5)
})
