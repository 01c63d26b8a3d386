import type { Timer } from './ports.ts'

interface Entry {
  readonly dueAtMs: number
  readonly seq: number
  callback: (() => void) | null
}

/**
 * Timers in the order of their deadlines, equal ones in the order they were armed. What all three platforms' clocks are
 * made of; it moves only when told to. Every tick of a repeating timer fires, however far one jumps.
 */
export class Timeline {
  #nowMs: number
  #seq = 0
  #live = 0
  readonly #heap: Entry[] = []

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Timers armed and not cancelled. */
  get size(): number {
    return this.#live
  }

  /** The earliest deadline; undefined where none is armed. */
  get nextDueAtMs(): number | undefined {
    while (this.#heap.length > 0 && (this.#heap[0] as Entry).callback === null) this.#pop()
    return this.#heap[0]?.dueAtMs
  }

  add(callback: () => void, dueAtMs: number): Timer {
    const entry: Entry = { dueAtMs: Math.max(dueAtMs, this.#nowMs), seq: this.#seq++, callback }
    this.#live++
    this.#push(entry)
    return entry
  }

  cancel(timer: Timer | undefined): void {
    const entry = timer as Entry | undefined
    if (entry === undefined || entry.callback === null) return
    entry.callback = null
    this.#live--
  }

  /** Fires the earliest timer, moving the time to its deadline. False where none is armed. */
  runNext(): boolean {
    if (this.nextDueAtMs === undefined) return false
    const entry = this.#pop()
    const callback = entry.callback as () => void
    entry.callback = null
    this.#live--
    this.#nowMs = Math.max(this.#nowMs, entry.dueAtMs)
    callback()
    return true
  }

  /** Fires all that is due up to an instant, then stands at it. */
  runUntil(atMs: number): void {
    for (let due = this.nextDueAtMs; due !== undefined && due <= atMs; due = this.nextDueAtMs)
      this.runNext()
    this.#nowMs = Math.max(this.#nowMs, atMs)
  }

  /**
   * Fires what is due up to an instant and was armed before this call; stands at that instant where nothing else is due. What is
   * armed meanwhile waits for its own turn, so that others of the program have theirs.
   */
  runTurn(atMs: number): void {
    const armedBefore = this.#seq
    for (let due = this.nextDueAtMs; due !== undefined && due <= atMs; due = this.nextDueAtMs) {
      if ((this.#heap[0] as Entry).seq >= armedBefore) return
      this.runNext()
    }
    this.#nowMs = Math.max(this.#nowMs, atMs)
  }

  #before(a: number, b: number): boolean {
    const x = this.#heap[a] as Entry
    const y = this.#heap[b] as Entry
    return x.dueAtMs < y.dueAtMs || (x.dueAtMs === y.dueAtMs && x.seq < y.seq)
  }

  #swap(a: number, b: number): void {
    const entry = this.#heap[a] as Entry
    this.#heap[a] = this.#heap[b] as Entry
    this.#heap[b] = entry
  }

  #push(entry: Entry): void {
    let at = this.#heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(at, parent)) break
      this.#swap(at, parent)
      at = parent
    }
  }

  #pop(): Entry {
    const top = this.#heap[0] as Entry
    const last = this.#heap.pop() as Entry
    if (this.#heap.length === 0) return top
    this.#heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      let least = at
      if (left < this.#heap.length && this.#before(left, least)) least = left
      if (left + 1 < this.#heap.length && this.#before(left + 1, least)) least = left + 1
      if (least === at) return top
      this.#swap(at, least)
      at = least
    }
  }
}
