/** The log on a disk whose machine dies: at any call, again and again, also while it recovers. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  cleanShutdownFile,
  logStartOffsetCheckpoint,
  readOffsetCheckpoint,
  recoveryPointCheckpoint,
  replaceFile,
  writeOffsetCheckpoint,
} from '../../../src/log/checkpoint.ts'
import { Log } from '../../../src/log/log.ts'
import { defaultLogOptions, type LogOptions } from '../../../src/log/log-options.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import {
  MachineStopped,
  type SimulatedDisk,
  simulatedDisk,
} from '../../../src/platform/simulated-disk.ts'
import { decodeRecords, encodeBatch } from '../../../src/records/record.ts'
import { batchOf, nowMs, read } from './logs.ts'

interface ModelBatch {
  readonly base: number
  readonly last: number
  readonly leaderEpoch: number
  readonly producerId: number
  readonly lastSequence: number
}

/** What the log should be; crashes may take from its end what was not promised, and nothing else. */
interface Model {
  readonly batches: readonly ModelBatch[]
  readonly start: number
  readonly end: number
}

const printed = (batches: readonly ModelBatch[]): string =>
  batches.map(({ base, last, leaderEpoch }) => `${base}-${last}@${leaderEpoch}`).join(' ')

const options: LogOptions = {
  ...defaultLogOptions,
  segmentBytes: 700,
  indexIntervalBytes: 150,
  retentionMs: -1,
}

/** A log with its checkpoint files, as a broker keeps them. */
class Machine {
  readonly disk: SimulatedDisk
  log!: Log
  model: Model = { batches: [], start: 0, end: 0 }
  /** What the model becomes by the call under way. */
  next: Model = this.model
  leaderEpoch = 0
  /** The greatest log start there ever was. */
  #startMax = 0
  readonly #options: LogOptions
  /** By producer id: the next sequence. */
  readonly #sequences = new Map<number, number>()

  constructor(seed: number, logOptions: Partial<LogOptions> = {}) {
    this.disk = simulatedDisk({ random: seededRandom(seed) })
    this.#options = { ...options, ...logOptions }
    this.#open()
  }

  #open(): void {
    const { disk } = this
    const read = (file: string) => readOffsetCheckpoint(disk, file)[0]?.offset ?? 0
    const clean = disk.exists(cleanShutdownFile)
    this.log = Log.open(disk, 't-0', this.#options, nowMs, {
      clean,
      recoveryPoint: read(recoveryPointCheckpoint),
      logStartOffset: read(logStartOffsetCheckpoint),
      writeRecoveryPoint: point => this.#write(recoveryPointCheckpoint, point),
    })
    disk.remove(cleanShutdownFile)
    disk.flushDirectory('')
  }

  #write(file: string, offset: number): void {
    writeOffsetCheckpoint(this.disk, file, [{ topic: 't', partition: 0, offset }])
  }

  /** What the machine does between two crashes. */
  do(action: Action): void {
    const { log, model } = this
    const { batches, start, end } = model
    const offsetAt = (at: number) => Math.min(end, start + Math.floor(at * (end - start + 1)))
    this.next = model
    if (action.kind === 'append') {
      const { count, producerId } = action
      const baseSequence = this.#sequences.get(producerId) ?? 0
      const bytes = batchOf(count, { producerId, producerEpoch: 0, baseSequence })
      const lastSequence = baseSequence + count - 1
      const { leaderEpoch } = this
      const last = end + count - 1
      const batch = { base: end, last, leaderEpoch, producerId, lastSequence }
      this.next = { batches: [...batches, batch], start, end: end + count }
      const answer = log.appendAsLeader(bytes, { leaderEpoch, nowMs, origin: 'client' })
      if (!answer.ok) throw new Error(answer.message)
      this.#sequences.set(producerId, lastSequence + 1)
    } else if (action.kind === 'lead') {
      this.leaderEpoch++
      log.assignLeaderEpoch(this.leaderEpoch, end)
    } else if (action.kind === 'flush') {
      log.flush()
    } else if (action.kind === 'flushLater') {
      log.flushLater()
    } else if (action.kind === 'checkpoint') {
      this.#write(recoveryPointCheckpoint, log.recoveryPoint)
      this.#write(logStartOffsetCheckpoint, log.logStartOffset)
    } else if (action.kind === 'truncate') {
      const at = offsetAt(action.at)
      this.leaderEpoch++
      const kept = batches.filter(batch => batch.last < at)
      const keptEnd = at >= end ? end : (kept.at(-1)?.last ?? at - 1) + 1
      this.next = { batches: kept, start: Math.min(start, keptEnd), end: keptEnd }
      log.truncateTo(at)
      const { logStartOffset, logEndOffset } = log
      this.next = { batches: kept, start: logStartOffset, end: logEndOffset }
      this.#learnSequences()
    } else if (action.kind === 'restart') {
      this.leaderEpoch++
      this.next = { batches: [], start: end, end }
      log.truncateFully(end)
      this.#sequences.clear()
    } else if (action.kind === 'advance') {
      const at = offsetAt(action.at)
      this.next = { batches, start: Math.max(start, at), end }
      log.advanceLogStartOffset(at, end)
    } else if (action.kind === 'retain') {
      log.reconfigure({ ...log.options, retentionBytes: action.bytes })
      this.next = { batches, start: end, end }
      log.applyRetention(offsetAt(action.at), nowMs)
      this.next = { batches, start: log.logStartOffset, end }
    } else {
      log.close()
      this.#write(recoveryPointCheckpoint, log.recoveryPoint)
      replaceFile(this.disk, cleanShutdownFile, new TextEncoder().encode('{"version":0}'))
      this.#open()
    }
    this.model = this.next
    this.#startMax = Math.max(this.#startMax, this.model.start)
  }

  /** Of producers whose batches are gone with the log's beginning it may or may not know. */
  #learnSequences(): void {
    this.#sequences.clear()
    for (const [producerId, entry] of this.log.producers)
      this.#sequences.set(producerId, (entry.batches.at(-1)?.lastSequence ?? -1) + 1)
  }

  /** Starts again after a death, however often it dies of that; then looks whether all that was promised is there. */
  revive(recoveryPoint: number, stops: number): void {
    for (let i = 0; ; i++) {
      this.disk.crash()
      if (i < stops) this.disk.stopAt(1 + ((7 * i) % 23))
      try {
        this.#open()
        this.disk.stopAt(Number.POSITIVE_INFINITY)
        break
      } catch (error) {
        if (!(error instanceof MachineStopped)) throw error
      }
    }
    this.#check(recoveryPoint)
  }

  #check(recoveryPoint: number): void {
    const { log } = this
    this.#startMax = Math.max(this.#startMax, this.next.start)
    const found = read(log, log.logStartOffset)
    const { logStartOffset, logEndOffset } = log
    // As before the call in which the machine died, or as after it; of either perhaps a beginning.
    const fits = [this.model, this.next].filter(({ batches, start, end }) => {
      const expected = batches.filter(({ last }) => last >= start && last < logEndOffset)
      const above = found.filter(batch => batch.lastOffset >= start)
      return (
        logEndOffset <= Math.max(end, this.#startMax) &&
        logEndOffset >= Math.min(recoveryPoint, end) &&
        (logStartOffset <= start || above.length === expected.length) &&
        printed(expected) ===
          above
            .map(one => `${one.baseOffset}-${one.lastOffset}@${one.partitionLeaderEpoch}`)
            .join(' ')
      )
    })
    const what = () =>
      `found ${logStartOffset}..${logEndOffset}: ${found.map(one => `${one.baseOffset}-${one.lastOffset}@${one.partitionLeaderEpoch}`).join(' ')}\n` +
      `before ${this.model.start}..${this.model.end}: ${printed(this.model.batches)}\n` +
      `after ${this.next.start}..${this.next.end}: ${printed(this.next.batches)}\nrecovery point ${recoveryPoint}`
    expect(fits.length, what()).toBeGreaterThan(0)
    expect(found.every(batch => batch.hasValidCrc)).toBe(true)
    // What is back from before the log's start is committed: nobody asks for its epoch.
    for (const batch of found)
      if (batch.baseOffset >= Math.max(logStartOffset, this.#startMax))
        expect(log.leaderEpochAt(batch.baseOffset), what()).toBe(batch.partitionLeaderEpoch)
    const kept = found.map(batch => ({
      base: batch.baseOffset,
      last: batch.lastOffset,
      leaderEpoch: batch.partitionLeaderEpoch,
      producerId: batch.producerId,
      lastSequence: batch.lastSequence,
    }))
    const lastOf = new Map(kept.map(batch => [batch.producerId, batch]))
    for (const { producerId, last, lastSequence } of lastOf.values()) {
      if (last < logStartOffset) continue
      const entry = log.producers.get(producerId)?.batches.at(-1)
      expect([entry?.lastOffset, entry?.lastSequence], what()).toEqual([last, lastSequence])
    }
    for (const [producerId, { batches: remembered }] of log.producers)
      for (const { lastOffset } of remembered)
        expect(lastOffset, `producer ${producerId}; ${what()}`).toBeLessThan(logEndOffset)
    this.#learnSequences()
    this.model = { batches: kept, start: logStartOffset, end: logEndOffset }
    // Epochs go with what was lost; those the cluster has given out it does not give again.
    this.leaderEpoch = Math.max(this.leaderEpoch, log.latestLeaderEpoch) + 1
    this.next = this.model
  }
}

const part = fc.double({ min: 0, max: 1, noNaN: true })
const action = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('append'),
      count: fc.integer({ min: 1, max: 6 }),
      producerId: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lead') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flushLater') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('checkpoint') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('truncate'), at: part }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance'), at: part }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('retain'),
      bytes: fc.integer({ min: 0, max: 3000 }),
      at: part,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close') }) },
)
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never

const runs = (ordinarily: number) => ({ numRuns: Number(process.env.FUZZ_RUNS ?? ordinarily) })

test('a machine that dies at any call, and again while it recovers, loses nothing that was flushed', () => {
  const life = fc.record({
    actions: fc.array(action, { minLength: 1, maxLength: 25 }),
    /** How many calls it lives. */
    calls: fc.integer({ min: 1, max: 200 }),
    stops: fc.integer({ min: 0, max: 3 }),
  })
  fc.assert(
    fc.property(fc.nat(), fc.array(life, { minLength: 1, maxLength: 6 }), (seed, lives) => {
      const machine = new Machine(seed)
      for (const { actions, calls, stops } of lives) {
        machine.disk.stopAt(calls)
        try {
          for (const one of actions) machine.do(one)
        } catch (error) {
          if (!(error instanceof MachineStopped)) throw error
        }
        machine.revive(machine.log.recoveryPoint, stops)
      }
    }),
    runs(300),
  )
})

test('flush.messages: what is acknowledged is flushed', () => {
  for (let seed = 0; seed < 200; seed++) {
    const machine = new Machine(seed, { flushMessages: 1 })
    const acknowledged: string[] = []
    machine.disk.stopAt(20 + seed)
    try {
      for (let i = 0; i < 40; i++) {
        machine.do({ kind: 'append', count: 1 + (i % 4), producerId: 1 })
        acknowledged.push(printed(machine.model.batches.slice(-1)))
      }
    } catch (error) {
      if (!(error instanceof MachineStopped)) throw error
    }
    machine.revive(0, 0)
    expect(printed(machine.model.batches).startsWith(acknowledged.join(' '))).toBe(true)
  }
})

test('a run of a log, stopped at each of its calls', () => {
  const script: Action[] = [
    ...Array.from(
      { length: 12 },
      (_, i): Action => ({ kind: 'append', count: 3, producerId: 1 + (i % 2) }),
    ),
    { kind: 'flush' },
    { kind: 'checkpoint' },
    { kind: 'append', count: 4, producerId: 3 },
    { kind: 'truncate', at: 0.5 },
    { kind: 'lead' },
    ...Array.from({ length: 8 }, (): Action => ({ kind: 'append', count: 2, producerId: 1 })),
    { kind: 'flushLater' },
    { kind: 'retain', bytes: 900, at: 1 },
    { kind: 'close' },
    { kind: 'append', count: 1, producerId: 2 },
  ]
  let calls = 0
  for (let stop = 1; calls < stop + 400; stop++) {
    for (let seed = 0; seed < 4; seed++) {
      const machine = new Machine(seed)
      const before = machine.disk.writes
      machine.disk.stopAt(stop)
      try {
        for (const one of script) machine.do(one)
        calls = Number.POSITIVE_INFINITY
      } catch (error) {
        if (!(error instanceof MachineStopped)) throw error
      }
      machine.revive(machine.log.recoveryPoint, 0)
      machine.do({ kind: 'append', count: 2, producerId: 1 })
      machine.do({ kind: 'flush' })
      machine.revive(machine.log.recoveryPoint, 0)
      expect(before).toBeGreaterThan(0)
    }
    if (calls === Number.POSITIVE_INFINITY) break
  }
})

test('a machine that dies while it compacts has the last record of each key, and every producer', () => {
  const step = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('append'),
        keys: fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }),
        producerId: fc.nat(2),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('checkpoint') }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('compact') }) },
  )
  const life = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 40 }),
    calls: fc.integer({ min: 1, max: 400 }),
    stops: fc.integer({ min: 0, max: 3 }),
  })
  const run = (
    seed: number,
    lives: readonly (typeof life extends fc.Arbitrary<infer T> ? T : never)[],
  ) => {
    const disk = simulatedDisk({ random: seededRandom(seed) })
    const checkpointed = () => readOffsetCheckpoint(disk, recoveryPointCheckpoint)[0]?.offset ?? 0
    const writeRecoveryPoint = (offset: number) =>
      writeOffsetCheckpoint(disk, recoveryPointCheckpoint, [{ topic: 't', partition: 0, offset }])
    const open = () =>
      Log.open(disk, 't-0', { ...options, compacts: true, deletes: false }, nowMs, {
        recoveryPoint: checkpointed(),
        writeRecoveryPoint,
      })
    let log = open()
    /** Key and producer of every record, by offset. */
    const all: { key: number; producerId: number; sequence: number }[] = []
    const keyed = (keys: readonly number[], producerId: number, baseSequence: number) =>
      encodeBatch({
        records: keys.map(key => ({ key: new Uint8Array([key]), value: new Uint8Array(9) })),
        timestampMs: nowMs,
        producerId,
        producerEpoch: 0,
        baseSequence,
      })
    for (const { steps, calls, stops } of lives) {
      disk.stopAt(calls)
      try {
        for (const one of steps) {
          if (one.kind === 'append') {
            const { keys, producerId } = one
            const last = log.producers.get(producerId)?.batches.at(-1)?.lastSequence ?? -1
            const added = keys.map((key, i) => ({ key, producerId, sequence: last + 1 + i }))
            all.splice(log.logEndOffset, all.length, ...added)
            const as = { leaderEpoch: 0, nowMs, origin: 'client' } as const
            expect(log.appendAsLeader(keyed(keys, producerId, last + 1), as).ok).toBe(true)
          } else if (one.kind === 'checkpoint') writeRecoveryPoint(log.recoveryPoint)
          else {
            const steps = log.compact(log.cleanable(0, log.logEndOffset, nowMs), nowMs)
            while (steps.next().done !== true);
          }
        }
      } catch (error) {
        if (!(error instanceof MachineStopped)) throw error
      }
      const promised = Math.min(log.recoveryPoint, all.length)
      for (let i = 0; ; i++) {
        disk.crash()
        if (i < stops) disk.stopAt(1 + ((7 * i) % 23))
        try {
          log = open()
          disk.stopAt(Number.POSITIVE_INFINITY)
          break
        } catch (error) {
          if (!(error instanceof MachineStopped)) throw error
        }
      }
      expect(log.logEndOffset).toBeGreaterThanOrEqual(promised)
      expect(log.logEndOffset).toBeLessThanOrEqual(all.length)
      expect(log.logStartOffset).toBe(0)
      const found = read(log, 0).flatMap(batch =>
        decodeRecords(batch).map(({ offset, key }) => [offset, key?.[0]]),
      )
      const offsets = found.map(([offset]) => offset)
      const last = new Map<number, number>()
      for (let offset = 0; offset < log.logEndOffset; offset++)
        last.set((all[offset] as { key: number }).key, offset)
      expect(offsets).toEqual([...new Set(offsets)].toSorted((a, b) => Number(a) - Number(b)))
      for (const [offset, key] of found) expect(all[Number(offset)]?.key).toBe(key)
      for (const offset of last.values()) expect(offsets).toContain(offset)
      const sequences = new Map<number, number>()
      for (const { producerId, sequence } of all.slice(0, log.logEndOffset))
        sequences.set(producerId, sequence)
      for (const [producerId, sequence] of sequences)
        expect(log.producers.get(producerId)?.batches.at(-1)?.lastSequence).toBe(sequence)
    }
  }
  fc.assert(fc.property(fc.nat(), fc.array(life, { minLength: 1, maxLength: 4 }), run), runs(150))
})
