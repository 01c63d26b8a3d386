/**
 * Many deadlines, one timer. Deadlines are rounded up to a common interval, so that thousands of
 * heartbeats move entries between a few buckets instead of arming timers. After ZooKeeper's ExpiryQueue.
 */
import { assert } from './assert.ts'
import type { Clock, Timer } from './ports.ts'

/**
 * Keys that expire unless they are touched in time: ZooKeeper sessions, group members.
 *
 * A key expires at the first multiple of the interval after its deadline, never before it. The timer is
 * armed only while there are keys. A tick that comes late (a process that stalled) waits one more turn
 * of the clock, so that input which is already waiting can touch its keys first.
 */
export class ExpiryQueue<K> {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #expired: (keys: K[]) => void
  readonly #expiresAtMs = new Map<K, number>()
  readonly #buckets = new Map<number, Set<K>>()
  #timer: Timer | undefined
  #armedForMs = 0

  /** @param expired hears all keys that are due, earliest first; they are gone by then and may be touched anew. */
  constructor(clock: Clock, intervalMs: number, expired: (keys: K[]) => void) {
    assert(intervalMs > 0, `an expiry interval of ${intervalMs} ms`)
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#expired = expired
  }

  get size(): number {
    return this.#expiresAtMs.size
  }

  has(key: K): boolean {
    return this.#expiresAtMs.has(key)
  }

  /** When the key will expire unless touched; undefined for a key that is not here. */
  expiresAtMs(key: K): number | undefined {
    return this.#expiresAtMs.get(key)
  }

  /** Adds the key, or moves its deadline to `timeoutMs` from now (also nearer). */
  touch(key: K, timeoutMs: number): void {
    const expiresAtMs = this.#roundUp(this.#clock.now() + timeoutMs)
    const before = this.#expiresAtMs.get(key)
    if (before === expiresAtMs) return
    if (before !== undefined) this.#leave(key, before)
    this.#expiresAtMs.set(key, expiresAtMs)
    const bucket = this.#buckets.get(expiresAtMs)
    if (bucket === undefined) this.#buckets.set(expiresAtMs, new Set([key]))
    else bucket.add(key)
    if (this.#timer === undefined || expiresAtMs < this.#armedForMs) this.#arm(expiresAtMs)
  }

  /** Forgets the key; nothing where it is not here. */
  remove(key: K): void {
    const expiresAtMs = this.#expiresAtMs.get(key)
    if (expiresAtMs === undefined) return
    this.#expiresAtMs.delete(key)
    this.#leave(key, expiresAtMs)
    if (this.#expiresAtMs.size === 0) this.#disarm()
  }

  /** Forgets all keys; nothing expires any more unless touched again. */
  stop(): void {
    this.#expiresAtMs.clear()
    this.#buckets.clear()
    this.#disarm()
  }

  #roundUp(atMs: number): number {
    return (Math.floor(atMs / this.#intervalMs) + 1) * this.#intervalMs
  }

  #leave(key: K, expiresAtMs: number): void {
    const bucket = this.#buckets.get(expiresAtMs)
    bucket?.delete(key)
    if (bucket?.size === 0) this.#buckets.delete(expiresAtMs)
  }

  #disarm(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(atMs: number): void {
    this.#disarm()
    this.#armedForMs = atMs
    const delayMs = Math.max(0, atMs - this.#clock.now())
    this.#timer = this.#clock.setTimeout(() => this.#tick(), delayMs)
  }

  #tick(): void {
    this.#timer = undefined
    if (this.#clock.now() - this.#armedForMs >= this.#intervalMs) {
      this.#timer = this.#clock.setTimeout(() => this.#expire(), 0)
    } else {
      this.#expire()
    }
  }

  #expire(): void {
    this.#timer = undefined
    const nowMs = this.#clock.now()
    const due = [...this.#buckets.keys()].filter(atMs => atMs <= nowMs).sort((a, b) => a - b)
    const keys: K[] = []
    for (const atMs of due) {
      for (const key of this.#buckets.get(atMs) ?? []) {
        keys.push(key)
        this.#expiresAtMs.delete(key)
      }
      this.#buckets.delete(atMs)
    }
    if (keys.length > 0) this.#expired(keys)
    if (this.#timer === undefined && this.#buckets.size > 0) {
      this.#arm(Math.min(...this.#buckets.keys()))
    }
  }
}
