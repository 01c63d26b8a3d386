import type { Clock, Timer } from '../ports.ts'
import { Timeline } from '../timeline.ts'

/**
 * How much of the timeline is caught up before waiting input is read, ms: far below every session timeout, so that after a
 * stall (garbage collection, a busy machine) pings are sent, carried and heard between the steps. A share of the lag, or a process
 * each of whose turns takes longer than a step would fall behind for ever.
 */
const catchUpStepMs = (lagMs: number): number => Math.max(20, lagMs / 25)

/** As soon as the input that is already waiting was read. In browsers there is only the timer. */
const soon: (callback: () => void) => unknown =
  typeof setImmediate === 'function' ? setImmediate : callback => setTimeout(callback, 0)
const notSoon: (handle: unknown) => void =
  typeof clearImmediate === 'function'
    ? handle => clearImmediate(handle as NodeJS.Immediate)
    : handle => clearTimeout(handle as number)

/**
 * Real time. A process that stalled for five seconds finds five seconds of timers due at once; were they fired in one go, it
 * would expire sessions whose pings it had no chance to send. So time is caught up in small steps with a turn of the event loop
 * between them, and `now` never runs ahead of a timer that has yet to fire.
 */
export function wallClock(): Clock {
  const startedAtMs = Date.now() - performance.now()
  const realNowMs = (): number => startedAtMs + performance.now()
  const timeline = new Timeline(realNowMs())
  let armedForMs = Number.POSITIVE_INFINITY
  let disarm = (): void => {}
  /** Behind real time: then the timeline is walked in steps, also where no timer stands, or sparse timers would run away. */
  let catchingUp = false

  const arm = (): void => {
    const dueAtMs = timeline.size === 0 ? undefined : timeline.nextDueAtMs
    if (dueAtMs === undefined) {
      disarm()
      disarm = () => {}
      armedForMs = Number.POSITIVE_INFINITY
      catchingUp = false
      return
    }
    const wakeAtMs = catchingUp ? timeline.nowMs : dueAtMs
    if (wakeAtMs >= armedForMs) return
    disarm()
    armedForMs = wakeAtMs
    const delayMs = wakeAtMs - realNowMs()
    if (delayMs <= 0) {
      const handle = soon(wake)
      disarm = () => notSoon(handle)
    } else {
      const handle = setTimeout(wake, Math.min(Math.ceil(delayMs), 2 ** 31 - 1))
      disarm = () => clearTimeout(handle)
    }
  }

  const wake = (): void => {
    armedForMs = Number.POSITIVE_INFINITY
    disarm = () => {}
    const nowMs = realNowMs()
    const fromMs = catchingUp ? timeline.nowMs : Math.max(timeline.nowMs, timeline.nextDueAtMs ?? 0)
    const toMs = Math.min(nowMs, fromMs + catchUpStepMs(nowMs - fromMs))
    catchingUp = toMs < nowMs
    try {
      timeline.runTurn(toMs)
    } finally {
      arm()
    }
  }

  const now = (): number => {
    const dueAtMs = timeline.nextDueAtMs
    const nowMs = catchingUp ? timeline.nowMs : realNowMs()
    return Math.floor(
      Math.max(timeline.nowMs, dueAtMs === undefined ? nowMs : Math.min(nowMs, dueAtMs)),
    )
  }
  return {
    now,
    setTimeout(callback: () => void, delayMs: number): Timer {
      // From the present, not from the last timer that fired: that may be long ago.
      const timer = timeline.add(callback, now() + Math.max(0, delayMs))
      arm()
      return timer
    },
    clearTimeout(timer: Timer | undefined): void {
      timeline.cancel(timer)
      if (timeline.size === 0) arm()
    },
  }
}
