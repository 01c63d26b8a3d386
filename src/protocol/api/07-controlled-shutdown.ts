import {
  api,
  array,
  ignorable,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * ControlledShutdown (key 7). A broker asks the controller to move its leaders away before it
 * stops. v0 alone has a request header without a client id.
 *
 * v2: brokerEpoch (KIP-380) · v3: flexible
 */
export const ControlledShutdown = api({
  key: 7,
  name: 'ControlledShutdown',
  versions: '0-3',
  flexible: 3,
  request: { brokerId: int32, brokerEpoch: ignorable('2+', int64, -1) },
  response: {
    errorCode: int16,
    remainingPartitions: array({ topicName: string, partitionIndex: int32 }),
  },
})

export type ControlledShutdownRequest = RequestOf<typeof ControlledShutdown>
export type ControlledShutdownResponse = ResponseOf<typeof ControlledShutdown>
