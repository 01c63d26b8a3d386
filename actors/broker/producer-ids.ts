import { Observable, type Subscriber } from 'rxjs'
import { errors } from '../../src/error.ts'
import { producerIdWaitersMax, producerIdWaitMs } from '../../src/limits.ts'
import type { Timer } from '../../src/ports.ts'
import { AllocateProducerIds } from '../../src/protocol/index.ts'
import type { BrokerWorld, ProducerIds } from './broker-world.ts'

interface Waiter {
  readonly subscriber: Subscriber<{ errorCode: number; producerId: number }>
  readonly timer: Timer
}

/**
 * Ids for idempotent producers, out of blocks of 1,000 that the controller hands out (RPCProducerIdManager). A block is asked
 * for when an id is wanted and none is left: the rest of a block is lost with its broker, which 2⁶³ ids can bear.
 */
export function createProducerIds(broker: BrokerWorld): ProducerIds {
  const { clock } = broker.platform
  const waiters: Waiter[] = []
  let next = 0
  /** The first id that is not ours. */
  let end = 0
  let isAsking = false

  const refuse = ({ subscriber, timer }: Waiter): void => {
    clock.clearTimeout(timer)
    subscriber.next({ errorCode: errors.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 })
    subscriber.complete()
  }

  const give = (): void => {
    while (next < end) {
      const waiter = waiters.shift()
      if (waiter === undefined) return
      clock.clearTimeout(waiter.timer)
      waiter.subscriber.next({ errorCode: errors.NONE, producerId: next++ })
      waiter.subscriber.complete()
    }
    if (waiters.length > 0) ask()
  }

  const ask = (): void => {
    if (isAsking) return
    isAsking = true
    const { brokerId, brokerEpoch } = broker
    broker.peers.toController(AllocateProducerIds, { brokerId, brokerEpoch }).subscribe({
      next: ({ errorCode, producerIdStart, producerIdLen }) => {
        isAsking = false
        if (errorCode === errors.NONE) {
          next = producerIdStart
          end = producerIdStart + producerIdLen
          give()
        } else {
          // E.g. STALE_BROKER_EPOCH: the controller does not know us yet. Who waits may come again.
          for (const waiter of waiters.splice(0)) refuse(waiter)
        }
      },
      error: () => {
        isAsking = false
        for (const waiter of waiters.splice(0)) refuse(waiter)
      },
    })
  }

  return {
    next: () =>
      new Observable(subscriber => {
        if (waiters.length >= producerIdWaitersMax) {
          subscriber.next({ errorCode: errors.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 })
          subscriber.complete()
          return
        }
        const timer = clock.setTimeout(() => {
          waiters.splice(waiters.indexOf(waiter), 1)
          refuse(waiter)
        }, producerIdWaitMs)
        const waiter: Waiter = { subscriber, timer }
        waiters.push(waiter)
        give()
        return () => {
          const at = waiters.indexOf(waiter)
          if (at < 0) return
          waiters.splice(at, 1)
          clock.clearTimeout(timer)
        }
      }),
  }
}
