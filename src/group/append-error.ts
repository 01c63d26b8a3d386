/**
 * What a client is told when the coordinator could not write to `__consumer_offsets`: errors of groups, not of a log that
 * it knows nothing of. After GroupMetadataManager.storeGroup and maybeConvertOffsetCommitError.
 */
import { type ErrorCode, errors } from '../error.ts'

const common = new Map<ErrorCode, ErrorCode>([
  [errors.UNKNOWN_TOPIC_OR_PARTITION, errors.COORDINATOR_NOT_AVAILABLE],
  [errors.NOT_ENOUGH_REPLICAS, errors.COORDINATOR_NOT_AVAILABLE],
  [errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND, errors.COORDINATOR_NOT_AVAILABLE],
  [errors.NOT_LEADER_OR_FOLLOWER, errors.NOT_COORDINATOR],
  [errors.KAFKA_STORAGE_ERROR, errors.NOT_COORDINATOR],
])

const tooLarge: ReadonlySet<ErrorCode> = new Set([
  errors.MESSAGE_TOO_LARGE,
  errors.RECORD_LIST_TOO_LARGE,
  errors.INVALID_FETCH_SIZE,
])

/** Of a generation that could not be written: the members that wait for their assignments. */
export function groupErrorOf(appendError: ErrorCode): ErrorCode {
  if (tooLarge.has(appendError)) return errors.UNKNOWN_SERVER_ERROR
  if (appendError === errors.REQUEST_TIMED_OUT) return errors.REBALANCE_IN_PROGRESS
  return common.get(appendError) ?? appendError
}

/** Of offsets that could not be written. */
export function commitErrorOf(appendError: ErrorCode): ErrorCode {
  if (tooLarge.has(appendError)) return errors.INVALID_COMMIT_OFFSET_SIZE
  if (appendError === errors.NETWORK_EXCEPTION) return errors.COORDINATOR_LOAD_IN_PROGRESS
  return common.get(appendError) ?? appendError
}
