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
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
  tagged,
  uuid,
} from '../schema.ts'

const partitionState = {
  topicName: ignorable('0-4', string),
  partitionIndex: int32,
  controllerEpoch: int32,
  leader: int32,
  leaderEpoch: int32,
  isr: array(int32),
  zkVersion: int32,
  replicas: array(int32),
  offlineReplicas: ignorable('4+', array(int32)),
}

/**
 * UpdateMetadata (key 6). The controller tells every broker the state of all partitions and the
 * live brokers; what Metadata answers from.
 *
 * v1: several endpoints for a broker · v2: rack (KIP-36) · v3: listener name (KIP-103) · v4:
 * offlineReplicas (KIP-112) · v5: brokerEpoch (KIP-380), grouped by topic · v6: flexible · v7:
 * topicId (KIP-516) · v8: isKRaftController and type (KIP-866). Of an endpoint the port stands
 * before the host.
 */
export const UpdateMetadata = api({
  key: 6,
  name: 'UpdateMetadata',
  versions: '0-8',
  flexible: 6,
  request: {
    controllerId: int32,
    isKRaftController: at('8+', bool),
    type: tagged('8+', 0, int8),
    controllerEpoch: int32,
    brokerEpoch: ignorable('5+', int64, -1),
    ungroupedPartitionStates: at('0-4', array(partitionState)),
    topicStates: at(
      '5+',
      array({
        topicName: string,
        topicId: ignorable('7+', uuid),
        partitionStates: array(partitionState),
      }),
    ),
    liveBrokers: array({
      id: int32,
      v0Host: ignorable('0', string),
      v0Port: ignorable('0', int32),
      endpoints: ignorable(
        '1+',
        array({
          port: int32,
          host: string,
          listener: ignorable('3+', string),
          securityProtocol: int16,
        }),
      ),
      rack: ignorable('2+', nullable(string)),
    }),
  },
  response: { errorCode: int16 },
})

export type UpdateMetadataRequest = RequestOf<typeof UpdateMetadata>
export type UpdateMetadataResponse = ResponseOf<typeof UpdateMetadata>
