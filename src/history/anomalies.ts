import type { Guarantees, Key, Operation } from './operation.ts'

/**
 * What must not be found in a history:
 *
 * - `inconsistent offset`: one offset of a key was seen with two values;
 * - `duplicate`: a value that was promised to stand once stands at two offsets;
 * - `unwritten`: a value was read that nobody sent, or whose send certainly failed;
 * - `lost write`: an acknowledged value was read by nobody, though somebody read beyond its place;
 * - `unseen`: an acknowledged value was read by nobody, and nobody came as far;
 * - `reordered`: the values of one process do not stand in the order it sent them, though that was promised;
 * - `nonmonotonic send`: acknowledged offsets of one process go back;
 * - `out of time`: a value stands before another that was acknowledged before it was sent;
 * - `nonmonotonic poll`: a consumer was handed an offset again, or an earlier one, without a new assignment;
 * - `skipped`: a consumer was handed offsets beyond one that is known to hold a record, without a new assignment;
 * - `lost commit`: a member of a group was to begin below an offset that the group had committed before;
 * - `missed by group`: a value that some reader saw was handed to no member of a group that has read beyond it.
 */
export type AnomalyKind =
  | 'inconsistent offset'
  | 'duplicate'
  | 'unwritten'
  | 'lost write'
  | 'unseen'
  | 'reordered'
  | 'nonmonotonic send'
  | 'out of time'
  | 'nonmonotonic poll'
  | 'skipped'
  | 'lost commit'
  | 'missed by group'

export interface Anomaly {
  readonly kind: AnomalyKind
  readonly key: Key
  /** What was found, in a sentence's worth of numbers. */
  readonly text: string
  /** When what went wrong had been answered, where that is known. */
  readonly atMs?: number
}

export interface HistoryCheck {
  readonly anomalies: readonly Anomaly[]
  /** Anomalies beyond those listed. */
  readonly omitted: number
  readonly counts: Readonly<Record<'sent' | 'acknowledged' | 'unknown' | 'failed' | 'read', number>>
}

export interface HistoryOptions {
  /** Of each process that sends. */
  readonly guarantees: (process: string) => Guarantees
  /** The group of a process that reads as its member; undefined for others. */
  readonly groupOf?: (process: string) => string | undefined
  /** Anomalies listed at most. Default 100. */
  readonly listedMax?: number
}

interface Send {
  readonly process: string
  readonly value: number
  readonly order: number
  readonly invokedAtMs: number
  outcome: 'none' | 'ok' | 'fail' | 'info'
  doneAtMs: number
  offset: number
  readonly guarantees: Guarantees
  /** Offsets it was read at. */
  readAt: number
  readAgainAt: number
}

interface Reading {
  readonly process: string
  readonly offsets: readonly number[]
  readonly values: readonly number[]
  /** The first poll of this process since the key was assigned. */
  readonly isFresh: boolean
}

interface KeyHistory {
  readonly sends: Map<number, Send>
  readonly polls: Reading[]
  readonly values: Map<number, number>
  readonly groups: Map<string, Set<number>>
}

/**
 * Judges a history by what clients saw, nothing else. Takes time in proportion to its length, but for sorting offsets.
 *
 * @param history in the order of events
 */
export function checkHistory(history: Iterable<Operation>, options: HistoryOptions): HistoryCheck {
  const judgement = new Judgement(options)
  for (const operation of history) judgement.take(operation)
  return judgement.finish()
}

class Judgement {
  readonly #options: HistoryOptions
  readonly #keys = new Map<Key, KeyHistory>()
  readonly #fresh = new Map<string, Set<Key>>()
  readonly #guarantees = new Map<string, Guarantees>()
  /** By group and key. */
  readonly #committed = new Map<string, { readonly process: string; readonly offset: number }>()
  readonly #anomalies: Anomaly[] = []
  #omitted = 0
  #order = 0
  readonly #counts = { sent: 0, acknowledged: 0, unknown: 0, failed: 0, read: 0 }

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  take(operation: Operation): void {
    const { process } = operation
    if (operation.f === 'assign') {
      const fresh = this.#fresh.get(process) ?? new Set()
      fresh.add(operation.key)
      this.#fresh.set(process, fresh)
      const { key, position } = operation
      const committed = this.#committed.get(`${this.#options.groupOf?.(process)} ${key}`)
      if (committed !== undefined && position < committed.offset)
        this.#found(
          'lost commit',
          key,
          `${process} begins at ${position}; ${committed.process} had committed ${committed.offset}`,
        )
      return
    }
    if (operation.f === 'commit') {
      const { key, offset } = operation
      const of = `${this.#options.groupOf?.(process)} ${key}`
      if ((this.#committed.get(of)?.offset ?? -1) < offset)
        this.#committed.set(of, { process, offset })
      return
    }
    const key = this.#key(operation.key)
    if (operation.f === 'poll') {
      const isFresh = this.#fresh.get(process)?.delete(operation.key) ?? false
      key.polls.push({ process, offsets: operation.offsets, values: operation.values, isFresh })
      return
    }
    if (operation.type === 'invoke') {
      this.#counts.sent++
      key.sends.set(operation.value, {
        process,
        value: operation.value,
        order: this.#order++,
        invokedAtMs: operation.atMs,
        outcome: 'none',
        doneAtMs: Number.POSITIVE_INFINITY,
        offset: -1,
        guarantees: this.#guaranteesOf(process),
        readAt: -1,
        readAgainAt: -1,
      })
      return
    }
    const send = key.sends.get(operation.value)
    if (send === undefined) return
    send.outcome = operation.type
    send.doneAtMs = operation.atMs
    send.offset = operation.offset
    if (operation.type === 'ok') this.#counts.acknowledged++
    else if (operation.type === 'fail') this.#counts.failed++
    else this.#counts.unknown++
  }

  finish(): HistoryCheck {
    for (const [key, history] of this.#keys) this.#judge(key, history)
    return { anomalies: this.#anomalies, omitted: this.#omitted, counts: this.#counts }
  }

  #key(key: Key): KeyHistory {
    let history = this.#keys.get(key)
    if (history === undefined) {
      history = { sends: new Map(), polls: [], values: new Map(), groups: new Map() }
      this.#keys.set(key, history)
    }
    return history
  }

  #guaranteesOf(process: string): Guarantees {
    let known = this.#guarantees.get(process)
    if (known === undefined) {
      known = this.#options.guarantees(process)
      this.#guarantees.set(process, known)
    }
    return known
  }

  #found(kind: AnomalyKind, key: Key, text: string, send?: Send): void {
    const atMs = send === undefined ? {} : { atMs: send.doneAtMs }
    if (this.#anomalies.length < (this.#options.listedMax ?? 100))
      this.#anomalies.push({ kind, key, text, ...atMs })
    else this.#omitted++
  }

  #judge(key: Key, history: KeyHistory): void {
    this.#judgeReads(key, history)
    this.#judgeSends(key, history)
    const known = [...history.values.keys()].sort((a, b) => a - b)
    this.#judgeOrder(key, history, known)
    this.#judgePolls(key, history, known)
    this.#judgeGroups(key, history, known)
  }

  #judgeReads(key: Key, { sends, polls, values, groups }: KeyHistory): void {
    for (const { process, offsets, values: read } of polls) {
      const group = this.#options.groupOf?.(process)
      let seenByGroup: Set<number> | undefined
      if (group !== undefined) {
        seenByGroup = groups.get(group) ?? new Set()
        groups.set(group, seenByGroup)
      }
      for (let at = 0; at < offsets.length; at++) {
        const offset = offsets[at] as number
        const value = read[at] as number
        this.#counts.read++
        seenByGroup?.add(offset)
        const before = values.get(offset)
        if (before === undefined) values.set(offset, value)
        else if (before !== value)
          this.#found(
            'inconsistent offset',
            key,
            `offset ${offset}: ${before}, and ${value} read by ${process}`,
          )
        const send = sends.get(value)
        if (send === undefined)
          this.#found('unwritten', key, `${value} at ${offset} was never sent`)
        else if (send.outcome === 'fail')
          this.#found('unwritten', key, `${value} at ${offset} had failed`)
        else if (send.readAt === -1) send.readAt = offset
        else if (send.readAt !== offset && send.readAgainAt === -1) send.readAgainAt = offset
      }
    }
  }

  #judgeSends(key: Key, { sends, values }: KeyHistory): void {
    let readEnd = -1
    for (const offset of values.keys()) if (offset > readEnd) readEnd = offset
    const lastOf = new Map<string, Send>()
    for (const send of sends.values()) {
      const { process, value, outcome, offset, guarantees, readAt, readAgainAt } = send
      if (guarantees.isOnce && readAgainAt !== -1)
        this.#found('duplicate', key, `${value} stands at ${readAt} and at ${readAgainAt}`)
      if (outcome !== 'ok') continue
      if (guarantees.isDurable) {
        if (readAt === -1) {
          const kind = offset <= readEnd ? 'lost write' : 'unseen'
          this.#found(
            kind,
            key,
            `${value} of ${process}, acknowledged at ${offset}, was read by nobody (read up to ${readEnd})`,
            send,
          )
        }
        const other = values.get(offset)
        if (offset !== -1 && other !== undefined && other !== value)
          this.#found(
            'inconsistent offset',
            key,
            `${value} was acknowledged at ${offset}, where ${other} was read`,
            send,
          )
        if (guarantees.isOnce && offset !== -1 && readAt !== -1 && readAt !== offset)
          this.#found(
            'duplicate',
            key,
            `${value}, acknowledged at ${offset}, stands at ${readAt}`,
            send,
          )
      }
      if (!guarantees.isOrdered || !guarantees.isDurable || offset === -1) continue
      const before = lastOf.get(process)
      if (before !== undefined && before.offset >= offset)
        this.#found(
          'nonmonotonic send',
          key,
          `${process} sent ${before.value} to ${before.offset}, then ${value} to ${offset}`,
        )
      lastOf.set(process, send)
    }
  }

  #judgeOrder(key: Key, { sends, values }: KeyHistory, known: readonly number[]): void {
    const lastOf = new Map<string, Send>()
    for (const offset of known) {
      const send = sends.get(values.get(offset) as number)
      // Where a value stands twice, the first time counts.
      if (send === undefined || send.readAt !== offset || !send.guarantees.isOrdered) continue
      const before = lastOf.get(send.process)
      if (before !== undefined && before.order > send.order)
        this.#found(
          'reordered',
          key,
          `${send.process} sent ${send.value} before ${before.value}, which stands at ${before.readAt} before ${offset}`,
        )
      lastOf.set(send.process, send)
    }
    let earliestDone = Number.POSITIVE_INFINITY
    let earliest: Send | undefined
    for (let at = known.length - 1; at >= 0; at--) {
      const offset = known[at] as number
      const send = sends.get(values.get(offset) as number)
      if (send === undefined || !send.guarantees.isDurable || send.outcome !== 'ok') continue
      if (send.offset !== offset) continue
      if (earliest !== undefined && send.invokedAtMs > earliestDone)
        this.#found(
          'out of time',
          key,
          `${send.value} at ${offset} was sent at ${send.invokedAtMs}, after ${earliest.value} at ${earliest.offset} was acknowledged at ${earliestDone}`,
        )
      if (send.doneAtMs < earliestDone) {
        earliestDone = send.doneAtMs
        earliest = send
      }
    }
  }

  #judgePolls(key: Key, { polls }: KeyHistory, known: readonly number[]): void {
    const lastOf = new Map<string, number>()
    const index = new Map<number, number>()
    known.forEach((offset, at) => {
      index.set(offset, at)
    })
    for (const { process, offsets, isFresh } of polls) {
      let last = isFresh ? undefined : lastOf.get(process)
      for (const offset of offsets) {
        if (last !== undefined) {
          if (offset <= last)
            this.#found('nonmonotonic poll', key, `${process} read ${last}, then ${offset}`)
          else if ((index.get(offset) as number) - (index.get(last) as number) > 1)
            this.#found(
              'skipped',
              key,
              `${process} read ${last}, then ${offset}: not ${known[(index.get(last) as number) + 1]}`,
            )
        }
        last = offset
      }
      if (last !== undefined) lastOf.set(process, last)
    }
  }

  #judgeGroups(key: Key, { groups, values }: KeyHistory, known: readonly number[]): void {
    for (const [group, seen] of groups) {
      let end = -1
      for (const offset of seen) if (offset > end) end = offset
      for (const offset of known)
        if (offset < end && !seen.has(offset))
          this.#found(
            'missed by group',
            key,
            `${values.get(offset)} at ${offset}: group ${group} has read up to ${end}`,
          )
    }
  }
}
