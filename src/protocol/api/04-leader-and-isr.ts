import {
  api,
  array,
  at,
  bool,
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

const partitionState = {
  topicName: ignorable('0-1', string),
  partitionIndex: int32,
  controllerEpoch: int32,
  leader: int32,
  leaderEpoch: int32,
  isr: array(int32),
  partitionEpoch: int32,
  replicas: array(int32),
  addingReplicas: ignorable('3+', array(int32)),
  removingReplicas: ignorable('3+', array(int32)),
  isNew: ignorable('1+', bool),
  leaderRecoveryState: at('6+', int8),
}

const partitionError = {
  topicName: ignorable('0-4', string),
  partitionIndex: int32,
  errorCode: int16,
}

/**
 * LeaderAndIsr (key 4). The controller tells a broker which partitions it leads and which it
 * follows.
 *
 * v1: isNew · v2: brokerEpoch (KIP-380), grouped by topic · v3: adding and removing replicas
 * (KIP-455) · v4: flexible · v5: topicId and type (KIP-516); answers name topics by id · v6:
 * leaderRecoveryState (KIP-704) · v7: isKRaftController (KIP-866)
 */
export const LeaderAndIsr = api({
  key: 4,
  name: 'LeaderAndIsr',
  versions: '0-7',
  flexible: 4,
  request: {
    controllerId: int32,
    isKRaftController: at('7+', bool),
    controllerEpoch: int32,
    brokerEpoch: ignorable('2+', int64, -1),
    type: at('5+', int8),
    ungroupedPartitionStates: at('0-1', array(partitionState)),
    topicStates: at(
      '2+',
      array({
        topicName: string,
        topicId: ignorable('5+', uuid),
        partitionStates: array(partitionState),
      }),
    ),
    liveLeaders: array({ brokerId: int32, hostName: string, port: int32 }),
  },
  response: {
    errorCode: int16,
    partitionErrors: at('0-4', array(partitionError)),
    topics: at('5+', array({ topicId: uuid, partitionErrors: array(partitionError) })),
  },
})

export type LeaderAndIsrRequest = RequestOf<typeof LeaderAndIsr>
export type LeaderAndIsrResponse = ResponseOf<typeof LeaderAndIsr>
