import { map } from 'rxjs'
import { errors } from '../../../src/error.ts'
import type { InitProducerId } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

const refusal = (errorCode: number) => ({
  throttleTimeMs: 0,
  errorCode,
  producerId: -1,
  producerEpoch: -1,
})

/**
 * InitProducerId: v0–v5
 *
 * - Without a transactional id any broker gives a new producer id, whatever id the producer has (TransactionCoordinator).
 * - While no block of ids can be had from the controller, it is COORDINATOR_LOAD_IN_PROGRESS.
 *
 * v3: the producer may name its id and epoch, both or neither (KIP-360)
 * Not implemented: transactions; with a transactional id it is UNSUPPORTED_VERSION, which clients take for final.
 */
export const initProducerId: Handler<typeof InitProducerId> = (broker, request) => {
  const { transactionalId, producerId, producerEpoch } = request
  const namesHalf = (producerId === -1) !== (producerEpoch === -1)
  if (namesHalf || transactionalId === '') return refusal(errors.INVALID_REQUEST)
  if (transactionalId !== null) return refusal(errors.UNSUPPORTED_VERSION)
  return broker.producerIds
    .next()
    .pipe(
      map(given =>
        given.errorCode === errors.NONE
          ? { throttleTimeMs: 0, errorCode: 0, producerId: given.producerId, producerEpoch: 0 }
          : refusal(given.errorCode),
      ),
    )
}
