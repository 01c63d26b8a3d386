import {
  api,
  array,
  at,
  bool,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
  uuid,
} from '../schema.ts'

const topicPartitions = { topicId: uuid, topicName: string, partitions: array(int32) }

const assignment = { topicPartitions: array(topicPartitions) }

/**
 * ConsumerGroupDescribe (key 69). KIP-848 groups as an admin sees them. A broker in ZooKeeper mode
 * knows it and refuses it with UNSUPPORTED_VERSION.
 */
export const ConsumerGroupDescribe = api({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: '0',
  flexible: 0,
  request: { groupIds: array(string), includeAuthorizedOperations: bool },
  response: {
    throttleTimeMs: int32,
    groups: array({
      errorCode: int16,
      errorMessage: at('0+', nullable(string), null),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: array({
        memberId: string,
        instanceId: at('0+', nullable(string), null),
        rackId: at('0+', nullable(string), null),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        subscribedTopicRegex: at('0+', nullable(string), null),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
      }),
      authorizedOperations: at('0+', int32, -2147483648),
    }),
  },
})

export type ConsumerGroupDescribeRequest = RequestOf<typeof ConsumerGroupDescribe>
export type ConsumerGroupDescribeResponse = ResponseOf<typeof ConsumerGroupDescribe>
