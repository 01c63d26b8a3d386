/** The Kafka wire: a table per API for all its versions, and what reads and writes by them. */
export * from './api/00-produce.ts'
export * from './api/01-fetch.ts'
export * from './api/02-list-offsets.ts'
export * from './api/03-metadata.ts'
export * from './api/04-leader-and-isr.ts'
export * from './api/05-stop-replica.ts'
export * from './api/06-update-metadata.ts'
export * from './api/07-controlled-shutdown.ts'
export * from './api/08-offset-commit.ts'
export * from './api/09-offset-fetch.ts'
export * from './api/10-find-coordinator.ts'
export * from './api/11-join-group.ts'
export * from './api/12-heartbeat.ts'
export * from './api/13-leave-group.ts'
export * from './api/14-sync-group.ts'
export * from './api/15-describe-groups.ts'
export * from './api/16-list-groups.ts'
export * from './api/17-sasl-handshake.ts'
export * from './api/18-api-versions.ts'
export * from './api/19-create-topics.ts'
export * from './api/20-delete-topics.ts'
export * from './api/21-delete-records.ts'
export * from './api/22-init-producer-id.ts'
export * from './api/23-offset-for-leader-epoch.ts'
export * from './api/24-add-partitions-to-txn.ts'
export * from './api/25-add-offsets-to-txn.ts'
export * from './api/26-end-txn.ts'
export * from './api/27-write-txn-markers.ts'
export * from './api/28-txn-offset-commit.ts'
export * from './api/29-describe-acls.ts'
export * from './api/30-create-acls.ts'
export * from './api/31-delete-acls.ts'
export * from './api/32-describe-configs.ts'
export * from './api/33-alter-configs.ts'
export * from './api/34-alter-replica-log-dirs.ts'
export * from './api/35-describe-log-dirs.ts'
export * from './api/36-sasl-authenticate.ts'
export * from './api/37-create-partitions.ts'
export * from './api/38-create-delegation-token.ts'
export * from './api/39-renew-delegation-token.ts'
export * from './api/40-expire-delegation-token.ts'
export * from './api/41-describe-delegation-token.ts'
export * from './api/42-delete-groups.ts'
export * from './api/43-elect-leaders.ts'
export * from './api/44-incremental-alter-configs.ts'
export * from './api/45-alter-partition-reassignments.ts'
export * from './api/46-list-partition-reassignments.ts'
export * from './api/47-offset-delete.ts'
export * from './api/48-describe-client-quotas.ts'
export * from './api/49-alter-client-quotas.ts'
export * from './api/50-describe-user-scram-credentials.ts'
export * from './api/51-alter-user-scram-credentials.ts'
export * from './api/56-alter-partition.ts'
export * from './api/57-update-features.ts'
export * from './api/58-envelope.ts'
export * from './api/60-describe-cluster.ts'
export * from './api/61-describe-producers.ts'
export * from './api/65-describe-transactions.ts'
export * from './api/66-list-transactions.ts'
export * from './api/67-allocate-producer-ids.ts'
export * from './api/68-consumer-group-heartbeat.ts'
export * from './api/69-consumer-group-describe.ts'
export { type Codec, codec, type Dialect } from './codec.ts'
export { type ErrorPlacement, errorSite, placeError } from './error-answer.ts'
export { namesTopics, type Thing, thingsOf, type Values } from './error-sites.ts'
export { FrameSplitter } from './frame.ts'
export {
  isFlexible,
  type RequestHeader,
  requestHeaderVersion,
  responseHeaderVersion,
} from './header.ts'
export {
  correlationIdOf,
  type DecodedRequest,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  highestCommonVersion,
} from './message.ts'
export {
  type ApiName,
  apiByKey,
  apis,
  type SupportedApi,
  storedMessages,
  supportedApis,
} from './registry.ts'
export * from './schema.ts'
export * from './stored/consumer-protocol.ts'
export * from './stored/group-metadata.ts'
export { decodeStored, encodeStored, type Stored, stored } from './stored/stored.ts'
export * from './stored/transaction-log.ts'
