import { type Observable, of, type Subscription } from 'rxjs'
import { errors } from '../../src/error.ts'
import { groupMetadataTopic } from '../../src/group/group-id.ts'
import { type LoadedGroup, OffsetsLogReading } from '../../src/group/offsets-log.ts'
import type { Timer } from '../../src/ports.ts'
import type { BrokerWorld, Partition, ProduceResult } from './broker-world.ts'

/** What this broker is to a partition: `loading` and `led` both mean that it coordinates the groups in it. */
export type Standing = 'loading' | 'led' | 'elsewhere'

/**
 * The partitions of `__consumer_offsets` whose groups this broker coordinates, since it leads them: reading each when that
 * begins, writing to them. After GroupMetadataManager.
 */
export interface OffsetsPartitions {
  /** How many partitions the topic has; what it would be created with, before. */
  readonly count: number
  readonly isLoading: boolean
  standing(partition: number): Standing
  /** Emits once, with an error code where it could not be written. */
  append(partition: number, records: Uint8Array, acks: -1 | 0): Observable<ProduceResult>
  stop(): void
}

const notHere: ProduceResult = {
  errorCode: errors.NOT_LEADER_OR_FOLLOWER,
  errorMessage: null,
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
}

interface Led {
  readonly leaderEpoch: number
  standing: 'loading' | 'led'
  timer: Timer | undefined
}

/**
 * @param events.loaded a partition was read to its end: these are its groups, which may be served from now on.
 * @param events.unloaded another broker leads it now, or nobody.
 */
export function startOffsetsPartitions(
  broker: BrokerWorld,
  events: {
    loaded(partition: number, groups: readonly LoadedGroup[]): void
    unloaded(partition: number): void
  },
): OffsetsPartitions {
  const { config, trace } = broker
  const { clock } = broker.platform
  const led = new Map<number, Led>()
  /** The newest leader epoch heard of, by partition: what comes late from an older one changes nothing (KAFKA-9307). */
  const leaderEpochs = new Map<number, number>()

  const elected = (partition: number, leaderEpoch: number): void => {
    // Elected anew it has all in memory, and nobody else has written meanwhile.
    if (led.has(partition)) return
    const entry: Led = { leaderEpoch, standing: 'loading', timer: undefined }
    led.set(partition, entry)
    const reading = new OffsetsLogReading(broker.platform.compression)
    let from = -1
    const goOn = (): void => {
      entry.timer = undefined
      const log = broker.partitions.get(groupMetadataTopic, partition)?.log
      const next = log === undefined ? null : readOn(log, from, reading)
      if (next !== null) {
        from = next
        // Other input in between: a long log must not hold up heartbeats.
        entry.timer = clock.setTimeout(goOn, 0)
        return
      }
      entry.standing = 'led'
      const groups = reading.groups()
      const { unreadable } = reading
      const detail = { partition, leaderEpoch, groups: groups.length, unreadable }
      trace.record('note', broker.name, 'groups.loaded', detail)
      events.loaded(partition, groups)
    }
    entry.timer = clock.setTimeout(goOn, 0)
  }

  /** One portion of the log; where the next begins, null at the end. */
  const readOn = (log: Partition['log'], from: number, reading: OffsetsLogReading) => {
    const start = Math.max(from, log.logStartOffset)
    const { logEndOffset } = log
    if (start >= logEndOffset) return null
    const read = log.read(start, {
      maxBytes: config['offsets.load.buffer.size'],
      upToOffset: logEndOffset,
      minOneBatch: true,
    })
    if (!read.ok || read.records.length === 0) return null
    reading.read(read.records)
    return read.nextOffset
  }

  const resigned = (partition: number): void => {
    const entry = led.get(partition)
    if (entry === undefined) return
    led.delete(partition)
    clock.clearTimeout(entry.timer)
    trace.record('note', broker.name, 'groups.unloaded', { partition })
    events.unloaded(partition)
  }

  const changes: Subscription = broker.changes.subscribe(change => {
    if (change.kind !== 'role' || change.topic !== groupMetadataTopic) return
    const { partition, role, leaderEpoch } = change
    const known = leaderEpochs.get(partition) ?? -1
    const isStale = leaderEpoch < known
    if (!isStale) leaderEpochs.set(partition, leaderEpoch)
    if (role === 'leader' && !isStale) elected(partition, leaderEpoch)
    // A replica that is gone leads nothing, whatever the epoch.
    if (role === 'offline' || role === 'deleted' || (role === 'follower' && !isStale))
      resigned(partition)
    if (role === 'deleted') leaderEpochs.delete(partition)
  })

  return {
    get count() {
      const known = broker.metadata.topic(groupMetadataTopic)?.partitions
      if (known === undefined || known.size === 0) return config['offsets.topic.num.partitions']
      return Math.max(...known.keys()) + 1
    },
    get isLoading() {
      return [...led.values()].some(entry => entry.standing === 'loading')
    },
    standing: partition => led.get(partition)?.standing ?? 'elsewhere',
    append: (partition, records, acks) =>
      broker.partitions.get(groupMetadataTopic, partition)?.produce(records, {
        acks,
        timeoutMs: config['offsets.commit.timeout.ms'],
        origin: 'coordinator',
      }) ?? of(notHere),
    stop: () => {
      changes.unsubscribe()
      for (const partition of [...led.keys()]) resigned(partition)
    },
  }
}
