import { type ErrorCode, errors } from '../../src/error.ts'
import { commitErrorOf } from '../../src/group/append-error.ts'
import type { OffsetEntry } from '../../src/group/committed-offsets.ts'
import { commitBatch, tombstoneBatch } from '../../src/group/offsets-log.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import type { OffsetCommit, OffsetFetch, RequestOf, ResponseOf } from '../../src/protocol/index.ts'
import type { BrokerWorld } from './broker-world.ts'
import type { CoordinatedGroup } from './coordinated-group.ts'
import type { OffsetsPartitions } from './offsets-partitions.ts'

type CommitTopics = RequestOf<typeof OffsetCommit>['topics']
export type CommitAnswer = ResponseOf<typeof OffsetCommit>['topics']
type FetchTopics = RequestOf<typeof OffsetFetch>['groups'][number]['topics']
export type CommittedTopics = ResponseOf<typeof OffsetFetch>['groups'][number]['topics']

/** The same topics and partitions, with an error for each. */
export const commitAnswer = (
  topics: CommitTopics,
  errorOf: (partition: TopicPartition) => ErrorCode,
): CommitAnswer =>
  topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: errorOf({ topic: name, partition: partitionIndex }),
    })),
  }))

/** For the trace: `{ 'orders-0': 12 }` */
export const offsetsOf = (entries: readonly OffsetEntry[]): Readonly<Record<string, number>> =>
  Object.fromEntries(entries.map(entry => [printPartition(entry), entry.commit.offset]))

/**
 * Writes the offsets of a commit that the group admits, and takes them in when the in-sync replicas have them: also where nobody
 * waits for that any more (GroupMetadataManager.storeOffsets).
 *
 * @param answered hears the outcome, once.
 */
export function storeOffsets(
  { config, platform, trace, name }: BrokerWorld,
  offsetsPartitions: OffsetsPartitions,
  group: CoordinatedGroup,
  { topics, retentionTimeMs }: RequestOf<typeof OffsetCommit>,
  answered: (topics: CommitAnswer) => void,
): void {
  const nowMs = platform.clock.now()
  const entries = topics.flatMap(({ name, partitions }) =>
    partitions.map(
      (partition): OffsetEntry => ({
        topic: name,
        partition: partition.partitionIndex,
        commit: {
          offset: partition.committedOffset,
          leaderEpoch: partition.committedLeaderEpoch,
          metadata: partition.committedMetadata ?? '',
          commitTimestampMs: partition.commitTimestamp === -1 ? nowMs : partition.commitTimestamp,
          expireTimestampMs: retentionTimeMs === -1 ? null : nowMs + retentionTimeMs,
        },
      }),
    ),
  )
  const isTooLong = ({ commit }: OffsetEntry): boolean =>
    commit.metadata.length > config['offset.metadata.max.bytes']
  const tooLong = new Set(entries.filter(isTooLong).map(printPartition))
  const fitting = entries.filter(entry => !isTooLong(entry))
  const answer = (errorCode: ErrorCode): CommitAnswer =>
    commitAnswer(topics, partition =>
      tooLong.has(printPartition(partition)) ? errors.OFFSET_METADATA_TOO_LARGE : errorCode,
    )
  if (fitting.length === 0) {
    answered(answer(errors.NONE))
    return
  }
  for (const entry of fitting) group.offsets.stage(entry, entry.commit)
  const records = commitBatch(group.groupId, fitting, nowMs)
  offsetsPartitions.append(group.partition, records, -1).subscribe(({ errorCode, baseOffset }) => {
    for (const entry of fitting)
      if (errorCode === errors.NONE) group.offsets.appended(entry, entry.commit, baseOffset)
      else group.offsets.failed(entry, entry.commit)
    if (errorCode === errors.NONE)
      trace.record('note', `${name}/group/${group.groupId}`, 'offsets.committed', {
        offsets: offsetsOf(fitting),
      })
    answered(answer(commitErrorOf(errorCode)))
  })
}

/**
 * What a group has committed; nothing is said of whether it may be asked (GroupMetadataManager.getOffsets).
 *
 * @param group undefined for one that there is not: it has committed nothing.
 * @param topics null for all.
 */
export function committedTopics(
  group: CoordinatedGroup | undefined,
  topics: FetchTopics,
  requireStable: boolean,
): CommittedTopics {
  const asked = topics ?? allTopics(group)
  return asked.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(partitionIndex => {
      const partition = { topic: name, partition: partitionIndex }
      const isUnstable = requireStable && group?.offsets.isUnderWay(partition) === true
      const commit = isUnstable ? undefined : group?.offsets.get(partition)
      return {
        partitionIndex,
        committedOffset: commit?.offset ?? -1,
        committedLeaderEpoch: commit?.leaderEpoch ?? -1,
        metadata: commit?.metadata ?? '',
        errorCode: isUnstable ? errors.UNSTABLE_OFFSET_COMMIT : errors.NONE,
      }
    }),
  }))
}

function allTopics(group: CoordinatedGroup | undefined): NonNullable<FetchTopics> {
  const byTopic = Map.groupBy(group?.offsets.all() ?? [], ({ topic }) => topic)
  return Array.from(byTopic, ([name, entries]) => ({
    name,
    partitionIndexes: entries.map(({ partition }) => partition),
  }))
}

/** Those of a group whose time is over (KIP-211). */
export function expiredOffsets({ config, platform }: BrokerWorld, group: CoordinatedGroup) {
  const { snapshot } = group
  const isStable = snapshot.matches('stable')
  return group.offsets.expired({
    nowMs: platform.clock.now(),
    retentionMs: config['offsets.retention.minutes'] * 60_000,
    protocolType: snapshot.context.protocolType,
    state: isStable ? 'Stable' : snapshot.matches('empty') ? 'Empty' : 'other',
    emptySinceMs: group.emptySinceMs,
    subscribedTopics: isStable ? group.subscribedTopics() : null,
  })
}

/**
 * Takes offsets of a group back. With the last one the group goes too, if it has no members either
 * (GroupMetadataManager.cleanupGroupMetadata).
 *
 * @param isDeleted an admin wants the group gone, whatever is still under way.
 * @returns whether the group is gone.
 */
export function removeOffsets(
  { platform, trace, name }: BrokerWorld,
  offsetsPartitions: OffsetsPartitions,
  group: CoordinatedGroup,
  partitions: readonly TopicPartition[],
  isDeleted = false,
): boolean {
  const removed = group.offsets.remove(partitions)
  if (removed.length > 0)
    trace.record('note', `${name}/group/${group.groupId}`, 'offsets.removed', {
      partitions: removed.map(printPartition),
    })
  const isGone = isDeleted || (group.snapshot.matches('empty') && group.offsets.isEmpty)
  // One that never had a generation has no record to take back.
  const hasRecord = group.snapshot.context.generationId > 0
  const { groupId } = group
  const records = tombstoneBatch(groupId, removed, isGone && hasRecord, platform.clock.now())
  // Nobody waits for it: what is lost with this broker expires once more with the next one.
  if (records !== null) offsetsPartitions.append(group.partition, records, 0).subscribe()
  if (isGone) group.tell({ type: 'group.deleted' })
  return isGone
}
