import {
  api,
  array,
  bool,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DescribeLogDirs (key 35). What lies in the log directories of a broker (KIP-113).
 *
 * v2: flexible · v3: top-level errorCode (KIP-784) · v4: total and usable bytes (KIP-827)
 */
export const DescribeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: '0-4',
  flexible: 2,
  request: { topics: nullable(array({ topic: string, partitions: array(int32) })) },
  response: {
    throttleTimeMs: int32,
    errorCode: ignorable('3+', int16),
    results: array({
      errorCode: int16,
      logDir: string,
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          partitionSize: int64,
          offsetLag: int64,
          isFutureKey: bool,
        }),
      }),
      totalBytes: ignorable('4+', int64, -1),
      usableBytes: ignorable('4+', int64, -1),
    }),
  },
})

export type DescribeLogDirsRequest = RequestOf<typeof DescribeLogDirs>
export type DescribeLogDirsResponse = ResponseOf<typeof DescribeLogDirs>
