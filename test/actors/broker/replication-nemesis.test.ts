import { expect, test } from 'vitest'
import { maximalIsr } from '../../../machines/broker/partition-replica.ts'
import { errors } from '../../../src/error.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import { splitBatches } from '../../../src/records/batch.ts'
import { decodeRecords } from '../../../src/records/record.ts'
import { batchOf, ReplicaCluster } from './replica-cluster.ts'

/**
 * Brokers die, come back, stand still and go on, leaders are elected from the ISR, all by chance. Whatever was acknowledged with
 * acks=all, and whatever a consumer could read, is in the log at the end, where it was. Replicas that are in sync are equal to the last byte.
 */
class Nemesis extends ReplicaCluster {
  readonly random: { next(): number }
  readonly acknowledged = new Map<number, string>()
  readonly read = new Map<number, string>()
  /** Who led in which epoch. */
  readonly leaders = new Map<number, number>()
  #written = 0

  constructor(seed: number, overrides: Readonly<Record<string, string | number>>) {
    super([1, 2, 3], overrides)
    this.random = seededRandom(seed)
    this.elect({})
  }

  chance<T>(of: readonly T[]): T {
    return of[Math.floor(this.random.next() * of.length)] as T
  }

  async step(): Promise<void> {
    const action = this.chance([
      'produce',
      'produce',
      'produce',
      'kill',
      'start',
      'pause',
      'resume',
    ])
    if (action === 'produce') this.produceAnywhere()
    if (action === 'kill' && this.brokers.size > 1) this.bury(this.chance([...this.brokers.keys()]))
    if (action === 'start') {
      const dead = this.replicas.filter(id => !this.brokers.has(id))
      if (dead.length > 0) this.raise(this.chance(dead))
    }
    if (action === 'pause') {
      const running = [...this.brokers.keys()].filter(
        id => this.broker(id).process.state === 'running',
      )
      if (running.length > 1) this.broker(this.chance(running)).process.pause()
    }
    if (action === 'resume') this.wake()
    this.look()
    await this.advance(this.chance([1, 3, 20, 150, 600, 1500]))
    // A broker that stands still for long loses its session, and goes on believing what it believed.
    for (const [id, { process }] of this.brokers)
      if (process.state === 'paused' && !this.silent.has(id) && this.random.next() < 0.3) {
        this.silent.add(id)
        this.mourn(id)
      }
    this.look()
  }

  produceAnywhere(): void {
    const value = `v${this.#written++}`
    for (const id of this.chance([[this.state.leader], [...this.brokers.keys()]])) {
      const broker = this.brokers.get(id)
      if (broker === undefined || broker.process.state !== 'running') continue
      const { outcome } = this.produce(id, value)
      outcome(offset => {
        expect(this.acknowledged.get(offset) ?? value).toBe(value)
        this.acknowledged.set(offset, value)
      })
    }
  }

  produce(id: number, value: string) {
    const partition = this.broker(id).world.partitions.get('orders', 0)
    return {
      outcome: (acknowledged: (offset: number) => void): void => {
        partition
          ?.produce(batchOf([value]), { acks: -1, timeoutMs: 30_000, origin: 'client' })
          .subscribe(({ errorCode, baseOffset }) => {
            if (errorCode === errors.NONE) acknowledged(baseOffset)
          })
      },
    }
  }

  bury(id: number): void {
    this.kill(id)
    this.silent.delete(id)
    this.mourn(id)
  }

  /** A session is gone: out of the ISR, and another leads (ReplicaStateMachine, PartitionStateMachine). */
  mourn(id: number): void {
    const { leader, isr } = this.state
    const rest = isr.filter(member => member !== id)
    if (leader === id) {
      const next = rest.find(member => this.lives(member))
      if (next === undefined) this.elect({ leader: -1 })
      else this.elect({ leader: next, isr: rest.filter(member => this.lives(member)) })
    } else if (isr.includes(id) && rest.length > 0) this.elect({ isr: rest })
    else this.tellAll()
  }

  raise(id: number): void {
    this.start(id)
    this.welcome(id)
  }

  wake(): void {
    for (const [id, { process }] of this.brokers)
      if (process.state === 'paused') {
        process.resume()
        if (this.silent.delete(id)) this.welcome(id)
      }
  }

  welcome(id: number): void {
    const { leader, isr } = this.state
    if (leader === -1 && isr.includes(id)) this.elect({ leader: id, isr: [id] })
    else {
      this.tellAll()
      this.order(id)
    }
  }

  /** What a consumer could read now, and what must hold at any time. */
  look(): void {
    for (const [id, { world, process }] of this.brokers) {
      const partition = world.partitions.get('orders', 0)
      if (partition === undefined || process.state !== 'running' || !partition.isLeader) continue
      const { leaderEpoch, highWatermark, log, snapshot } = partition
      expect(this.leaders.get(leaderEpoch) ?? id).toBe(id)
      this.leaders.set(leaderEpoch, id)
      expect(highWatermark).toBeLessThanOrEqual(log.logEndOffset)
      expect(maximalIsr(snapshot.context)).toContain(id)
      for (const [offset, value] of this.valuesOf(id, highWatermark)) {
        expect(`${offset}: ${this.read.get(offset) ?? value}`).toBe(`${offset}: ${value}`)
        this.read.set(offset, value)
      }
    }
  }

  valuesOf(id: number, upToOffset: number): [number, string][] {
    const { log } = this.broker(id).orders
    const read = log.read(log.logStartOffset, { maxBytes: 1e9, upToOffset, minOneBatch: true })
    if (!read.ok) return []
    const decoder = new TextDecoder()
    return splitBatches(read.records).batches.flatMap(batch =>
      decodeRecords(batch).map(({ offset, value }): [number, string] => [
        offset,
        decoder.decode(value ?? undefined),
      ]),
    )
  }

  /** Epochs that have records; only who led an empty one knows of it. */
  epochsOf(id: number) {
    const { logEndOffset, leaderEpochs } = this.broker(id).orders.log
    return leaderEpochs.filter(({ startOffset }) => startOffset < logEndOffset)
  }

  async heal(): Promise<void> {
    this.wake()
    for (const id of this.replicas) if (!this.brokers.has(id)) this.raise(id)
    const all = [...this.brokers.values()]
    await this.until(() => {
      const leader = all.find(({ id }) => id === this.state.leader)?.orders
      return (
        leader !== undefined &&
        this.state.isr.length === 3 &&
        leader.highWatermark === leader.log.logEndOffset &&
        all.every(({ orders }) => orders.log.logEndOffset === leader.log.logEndOffset)
      )
    }, 'all in sync')
  }

  check(): void {
    const { leader } = this.state
    const final = this.valuesOf(leader, this.broker(leader).orders.log.logEndOffset)
    const at = new Map(final)
    for (const [offset, value] of [...this.acknowledged, ...this.read])
      expect(`${offset}: ${at.get(offset)}`).toBe(`${offset}: ${value}`)
    for (const id of this.replicas) {
      const { log } = this.broker(id).orders
      expect(this.valuesOf(id, log.logEndOffset)).toEqual(final)
      expect(this.epochsOf(id)).toEqual(this.epochsOf(leader))
    }
  }
}

test.each([
  { seeds: 40, minInSync: 1 },
  { seeds: 20, minInSync: 2 },
])(
  'no acknowledged record is lost, whatever happens to the brokers (min.insync.replicas $minInSync)',
  async ({ seeds, minInSync }) => {
    let acknowledged = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const cluster = new Nemesis(seed, { 'min.insync.replicas': minInSync })
      try {
        for (let i = 0; i < 60; i++) await cluster.step()
        await cluster.heal()
        cluster.check()
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`)
      }
      acknowledged += cluster.acknowledged.size
      cluster.stop()
    }
    expect(acknowledged).toBeGreaterThan(seeds)
  },
  60_000,
)
