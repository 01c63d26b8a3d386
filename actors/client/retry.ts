import { Observable, type Subscription } from 'rxjs'
import type { World } from '../world.ts'
import { backoffMs } from './backoff.ts'
import type { ClientConfig, Complete } from './client-config.ts'
import { KafkaError } from './kafka-error.ts'

/**
 * Tries until it succeeds, fails for good, or the time is over, with a backoff between. `attempt` fails with a KafkaError; one
 * that is not retriable ends it.
 *
 * @param timeoutMs milliseconds from the subscription; after them the last error stands.
 */
export function retried<T>(
  world: World,
  config: Complete<ClientConfig>,
  timeoutMs: number,
  attempt: (isLast: boolean) => Observable<T>,
): Observable<T> {
  return new Observable<T>(subscriber => {
    const { clock, random } = world.platform
    const bounds = { firstMs: config.retryBackoffMs, maxMs: config.retryBackoffMaxMs }
    const deadlineMs = clock.now() + timeoutMs
    let failures = 0
    let trying: Subscription | undefined
    let timer: object | undefined
    const attemptOnce = (): void => {
      timer = undefined
      const isLast = clock.now() >= deadlineMs
      trying = attempt(isLast).subscribe({
        next: value => subscriber.next(value),
        complete: () => subscriber.complete(),
        error: (error: unknown) => {
          if (isLast || !(error instanceof KafkaError) || !error.retriable) {
            subscriber.error(error)
            return
          }
          // One that was under way when the time was over is followed by the last, which knows that it is.
          const waitMs = backoffMs(bounds, failures++, random)
          const leftMs = Math.max(0, deadlineMs - clock.now())
          timer = clock.setTimeout(attemptOnce, Math.min(waitMs, leftMs))
        },
      })
    }
    attemptOnce()
    return () => {
      clock.clearTimeout(timer)
      trying?.unsubscribe()
    }
  })
}
