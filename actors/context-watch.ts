import type { Clock } from '../src/ports.ts'
import type { ContextChange } from './trace.ts'

/** What XState's system knows of its timers; the one way to hear of them that it has. */
interface Scheduling {
  getSnapshot(): {
    readonly _scheduledEvents: Readonly<
      Record<string, { readonly event: { readonly type: string }; readonly delay: number }>
    >
  }
}

type Timer = NonNullable<ContextChange['timers']>[number]

/** Of one actor: what has changed since it was last asked. Values are compared by identity, since contexts are never changed in place. */
export class ContextWatch {
  readonly #clock: Clock
  #context: Readonly<Record<string, unknown>> = {}
  #timers = new Map<object, Timer>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined where nothing has. */
  changeOf(context: object, system: object): ContextChange | undefined {
    const changed = this.#contextChange(context as Readonly<Record<string, unknown>>)
    const timers = this.#timerChange(system as Scheduling)
    if (changed === undefined) return timers === undefined ? undefined : { timers }
    return timers === undefined ? { changed } : { changed, timers }
  }

  #contextChange(context: Readonly<Record<string, unknown>>): ContextChange['changed'] {
    const before = this.#context
    if (context === before) return undefined
    this.#context = context
    let changed: Record<string, unknown> | undefined
    for (const key in context)
      if (context[key] !== before[key]) {
        changed ??= {}
        changed[key] = context[key]
      }
    for (const key in before)
      if (!(key in context)) {
        changed ??= {}
        changed[key] = null
      }
    return changed
  }

  #timerChange(system: Scheduling): ContextChange['timers'] {
    const scheduled = Object.values(system.getSnapshot()._scheduledEvents)
    if (scheduled.length === 0 && this.#timers.size === 0) return undefined
    if (scheduled.length === this.#timers.size && scheduled.every(timer => this.#timers.has(timer)))
      return undefined
    const now = this.#clock.now()
    const timers = new Map<object, Timer>()
    for (const timer of scheduled)
      timers.set(
        timer,
        this.#timers.get(timer) ?? { event: timer.event.type, dueAtMs: now + timer.delay },
      )
    this.#timers = timers
    return [...timers.values()]
  }
}
