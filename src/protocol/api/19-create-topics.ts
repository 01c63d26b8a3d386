import {
  api,
  array,
  at,
  bool,
  ignorable,
  ignorableTagged,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
  uuid,
} from '../schema.ts'

/**
 * CreateTopics (key 19). Makes topics; asked of the controller.
 *
 * v1: validateOnly, errorMessage · v4: counts may be −1, the broker's defaults (KIP-464) · v5:
 * flexible; the configs in the answer (KIP-525) · v6: THROTTLING_QUOTA_EXCEEDED (KIP-599) · v7:
 * topicId (KIP-516)
 */
export const CreateTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: '0-7',
  flexible: 5,
  request: {
    topics: array({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array({ partitionIndex: int32, brokerIds: array(int32) }),
      configs: array({ name: string, value: nullable(string) }),
    }),
    timeoutMs: at('0+', int32, 60000),
    validateOnly: at('1+', bool),
  },
  response: {
    throttleTimeMs: ignorable('2+', int32),
    topics: array({
      name: string,
      topicId: ignorable('7+', uuid),
      errorCode: int16,
      errorMessage: ignorable('1+', nullable(string)),
      topicConfigErrorCode: ignorableTagged('5+', 0, int16),
      numPartitions: ignorable('5+', int32, -1),
      replicationFactor: ignorable('5+', int16, -1),
      configs: ignorable(
        '5+',
        nullable(
          array({
            name: string,
            value: nullable(string),
            readOnly: bool,
            configSource: ignorable('5+', int8, -1),
            isSensitive: bool,
          }),
        ),
      ),
    }),
  },
})

export type CreateTopicsRequest = RequestOf<typeof CreateTopics>
export type CreateTopicsResponse = ResponseOf<typeof CreateTopics>
