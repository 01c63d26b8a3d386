import type { Platform } from '../src/ports.ts'
import type { Trace } from './trace.ts'

/** The condition was not met in time. */
export class NotReached extends Error {
  override readonly name = 'NotReached'
}

/**
 * Waits on state, never on time: looks again whenever the story goes on, once for all lines of one turn.
 *
 * @param attempt answers undefined while the condition is not met.
 * @param options.what what is waited for, and how things stand: for the error.
 * @param options.timeoutMs milliseconds of the platform's clock until {@link NotReached}.
 */
export function until<T>(
  platform: Platform,
  trace: Trace,
  attempt: () => T | undefined,
  options: { what: () => string; timeoutMs: number },
): Promise<T> {
  const { clock } = platform
  const waiting = new Promise<T>((resolve, reject) => {
    let over = false
    let lookSoon: object | undefined
    const finish = (settle: () => void): void => {
      over = true
      clock.clearTimeout(lookSoon)
      clock.clearTimeout(deadline)
      subscription.unsubscribe()
      settle()
    }
    const look = (): void => {
      lookSoon = undefined
      if (over) return
      try {
        const value = attempt()
        if (value !== undefined) finish(() => resolve(value))
      } catch (error) {
        finish(() => reject(error))
      }
    }
    const subscription = trace.entries.subscribe(() => {
      lookSoon ??= clock.setTimeout(look, 0)
    })
    const deadline = clock.setTimeout(() => {
      look()
      if (over) return
      finish(() =>
        reject(new NotReached(`not reached in ${options.timeoutMs} ms: ${options.what()}`)),
      )
    }, options.timeoutMs)
    look()
  })
  return platform.waiting(waiting)
}
