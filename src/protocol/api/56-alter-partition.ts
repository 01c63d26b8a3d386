import {
  api,
  array,
  at,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  uuid,
} from '../schema.ts'

/**
 * AlterPartition (key 56). A leader asks the controller to change its ISR (KIP-497).
 *
 * v1: leaderRecoveryState (KIP-704) · v2: topic ids for names, INELIGIBLE_REPLICA and
 * NEW_LEADER_ELECTED (KIP-841) · v3: newIsrWithEpochs, by which a replica's old incarnation is
 * told (KIP-903)
 */
export const AlterPartition = api({
  key: 56,
  name: 'AlterPartition',
  versions: '0-3',
  flexible: 0,
  request: {
    brokerId: int32,
    brokerEpoch: at('0+', int64, -1),
    topics: array({
      topicName: ignorable('0-1', string),
      topicId: ignorable('2+', uuid),
      partitions: array({
        partitionIndex: int32,
        leaderEpoch: int32,
        newIsr: at('0-2', array(int32)),
        newIsrWithEpochs: at('3+', array({ brokerId: int32, brokerEpoch: at('3+', int64, -1) })),
        leaderRecoveryState: at('1+', int8),
        partitionEpoch: int32,
      }),
    }),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    topics: array({
      topicName: ignorable('0-1', string),
      topicId: ignorable('2+', uuid),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        leaderId: int32,
        leaderEpoch: int32,
        isr: array(int32),
        leaderRecoveryState: ignorable('1+', int8),
        partitionEpoch: int32,
      }),
    }),
  },
})

export type AlterPartitionRequest = RequestOf<typeof AlterPartition>
export type AlterPartitionResponse = ResponseOf<typeof AlterPartition>
