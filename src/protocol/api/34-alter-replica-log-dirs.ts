import { api, array, int16, int32, type RequestOf, type ResponseOf, string } from '../schema.ts'

/**
 * AlterReplicaLogDirs (key 34). Moves replicas between the log directories of a broker (KIP-113).
 * v2: flexible
 */
export const AlterReplicaLogDirs = api({
  key: 34,
  name: 'AlterReplicaLogDirs',
  versions: '0-2',
  flexible: 2,
  request: {
    dirs: array({ path: string, topics: array({ name: string, partitions: array(int32) }) }),
  },
  response: {
    throttleTimeMs: int32,
    results: array({
      topicName: string,
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
})

export type AlterReplicaLogDirsRequest = RequestOf<typeof AlterReplicaLogDirs>
export type AlterReplicaLogDirsResponse = ResponseOf<typeof AlterReplicaLogDirs>
