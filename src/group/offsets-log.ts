/**
 * Groups and offsets as records of `__consumer_offsets`: writing them, and reading a partition back when its leader changes. After
 * GroupMetadataManager.
 */
import { MalformedFrame } from '../binary/reader.ts'
import type { TopicPartition } from '../ids.ts'
import {
  decodeGroupMetadataKey,
  decodeGroupValue,
  decodeOffsetValue,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
  type StoredGroup,
} from '../protocol/stored/group-metadata.ts'
import { type RecordBatch, splitBatches } from '../records/batch.ts'
import type { Compression } from '../records/compression.ts'
import { decodeMarker } from '../records/control.ts'
import { type BatchRecord, decodeRecords, encodeBatch, type NewRecord } from '../records/record.ts'
import { type CommittedOffset, CommittedOffsets, type OffsetEntry } from './committed-offsets.ts'

/** A group's generation, as one batch. Bytes of subscriptions and assignments are those of its members. */
export const groupBatch = (groupId: string, group: StoredGroup, timestampMs: number): Uint8Array =>
  encodeBatch({
    records: [{ key: encodeGroupKey(groupId), value: encodeGroupValue(group) }],
    timestampMs,
  })

/** Commits of one group, at least one, as one batch: all count or none. */
export const commitBatch = (
  groupId: string,
  entries: readonly OffsetEntry[],
  timestampMs: number,
): Uint8Array =>
  encodeBatch({
    records: entries.map(({ topic, partition, commit }) => ({
      key: encodeOffsetKey(groupId, topic, partition),
      value: encodeOffsetValue({
        offset: commit.offset,
        leaderEpoch: commit.leaderEpoch,
        metadata: commit.metadata,
        commitTimestamp: commit.commitTimestampMs,
        expireTimestamp: commit.expireTimestampMs ?? -1,
      }),
    })),
    timestampMs,
  })

/** What takes offsets back, and with them the group where it is gone. Null where there is nothing to take back. */
export function tombstoneBatch(
  groupId: string,
  partitions: readonly TopicPartition[],
  isGroupGone: boolean,
  timestampMs: number,
): Uint8Array | null {
  const records: NewRecord[] = partitions.map(({ topic, partition }) => ({
    key: encodeOffsetKey(groupId, topic, partition),
  }))
  if (isGroupGone) records.push({ key: encodeGroupKey(groupId) })
  return records.length === 0 ? null : encodeBatch({ records, timestampMs })
}

/** What a partition of `__consumer_offsets` has of one group. */
export interface LoadedGroup {
  readonly groupId: string
  /** Null for one that only keeps offsets here. */
  readonly stored: StoredGroup | null
  readonly offsets: CommittedOffsets
}

/** A partition read from its beginning to its end: later records take earlier ones back. */
export class OffsetsLogReading {
  readonly #groups = new Map<string, StoredGroup>()
  readonly #offsets = new Map<string, CommittedOffsets>()
  readonly #unreadable: string[] = []
  readonly #compression: Compression | undefined

  /** @param compression for batches that another broker compressed; ours are not. */
  constructor(compression?: Compression) {
    this.#compression = compression
  }

  /** What could not be read: it is skipped, not fatal. */
  get unreadable(): readonly string[] {
    return this.#unreadable
  }

  /** Takes in the next batches, as they stand in the log. */
  read(records: Uint8Array): void {
    for (const batch of splitBatches(records).batches) {
      try {
        this.#readBatch(batch)
      } catch (error) {
        if (!(error instanceof MalformedFrame)) throw error
        this.#unreadable.push(`offset ${batch.baseOffset}: ${error.message}`)
      }
    }
  }

  #readBatch(batch: RecordBatch): void {
    if (batch.isControl) {
      const marker = decodeMarker(batch)
      if (marker === null) return
      for (const offsets of this.#offsets.values())
        offsets.completeTransaction(batch.producerId, marker.outcome === 'commit')
      return
    }
    const producerId = batch.isTransactional ? batch.producerId : null
    for (const record of decodeRecords(batch, this.#compression))
      this.#readRecord(record, batch.baseOffset, producerId)
  }

  #readRecord(record: BatchRecord, recordOffset: number, producerId: number | null): void {
    if (record.key === null) throw new MalformedFrame('a record without a key')
    const key = decodeGroupMetadataKey(record.key)
    if (key === null) return
    if (key.kind === 'group') {
      if (record.value === null) this.#groups.delete(key.group)
      else this.#groups.set(key.group, decodeGroupValue(record.value))
      return
    }
    const partition = { topic: key.topic, partition: key.partition }
    const offsets = this.#offsetsOf(key.group)
    if (record.value === null) offsets.remove([partition])
    else if (producerId === null)
      offsets.load(partition, committedOffset(record.value), recordOffset)
    else
      offsets.addTransactional(producerId, partition, committedOffset(record.value), recordOffset)
  }

  #offsetsOf(groupId: string): CommittedOffsets {
    let offsets = this.#offsets.get(groupId)
    if (offsets === undefined) {
      offsets = new CommittedOffsets()
      this.#offsets.set(groupId, offsets)
    }
    return offsets
  }

  /** Groups with a record of their own, and those that have nothing but offsets. */
  groups(): LoadedGroup[] {
    const groupIds = new Set(this.#groups.keys())
    for (const [groupId, offsets] of this.#offsets) if (!offsets.isEmpty) groupIds.add(groupId)
    return Array.from(groupIds, groupId => ({
      groupId,
      stored: this.#groups.get(groupId) ?? null,
      offsets: this.#offsets.get(groupId) ?? new CommittedOffsets(),
    }))
  }
}

function committedOffset(value: Uint8Array): CommittedOffset {
  const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp } =
    decodeOffsetValue(value)
  return {
    offset,
    leaderEpoch,
    metadata,
    commitTimestampMs: commitTimestamp,
    expireTimestampMs: expireTimestamp === -1 ? null : expireTimestamp,
  }
}
