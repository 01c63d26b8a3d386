import {
  api,
  array,
  at,
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
 * DeleteTopics (key 20). Deletes topics; asked of the controller.
 *
 * v3: TOPIC_DELETION_DISABLED · v4: flexible · v5: errorMessage, THROTTLING_QUOTA_EXCEEDED
 * (KIP-599) · v6: by id as well (KIP-516)
 */
export const DeleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: '0-6',
  flexible: 4,
  request: {
    topics: at('6+', array({ name: at('6+', nullable(string), null), topicId: uuid })),
    topicNames: ignorable('0-5', array(string)),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: ignorable('1+', int32),
    responses: array({
      name: nullable(string, '6+'),
      topicId: ignorable('6+', uuid),
      errorCode: int16,
      errorMessage: ignorable('5+', nullable(string), null),
    }),
  },
})

export type DeleteTopicsRequest = RequestOf<typeof DeleteTopics>
export type DeleteTopicsResponse = ResponseOf<typeof DeleteTopics>
