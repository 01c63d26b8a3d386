import { splitBatches } from '../../../src/records/batch.ts'
import type { Partition } from '../../broker/broker-world.ts'
import { replicaOf, type Spec } from './spec.ts'

/** A batch as all replicas must have it. */
interface Committed {
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly crc: number
}

/** What is known of a partition's committed records: by base offset. */
interface Record {
  readonly batches: Map<number, Committed>
  /** By leader epoch: everything below was committed in it, says some replica. */
  readonly highWatermarks: Map<number, number>
}

/** What was committed before a leader epoch. An order that comes late may make a leader of an epoch that is over; it can commit nothing. */
function committedBefore({ highWatermarks }: Record, leaderEpoch: number): number {
  let reached = 0
  for (const [epoch, highWatermark] of highWatermarks)
    if (epoch < leaderEpoch) reached = Math.max(reached, highWatermark)
  return reached
}

/**
 * What was committed stays: whoever leads next has it (leader completeness); all replicas have the same batches below their high
 * watermarks; and a leader's high watermark never falls in its reign.
 */
export const safetyCommittedRecordsStay: Spec = {
  name: 'safety-committed-records-stay',
  exercises: ['high watermark rose', 'reign began with committed records', 'replicas compared'],
  watch({ nodes, sometimes, violated }) {
    const records = new Map<string, Record>()
    const recordOf = (partition: string): Record => {
      let record = records.get(partition)
      if (record === undefined) {
        record = { batches: new Map(), highWatermarks: new Map() }
        records.set(partition, record)
      }
      return record
    }
    /** By replica's path: where comparing goes on. Anew after a restart or truncation. */
    const compared = new Map<string, { partition: Partition; upTo: number }>()
    const reigns = new Map<string, { leaderEpoch: number; highWatermark: number }>()
    /** By replica's path: whom it obeys, or that it leads. */
    const epochs = new Map<string, number>()

    const compare = (path: string, partition: Partition): void => {
      const { log } = partition
      // Compaction makes batches anew, on each replica when it comes to it.
      if (log.options.compacts) return
      const end = Math.min(partition.highWatermark, log.logEndOffset)
      const known = compared.get(path)
      let from = known?.partition === partition ? known.upTo : log.logStartOffset
      if (from >= end) return
      const record = recordOf(`${partition.topic}-${partition.partition}`)
      while (from < end) {
        const read = log.read(from, { maxBytes: 1 << 20, upToOffset: end, minOneBatch: true })
        if (!read.ok || read.records.length === 0) break
        for (const view of splitBatches(read.records).batches) {
          const { baseOffset, lastOffset, partitionLeaderEpoch: leaderEpoch, crc } = view
          const before = record.batches.get(baseOffset)
          if (before === undefined) record.batches.set(baseOffset, { lastOffset, leaderEpoch, crc })
          else if (
            before.crc !== crc ||
            before.lastOffset !== lastOffset ||
            before.leaderEpoch !== leaderEpoch
          )
            violated(
              `${path}: the batch at ${baseOffset} to ${lastOffset} of leader epoch ${leaderEpoch} is below the high watermark ` +
                `${partition.highWatermark}; another replica had one to ${before.lastOffset} of leader epoch ${before.leaderEpoch}`,
            )
        }
        sometimes('replicas compared')
        from = read.nextOffset
      }
      compared.set(path, { partition, upTo: from })
    }
    return {
      saw({ kind, type, path, detail }) {
        if (kind === 'command' && type === 'highWatermark.announce') {
          const at = replicaOf(path)
          if (at === undefined) return
          const record = recordOf(at.partition)
          const highWatermark = Number(detail.highWatermark)
          const epoch = epochs.get(path) ?? -1
          if (highWatermark > (record.highWatermarks.get(epoch) ?? 0)) {
            record.highWatermarks.set(epoch, highWatermark)
            sometimes('high watermark rose')
          }
          const reign = reigns.get(path)
          if (reign === undefined) return
          if (highWatermark < reign.highWatermark)
            violated(
              `${path}: high watermark ${highWatermark} after ${reign.highWatermark} in leader epoch ${reign.leaderEpoch}`,
            )
          reign.highWatermark = highWatermark
        } else if (kind === 'command' && type === 'leaderEpoch.start') {
          const at = replicaOf(path)
          if (at === undefined) return
          const leaderEpoch = Number(detail.leaderEpoch)
          const highWatermark = committedBefore(recordOf(at.partition), leaderEpoch)
          if (Number(detail.startOffset) < highWatermark)
            violated(
              `${path} leads in epoch ${leaderEpoch} from ${detail.startOffset}: committed was up to ${highWatermark}`,
            )
          if (highWatermark > 0) sometimes('reign began with committed records')
          reigns.set(path, { leaderEpoch, highWatermark: 0 })
        } else if (kind === 'command' && type === 'role.announce') {
          if (replicaOf(path) !== undefined) epochs.set(path, Number(detail.leaderEpoch))
        } else if (kind === 'command' && (type === 'fetcher.follow' || type === 'log.truncate')) {
          reigns.delete(path)
          compared.delete(path)
        } else if (kind === 'command' && type === 'log.delete') {
          const at = replicaOf(path)
          if (at !== undefined) records.delete(at.partition)
          compared.delete(path)
        } else if (kind === 'actor' && type === 'stopped') {
          reigns.delete(path)
          epochs.delete(path)
          compared.delete(path)
        }
      },
      looked() {
        for (const node of nodes) {
          if (node.running === undefined) continue
          for (const partition of node.running.world.partitions.all())
            compare(`${node.path}/partition/${partition.topic}-${partition.partition}`, partition)
        }
      },
    }
  },
}
