import { forkJoin, map, type Observable, of } from 'rxjs'
import { errorMessage, errors } from '../../../src/error.ts'
import { groupMetadataTopic } from '../../../src/group/group-id.ts'
import { noBroker } from '../../../src/ids.ts'
import type { FindCoordinator, ResponseOf } from '../../../src/protocol/index.ts'
import { createMissingTopic } from '../auto-topic-creation.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Call, Handler } from '../handler.ts'

type Coordinator = ResponseOf<typeof FindCoordinator>['coordinators'][number]

const groupType = 0
const transactionType = 1
const shareType = 2

/**
 * FindCoordinator: v0–v6
 *
 * - A group's coordinator leads the partition of `__consumer_offsets` that its id hashes to. The topic is made by the first who
 *   asks; until it has a leader, the answer is COORDINATOR_NOT_AVAILABLE.
 * - Share groups (v6) have no coordinator, as in Kafka 3.9 in ZooKeeper mode: COORDINATOR_NOT_AVAILABLE, before v6 INVALID_REQUEST.
 *
 * v1: keyType (KIP-98) · v4: many keys (KIP-699)
 * Not implemented: transactions. They are UNSUPPORTED_VERSION, which clients take for final: COORDINATOR_NOT_AVAILABLE would have
 * them try for minutes.
 */
export const findCoordinator: Handler<typeof FindCoordinator> = (broker, request, call) => {
  const { keyType } = request
  if (call.version >= 4) {
    const { coordinatorKeys } = request
    if (coordinatorKeys.length === 0) return { coordinators: [] }
    return forkJoin(coordinatorKeys.map(key => find(broker, call, keyType, key))).pipe(
      map(coordinators => ({ coordinators })),
    )
  }
  return find(broker, call, keyType, request.key).pipe(
    map(({ errorCode, errorMessage, nodeId, host, port }) => ({
      errorCode,
      errorMessage: errorCode === errors.NONE ? 'NONE' : errorMessage,
      nodeId,
      host,
      port,
    })),
  )
}

const refusal = (key: string, errorCode: number, message?: string): Coordinator => ({
  key,
  nodeId: noBroker,
  host: '',
  port: -1,
  errorCode,
  errorMessage: message ?? errorMessage(errorCode),
})

function find(
  broker: BrokerWorld,
  { listener, version }: Call,
  keyType: number,
  key: string,
): Observable<Coordinator> {
  const { metadata, groups } = broker
  if (keyType === transactionType)
    return of(refusal(key, errors.UNSUPPORTED_VERSION, 'Transactions are not served here.'))
  if (keyType === shareType && version >= 6)
    return of(refusal(key, errors.COORDINATOR_NOT_AVAILABLE))
  if (keyType !== groupType) return of(refusal(key, errors.INVALID_REQUEST))
  const none = refusal(key, errors.COORDINATOR_NOT_AVAILABLE)
  if (metadata.topic(groupMetadataTopic) === undefined)
    return createMissingTopic(broker, groupMetadataTopic).pipe(map(() => none))
  const leader = metadata.partition(groupMetadataTopic, groups.partitionFor(key))?.leader
  const node = leader === undefined ? undefined : metadata.broker(leader, listener)
  if (node === undefined) return of(none)
  const { id, host, port } = node
  return of({ key, nodeId: id, host, port, errorCode: errors.NONE, errorMessage: '' })
}
