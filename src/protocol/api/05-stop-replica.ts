import {
  api,
  array,
  at,
  bool,
  ignorable,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * StopReplica (key 5). The controller tells a broker to stop replicas and perhaps to delete them.
 *
 * v1: brokerEpoch (KIP-380); topics with partition numbers · v2: flexible · v3: topicStates with
 * leader epochs (KIP-570) · v4: isKRaftController (KIP-866)
 */
export const StopReplica = api({
  key: 5,
  name: 'StopReplica',
  versions: '0-4',
  flexible: 2,
  request: {
    controllerId: int32,
    isKRaftController: at('4+', bool),
    controllerEpoch: int32,
    brokerEpoch: ignorable('1+', int64, -1),
    deletePartitions: at('0-2', bool),
    ungroupedPartitions: at('0', array({ topicName: string, partitionIndex: int32 })),
    topics: at('1-2', array({ name: string, partitionIndexes: array(int32) })),
    topicStates: at(
      '3+',
      array({
        topicName: string,
        partitionStates: array({
          partitionIndex: int32,
          leaderEpoch: at('3+', int32, -1),
          deletePartition: bool,
        }),
      }),
    ),
  },
  response: {
    errorCode: int16,
    partitionErrors: array({ topicName: string, partitionIndex: int32, errorCode: int16 }),
  },
})

export type StopReplicaRequest = RequestOf<typeof StopReplica>
export type StopReplicaResponse = ResponseOf<typeof StopReplica>
