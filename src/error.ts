/**
 * Kafka's error codes, as its 3.9 line knows them: the vocabulary of charts and wire alike. A
 * refusal is such a code, a value; it is never thrown.
 */

/** A code of the table below; 0 is success. */
export type ErrorCode = number

type Row = readonly [code: ErrorCode, after: 'retry' | 'final', message: string]

const table = {
  UNKNOWN_SERVER_ERROR: [-1, 'final', 'The server failed in a way it did not expect.'],
  NONE: [0, 'final', 'No error.'],
  OFFSET_OUT_OF_RANGE: [1, 'final', 'The log does not hold the requested offset.'],
  CORRUPT_MESSAGE: [2, 'retry', 'The batch is damaged, e.g. its checksum does not match.'],
  UNKNOWN_TOPIC_OR_PARTITION: [3, 'retry', 'There is no such topic or partition here.'],
  INVALID_FETCH_SIZE: [4, 'final', 'The fetch size is invalid.'],
  LEADER_NOT_AVAILABLE: [5, 'retry', 'The partition has no leader at present.'],
  NOT_LEADER_OR_FOLLOWER: [6, 'retry', 'This broker is not the one to ask for this partition.'],
  REQUEST_TIMED_OUT: [7, 'retry', 'The request did not finish in its time.'],
  BROKER_NOT_AVAILABLE: [8, 'final', 'The broker is not available.'],
  REPLICA_NOT_AVAILABLE: [9, 'retry', 'The replica is not available on this broker.'],
  MESSAGE_TOO_LARGE: [10, 'final', 'The batch is larger than the server accepts.'],
  STALE_CONTROLLER_EPOCH: [11, 'final', 'A newer controller has been elected.'],
  OFFSET_METADATA_TOO_LARGE: [12, 'final', 'The metadata beside a committed offset is too long.'],
  NETWORK_EXCEPTION: [13, 'retry', 'The connection ended before the answer came.'],
  COORDINATOR_LOAD_IN_PROGRESS: [14, 'retry', 'The coordinator is still loading its state.'],
  COORDINATOR_NOT_AVAILABLE: [15, 'retry', 'There is no coordinator at present.'],
  NOT_COORDINATOR: [16, 'retry', 'This broker is not the coordinator asked for.'],
  INVALID_TOPIC_EXCEPTION: [
    17,
    'final',
    'The topic name is invalid, or the topic is not for clients.',
  ],
  RECORD_LIST_TOO_LARGE: [18, 'final', 'The batch does not fit into one segment of the log.'],
  NOT_ENOUGH_REPLICAS: [19, 'retry', 'Too few replicas are in sync; nothing was written.'],
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: [20, 'retry', 'Written, but too few replicas are in sync.'],
  INVALID_REQUIRED_ACKS: [21, 'final', 'acks must be -1, 0 or 1.'],
  ILLEGAL_GENERATION: [22, 'final', 'The generation is not the current one of the group.'],
  INCONSISTENT_GROUP_PROTOCOL: [23, 'final', 'The member shares no protocol with its group.'],
  INVALID_GROUP_ID: [24, 'final', 'The group id is invalid.'],
  UNKNOWN_MEMBER_ID: [25, 'final', 'The group has no such member.'],
  INVALID_SESSION_TIMEOUT: [
    26,
    'final',
    'The session timeout is outside the bounds of the broker.',
  ],
  REBALANCE_IN_PROGRESS: [27, 'final', 'The group rebalances; the member must join again.'],
  INVALID_COMMIT_OFFSET_SIZE: [28, 'final', 'The committed offset takes too much room.'],
  TOPIC_AUTHORIZATION_FAILED: [29, 'final', 'Not allowed on this topic.'],
  GROUP_AUTHORIZATION_FAILED: [30, 'final', 'Not allowed on this group.'],
  CLUSTER_AUTHORIZATION_FAILED: [31, 'final', 'Not allowed on the cluster.'],
  INVALID_TIMESTAMP: [32, 'final', 'The timestamp is outside what the topic accepts.'],
  UNSUPPORTED_SASL_MECHANISM: [33, 'final', 'The SASL mechanism is not enabled here.'],
  ILLEGAL_SASL_STATE: [34, 'final', 'The request does not fit this moment of the SASL exchange.'],
  UNSUPPORTED_VERSION: [35, 'final', 'This version of the API is not supported.'],
  TOPIC_ALREADY_EXISTS: [36, 'final', 'A topic of this name exists already.'],
  INVALID_PARTITIONS: [37, 'final', 'The number of partitions is invalid.'],
  INVALID_REPLICATION_FACTOR: [38, 'final', 'The replication factor is invalid for this cluster.'],
  INVALID_REPLICA_ASSIGNMENT: [39, 'final', 'The replica assignment is invalid.'],
  INVALID_CONFIG: [40, 'final', 'The configuration is invalid.'],
  NOT_CONTROLLER: [41, 'retry', 'This broker is not the controller.'],
  INVALID_REQUEST: [42, 'final', 'The request contradicts itself or the protocol.'],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: [43, 'final', 'The message format does not support this.'],
  POLICY_VIOLATION: [44, 'final', 'A configured policy forbids this.'],
  OUT_OF_ORDER_SEQUENCE_NUMBER: [45, 'final', 'The sequence number leaves a gap.'],
  DUPLICATE_SEQUENCE_NUMBER: [46, 'final', 'The sequence number was seen already.'],
  INVALID_PRODUCER_EPOCH: [47, 'final', 'The producer epoch is an old one.'],
  INVALID_TXN_STATE: [48, 'final', 'The transaction is in no state for this.'],
  INVALID_PRODUCER_ID_MAPPING: [
    49,
    'final',
    'The producer id does not belong to the transactional id.',
  ],
  INVALID_TRANSACTION_TIMEOUT: [
    50,
    'final',
    'The transaction timeout is beyond the bound of the broker.',
  ],
  CONCURRENT_TRANSACTIONS: [51, 'retry', 'The transaction before is not finished yet.'],
  TRANSACTION_COORDINATOR_FENCED: [52, 'final', 'A newer transaction coordinator has taken over.'],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: [53, 'final', 'Not allowed on this transactional id.'],
  SECURITY_DISABLED: [54, 'final', 'There is no authorizer on this broker.'],
  OPERATION_NOT_ATTEMPTED: [55, 'final', 'Not tried, because another part of the request failed.'],
  KAFKA_STORAGE_ERROR: [56, 'retry', 'The disk under this log failed.'],
  LOG_DIR_NOT_FOUND: [57, 'final', 'The broker has no such log directory.'],
  SASL_AUTHENTICATION_FAILED: [58, 'final', 'SASL authentication failed.'],
  UNKNOWN_PRODUCER_ID: [59, 'final', 'Nothing is known of this producer id here.'],
  REASSIGNMENT_IN_PROGRESS: [60, 'final', 'The partition is being reassigned.'],
  DELEGATION_TOKEN_AUTH_DISABLED: [61, 'final', 'Delegation tokens are not enabled.'],
  DELEGATION_TOKEN_NOT_FOUND: [62, 'final', 'There is no such delegation token.'],
  DELEGATION_TOKEN_OWNER_MISMATCH: [63, 'final', 'Neither owner nor renewer of the token.'],
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: [64, 'final', 'Not over this kind of connection.'],
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: [65, 'final', 'Not allowed on this delegation token.'],
  DELEGATION_TOKEN_EXPIRED: [66, 'final', 'The delegation token has expired.'],
  INVALID_PRINCIPAL_TYPE: [67, 'final', 'The principal type is not supported.'],
  NON_EMPTY_GROUP: [68, 'final', 'The group still has members.'],
  GROUP_ID_NOT_FOUND: [69, 'final', 'There is no such group.'],
  FETCH_SESSION_ID_NOT_FOUND: [70, 'retry', 'There is no such fetch session.'],
  INVALID_FETCH_SESSION_EPOCH: [71, 'retry', 'The fetch session is at another epoch.'],
  LISTENER_NOT_FOUND: [72, 'retry', 'The leader has no listener of this name.'],
  TOPIC_DELETION_DISABLED: [73, 'final', 'Topics may not be deleted here.'],
  FENCED_LEADER_EPOCH: [74, 'retry', 'The leader epoch of the request is older than ours.'],
  UNKNOWN_LEADER_EPOCH: [75, 'retry', 'The leader epoch of the request is newer than ours.'],
  UNSUPPORTED_COMPRESSION_TYPE: [76, 'final', 'The client does not know this compression.'],
  STALE_BROKER_EPOCH: [77, 'final', 'The broker has registered anew since.'],
  OFFSET_NOT_AVAILABLE: [78, 'retry', 'The new leader does not know its high watermark yet.'],
  MEMBER_ID_REQUIRED: [79, 'final', 'Join again with the member id in this answer.'],
  PREFERRED_LEADER_NOT_AVAILABLE: [80, 'retry', 'The preferred leader is not available.'],
  GROUP_MAX_SIZE_REACHED: [81, 'final', 'The group has as many members as it may.'],
  FENCED_INSTANCE_ID: [82, 'final', 'Another member has taken this group instance id.'],
  ELIGIBLE_LEADERS_NOT_AVAILABLE: [83, 'retry', 'No replica may be elected at present.'],
  ELECTION_NOT_NEEDED: [84, 'retry', 'The partition has the leader it should have.'],
  NO_REASSIGNMENT_IN_PROGRESS: [85, 'final', 'The partition is not being reassigned.'],
  GROUP_SUBSCRIBED_TO_TOPIC: [86, 'final', 'The group is subscribed to this topic.'],
  INVALID_RECORD: [87, 'final', 'A record does not meet the rules of its topic.'],
  UNSTABLE_OFFSET_COMMIT: [88, 'retry', 'A transaction on these offsets is not finished.'],
  THROTTLING_QUOTA_EXCEEDED: [89, 'retry', 'The quota is used up.'],
  PRODUCER_FENCED: [90, 'final', 'A newer producer has taken this transactional id.'],
  RESOURCE_NOT_FOUND: [91, 'final', 'There is no such resource.'],
  DUPLICATE_RESOURCE: [92, 'final', 'The request names a resource twice.'],
  UNACCEPTABLE_CREDENTIAL: [93, 'final', 'The credential does not meet the rules.'],
  INCONSISTENT_VOTER_SET: [94, 'final', 'Sender or receiver is not among the voters.'],
  INVALID_UPDATE_VERSION: [95, 'final', 'The version to update to is invalid.'],
  FEATURE_UPDATE_FAILED: [96, 'final', 'The finalized features could not be updated.'],
  PRINCIPAL_DESERIALIZATION_FAILURE: [97, 'final', 'The forwarded principal cannot be read.'],
  SNAPSHOT_NOT_FOUND: [98, 'final', 'There is no such snapshot.'],
  POSITION_OUT_OF_RANGE: [99, 'final', 'The position lies outside the snapshot.'],
  UNKNOWN_TOPIC_ID: [100, 'retry', 'There is no topic of this id here.'],
  DUPLICATE_BROKER_REGISTRATION: [101, 'final', 'A live broker has this id.'],
  BROKER_ID_NOT_REGISTERED: [102, 'final', 'No broker of this id is registered.'],
  INCONSISTENT_TOPIC_ID: [103, 'retry', 'The log belongs to another topic id.'],
  INCONSISTENT_CLUSTER_ID: [104, 'final', 'The request is meant for another cluster.'],
  TRANSACTIONAL_ID_NOT_FOUND: [105, 'final', 'There is no such transactional id.'],
  FETCH_SESSION_TOPIC_ID_ERROR: [106, 'retry', 'The fetch session mixes names and topic ids.'],
  INELIGIBLE_REPLICA: [107, 'final', 'A replica of the new ISR may not be in it.'],
  NEW_LEADER_ELECTED: [108, 'final', 'The ISR was changed, and with it the leader.'],
  OFFSET_MOVED_TO_TIERED_STORAGE: [109, 'final', 'The offset is in remote storage.'],
  FENCED_MEMBER_EPOCH: [110, 'final', 'The member epoch is fenced; join again.'],
  UNRELEASED_INSTANCE_ID: [111, 'final', 'Another member still holds this instance id.'],
  UNSUPPORTED_ASSIGNOR: [112, 'final', 'The group does not support this assignor.'],
  STALE_MEMBER_EPOCH: [113, 'final', 'The member epoch is an old one.'],
  MISMATCHED_ENDPOINT_TYPE: [114, 'final', 'The endpoint is of another type.'],
  UNSUPPORTED_ENDPOINT_TYPE: [115, 'final', 'This type of endpoint is not supported.'],
  UNKNOWN_CONTROLLER_ID: [116, 'final', 'There is no controller of this id.'],
  UNKNOWN_SUBSCRIPTION_ID: [117, 'final', 'The telemetry subscription is not known.'],
  TELEMETRY_TOO_LARGE: [118, 'final', 'The telemetry is larger than the broker accepts.'],
  INVALID_REGISTRATION: [119, 'final', 'The registration of the broker is invalid.'],
  TRANSACTION_ABORTABLE: [120, 'final', 'The transaction failed and can be aborted.'],
  INVALID_RECORD_STATE: [121, 'final', 'The record is in no state to be acknowledged.'],
  SHARE_SESSION_NOT_FOUND: [122, 'retry', 'There is no such share session.'],
  INVALID_SHARE_SESSION_EPOCH: [123, 'retry', 'The share session is at another epoch.'],
  FENCED_STATE_EPOCH: [124, 'final', 'The state epoch of the share group does not match.'],
  INVALID_VOTER_KEY: [125, 'final', 'The voter key is that of another replica.'],
  DUPLICATE_VOTER: [126, 'final', 'The voter is among the voters already.'],
  VOTER_NOT_FOUND: [127, 'final', 'The voter is not among the voters.'],
} as const satisfies Record<string, Row>

export type ErrorName = keyof typeof table

const rows = Object.entries(table) as readonly [ErrorName, Row][]

/** The codes by name: `errors.NOT_LEADER_OR_FOLLOWER` is 6. */
export const errors = Object.fromEntries(rows.map(([name, [code]]) => [name, code])) as {
  readonly [name in ErrorName]: ErrorCode
}

const byCode = new Map(rows.map(([name, row]) => [row[0], { name, row }]))

/** `NOT_LEADER_OR_FOLLOWER`; `ERROR_4711` for a code that Kafka 3.9 does not have. */
export const errorName = (code: ErrorCode): string => byCode.get(code)?.name ?? `ERROR_${code}`

/**
 * What an `errorMessage` field says where there is nothing more particular; null for success, as
 * Kafka has it.
 */
export const errorMessage = (code: ErrorCode): string | null =>
  code === 0 ? null : (byCode.get(code)?.row[2] ?? errorName(code))

/**
 * Whether Kafka's own client tries again by itself (a RetriableException there). False for unknown
 * codes.
 */
export const isRetriable = (code: ErrorCode): boolean => byCode.get(code)?.row[1] === 'retry'
