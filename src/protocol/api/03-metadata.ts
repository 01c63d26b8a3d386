import {
  api,
  array,
  at,
  bool,
  ignorable,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
  uuid,
} from '../schema.ts'

/**
 * Metadata (key 3). The cluster as clients see it: brokers, controller, topics with their leaders.
 * Null topics ask for all; in v0, which has no null, an empty list does.
 *
 * v1: racks, controller, internal topics (KIP-4) · v2: clusterId (KIP-78) · v4:
 * allowAutoTopicCreation · v5: offlineReplicas (KIP-112) · v7: leaderEpoch (KIP-320) · v8:
 * authorized operations (KIP-430) · v9: flexible · v10: topicId (KIP-516) · v11: no
 * clusterAuthorizedOperations any more (KIP-700) · v12: topics asked for by id alone
 */
export const Metadata = api({
  key: 3,
  name: 'Metadata',
  versions: '0-12',
  flexible: 9,
  request: {
    topics: nullable(
      array({ topicId: ignorable('10+', uuid), name: nullable(string, '10+') }),
      '1+',
    ),
    allowAutoTopicCreation: at('4+', bool, true),
    includeClusterAuthorizedOperations: at('8-10', bool),
    includeTopicAuthorizedOperations: at('8+', bool),
  },
  response: {
    throttleTimeMs: ignorable('3+', int32),
    brokers: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: ignorable('1+', nullable(string), null),
    }),
    clusterId: ignorable('2+', nullable(string), null),
    controllerId: ignorable('1+', int32, -1),
    topics: array({
      errorCode: int16,
      name: nullable(string, '12+'),
      topicId: ignorable('10+', uuid),
      isInternal: ignorable('1+', bool),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: ignorable('7+', int32, -1),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: ignorable('5+', array(int32)),
      }),
      topicAuthorizedOperations: at('8+', int32, -2147483648),
    }),
    clusterAuthorizedOperations: at('8-10', int32, -2147483648),
  },
})

export type MetadataRequest = RequestOf<typeof Metadata>
export type MetadataResponse = ResponseOf<typeof Metadata>
