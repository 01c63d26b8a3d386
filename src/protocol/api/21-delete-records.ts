import {
  api,
  array,
  int16,
  int32,
  int64,
  int64Clamped,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DeleteRecords (key 21). Moves the log start offset of partitions forward (KIP-107). −1 means the
 * high watermark. v2: flexible
 */
export const DeleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: '0-2',
  flexible: 2,
  request: {
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, offset: int64Clamped }),
    }),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32,
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 }),
    }),
  },
})

export type DeleteRecordsRequest = RequestOf<typeof DeleteRecords>
export type DeleteRecordsResponse = ResponseOf<typeof DeleteRecords>
