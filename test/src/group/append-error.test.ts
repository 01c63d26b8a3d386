import { expect, test } from 'vitest'
import { errorName, errors } from '../../../src/error.ts'
import { commitErrorOf, groupErrorOf } from '../../../src/group/append-error.ts'

test.each([
  ['NONE', 'NONE', 'NONE'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR', 'NOT_COORDINATOR'],
  ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR', 'NOT_COORDINATOR'],
  ['REQUEST_TIMED_OUT', 'REBALANCE_IN_PROGRESS', 'REQUEST_TIMED_OUT'],
  ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR', 'INVALID_COMMIT_OFFSET_SIZE'],
  ['RECORD_LIST_TOO_LARGE', 'UNKNOWN_SERVER_ERROR', 'INVALID_COMMIT_OFFSET_SIZE'],
  ['INVALID_FETCH_SIZE', 'UNKNOWN_SERVER_ERROR', 'INVALID_COMMIT_OFFSET_SIZE'],
  ['NETWORK_EXCEPTION', 'NETWORK_EXCEPTION', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['CORRUPT_MESSAGE', 'CORRUPT_MESSAGE', 'CORRUPT_MESSAGE'],
] as const)('%s of an append is %s to a group and %s to a commit', (append, group, commit) => {
  expect(errorName(groupErrorOf(errors[append]))).toBe(group)
  expect(errorName(commitErrorOf(errors[append]))).toBe(commit)
})
