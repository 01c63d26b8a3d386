import {
  api,
  array,
  at,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
  uuid,
} from '../schema.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

/**
 * ConsumerGroupHeartbeat (key 68). The heartbeat of KIP-848 groups. A broker in ZooKeeper mode
 * knows it and refuses it with UNSUPPORTED_VERSION.
 */
export const ConsumerGroupHeartbeat = api({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: '0',
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    instanceId: at('0+', nullable(string), null),
    rackId: at('0+', nullable(string), null),
    rebalanceTimeoutMs: at('0+', int32, -1),
    subscribedTopicNames: at('0+', nullable(array(string)), null),
    serverAssignor: at('0+', nullable(string), null),
    topicPartitions: at('0+', nullable(array({ topicId: uuid, partitions: array(int32) })), null),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: at('0+', nullable(string), null),
    memberId: at('0+', nullable(string), null),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    assignment: at('0+', nullable(struct({ topicPartitions: array(topicPartitions) })), null),
  },
})

export type ConsumerGroupHeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>
export type ConsumerGroupHeartbeatResponse = ResponseOf<typeof ConsumerGroupHeartbeat>
