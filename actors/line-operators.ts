import {
  Observable,
  type SchedulerAction,
  type SchedulerLike,
  type Subscriber,
  Subscription,
} from 'rxjs'
import type { Clock, Timer } from '../src/ports.ts'
import type { LinkFrame } from './line-frames.ts'

/**
 * What happens to the frames of a link, in RxJS: called once for each direction of each connection, since each is a stream of its
 * own, in order.
 *
 * - A frame that is emitted goes on; emitted with other bytes, it goes on with those.
 * - One that is emitted later arrives later, and what comes behind it waits: a connection keeps its order.
 * - One that is not emitted is lost, and its connection is reset. It counts as lost when nothing that the
 *   operators have scheduled is still to come: so let them wait by `scheduler`, and by nothing else.
 *
 * @param scheduler the cluster's clock; virtual where the cluster's time is
 */
export type LinkOperators = (
  frames$: Observable<LinkFrame>,
  scheduler: SchedulerLike,
) => Observable<LinkFrame>

/** RxJS's scheduler on a clock of ours. It knows whether anything is still to come. */
class ClockScheduler implements SchedulerLike {
  readonly clock: Clock
  readonly ran: () => void
  /** Actions that are armed. */
  pending = 0

  /** @param ran hears when an action has run */
  constructor(clock: Clock, ran: () => void) {
    this.clock = clock
    this.ran = ran
  }

  now(): number {
    return this.clock.now()
  }

  schedule<T>(
    work: (this: SchedulerAction<T>, state: T) => void,
    delay = 0,
    state?: T,
  ): Subscription {
    return new ClockAction(this, work).schedule(state as T, delay)
  }
}

class ClockAction<T> extends Subscription implements SchedulerAction<T> {
  readonly #scheduler: ClockScheduler
  readonly #work: (this: SchedulerAction<T>, state: T) => void
  #timer: Timer | undefined

  constructor(scheduler: ClockScheduler, work: (this: SchedulerAction<T>, state: T) => void) {
    super(() => this.#disarm())
    this.#scheduler = scheduler
    this.#work = work
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this
    this.#disarm()
    this.#scheduler.pending++
    this.#timer = this.#scheduler.clock.setTimeout(() => this.#run(state as T), Math.max(0, delay))
    return this
  }

  #run(state: T): void {
    this.#timer = undefined
    this.#scheduler.pending--
    try {
      this.#work.call(this, state)
    } finally {
      // It has not scheduled itself again.
      if (this.#timer === undefined) this.unsubscribe()
      this.#scheduler.ran()
    }
  }

  #disarm(): void {
    if (this.#timer === undefined) return
    this.#scheduler.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#scheduler.pending--
  }
}

export interface ChainEvents {
  /** A frame comes out again, or another with the same identity in its place. */
  emitted(frame: LinkFrame): void
  /** Nothing more comes out of what went in so far. */
  settled(): void
}

/** Someone's operators at work on one direction of one connection. */
export class OperatorChain {
  readonly #scheduler: ClockScheduler
  readonly #subscribers = new Set<Subscriber<LinkFrame>>()
  readonly #subscription: Subscription
  readonly #events: ChainEvents

  constructor(operators: LinkOperators, clock: Clock, events: ChainEvents) {
    this.#events = events
    this.#scheduler = new ClockScheduler(clock, () => this.#settle())
    const frames$ = new Observable<LinkFrame>(subscriber => {
      this.#subscribers.add(subscriber)
      return () => void this.#subscribers.delete(subscriber)
    })
    this.#subscription = operators(frames$, this.#scheduler).subscribe({
      next: frame => events.emitted(frame),
      // What throws loses all that it holds, and all that comes.
      error: () => {},
    })
  }

  push(frame: LinkFrame): void {
    for (const subscriber of [...this.#subscribers]) subscriber.next(frame)
    this.#settle()
  }

  end(): void {
    this.#subscription.unsubscribe()
  }

  #settle(): void {
    if (this.#scheduler.pending === 0) this.#events.settled()
  }
}
