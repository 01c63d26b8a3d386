import {
  api,
  array,
  at,
  ignorable,
  ignorableTagged,
  int8,
  int16,
  int32,
  int64,
  int64Clamped,
  nullable,
  type RequestOf,
  type ResponseOf,
  records,
  string,
  struct,
  tagged,
  uuid,
} from '../schema.ts'

/**
 * Fetch (key 1). Batches from a leader to consumers and followers.
 *
 * v3: maxBytes, and the order of partitions counts (KIP-74) · v4: isolationLevel (KIP-98) · v5:
 * logStartOffset · v7: incremental sessions (KIP-227) · v9: currentLeaderEpoch fences (KIP-320) ·
 * v10: zstd (KIP-110) · v11: rackId and preferredReadReplica (KIP-392) · v12: flexible;
 * divergingEpoch instead of OffsetForLeaderEpoch (KIP-595) · v13: topic ids for names (KIP-516) ·
 * v15: the follower stands in replicaState, with its broker epoch (KIP-903) · v16: the new
 * leader's endpoint (KIP-951) · v17: replicaDirectoryId (KIP-853)
 */
export const Fetch = api({
  key: 1,
  name: 'Fetch',
  versions: '0-17',
  flexible: 12,
  request: {
    clusterId: ignorableTagged('12+', 0, nullable(string), null),
    replicaId: at('0-14', int32, -1),
    replicaState: tagged(
      '15+',
      1,
      struct({ replicaId: at('15+', int32, -1), replicaEpoch: at('15+', int64, -1) }),
    ),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: ignorable('3+', int32, 0x7fffffff),
    isolationLevel: ignorable('4+', int8),
    sessionId: ignorable('7+', int32),
    sessionEpoch: ignorable('7+', int32, -1),
    topics: array({
      topic: ignorable('0-12', string),
      topicId: ignorable('13+', uuid),
      partitions: array({
        partition: int32,
        currentLeaderEpoch: ignorable('9+', int32, -1),
        fetchOffset: int64Clamped,
        lastFetchedEpoch: at('12+', int32, -1),
        logStartOffset: ignorable('5+', int64, -1),
        partitionMaxBytes: int32,
        replicaDirectoryId: ignorableTagged('17+', 0, uuid),
      }),
    }),
    forgottenTopicsData: at(
      '7+',
      array({
        topic: ignorable('7-12', string),
        topicId: ignorable('13+', uuid),
        partitions: array(int32),
      }),
    ),
    rackId: ignorable('11+', string),
  },
  response: {
    throttleTimeMs: ignorable('1+', int32),
    errorCode: ignorable('7+', int16),
    sessionId: at('7+', int32),
    responses: array({
      topic: ignorable('0-12', string),
      topicId: ignorable('13+', uuid),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: ignorable('4+', int64, -1),
        logStartOffset: ignorable('5+', int64, -1),
        divergingEpoch: tagged(
          '12+',
          0,
          struct({ epoch: at('12+', int32, -1), endOffset: at('12+', int64, -1) }),
        ),
        currentLeader: tagged(
          '12+',
          1,
          struct({ leaderId: at('12+', int32, -1), leaderEpoch: at('12+', int32, -1) }),
        ),
        snapshotId: tagged(
          '12+',
          2,
          struct({ endOffset: at('0+', int64, -1), epoch: at('0+', int32, -1) }),
        ),
        abortedTransactions: ignorable(
          '4+',
          nullable(array({ producerId: int64, firstOffset: int64 })),
        ),
        preferredReadReplica: at('11+', int32, -1),
        records,
      }),
    }),
    nodeEndpoints: tagged(
      '16+',
      0,
      array({ nodeId: int32, host: string, port: int32, rack: at('16+', nullable(string), null) }),
    ),
  },
})

export type FetchRequest = RequestOf<typeof Fetch>
export type FetchResponse = ResponseOf<typeof Fetch>
