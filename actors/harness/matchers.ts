/** Expectations of vitest that wait on the cluster's clock, and tell the story where they are disappointed. */
import { expect } from 'vitest'
import type { BrokerHandle, Cluster, GroupHandle, PartitionHandle } from '../cluster.ts'
import type { FaultHandle } from '../fault-handle.ts'
import { NotReached } from '../until.ts'
import { isVirtual } from './fixture.ts'
import { groupLag, type PartitionLag } from './group-lag.ts'
import { lastStory } from './story.ts'

export interface WaitOptions {
  /**
   * How long it may take to come true, ms of the cluster's clock. Default 30,000 where time costs nothing, else 4,000: less than
   * vitest gives a test, which would end it without a word of ours.
   */
  readonly timeoutMs?: number
}

interface Result {
  readonly pass: boolean
  readonly message: () => string
}

interface Wanted {
  readonly cluster: Cluster
  readonly isSo: () => boolean
  /** What was wanted, as the rest of "expected …". */
  readonly what: string
  /** How things stand. */
  readonly is: () => string
  readonly about: readonly string[]
}

const timeoutOf = (cluster: Cluster, options: WaitOptions | undefined): number =>
  options?.timeoutMs ?? (isVirtual(cluster.platform) ? 30_000 : 4000)

/** Waits until it is so, or with `.not` until it is not. */
async function waited(isNot: boolean, wanted: Wanted, options?: WaitOptions): Promise<Result> {
  const { cluster, isSo, what, is, about } = wanted
  const timeoutMs = timeoutOf(cluster, options)
  const message = (): string =>
    `expected ${what.replace(/^(\S+) to /, isNot ? '$1 not to ' : '$1 to ')} within ${timeoutMs} ms of the cluster's clock; ` +
    `it ${is()}.\n${lastStory(cluster, { about })}`
  try {
    await cluster.until(() => isSo() !== isNot, { timeoutMs, what })
    return { pass: !isNot, message }
  } catch (error) {
    if (!(error instanceof NotReached)) throw error
    const text = message()
    return { pass: isNot, message: () => text }
  }
}

function wrongKind(matcher: string, wants: string, received: unknown): TypeError {
  const is = received === null ? 'null' : typeof received
  return new TypeError(
    `expect(…).${matcher}() wants ${wants}, not ${is === 'object' ? 'this object' : is}: ` +
      "take it from the cluster, as cluster.partition('orders', 0), cluster.group('billing') or cluster.broker(1)",
  )
}

const has = (value: unknown, ...names: string[]): boolean =>
  typeof value === 'object' && value !== null && names.every(name => name in value)

function partitionOf(matcher: string, received: unknown): PartitionHandle {
  if (!has(received, 'cluster', 'topic', 'partition'))
    throw wrongKind(matcher, 'a partition', received)
  return received as PartitionHandle
}

function groupOf(matcher: string, received: unknown): GroupHandle {
  if (!has(received, 'cluster', 'groupId')) throw wrongKind(matcher, 'a group', received)
  return received as GroupHandle
}

const partitionName = ({ topic, partition }: PartitionHandle): string => `${topic}-${partition}`

function leadership(partition: PartitionHandle): string {
  const { state, leader } = partition
  if (state === undefined) return 'is not known to any running broker'
  const isr = `leader epoch ${state.leaderEpoch}, ISR [${state.isr.join(', ')}]`
  if (leader !== undefined) return `is led by ${leader.id}, ${isr}`
  return state.leader < 0
    ? `has no leader, ${isr}`
    : `should be led by ${state.leader}, which does not serve, ${isr}`
}

/** The word for where a broker, a group or a partition's leader is. */
function statesOf(received: unknown): {
  name: string
  states: () => readonly string[]
  about: string
} {
  if (has(received, 'cluster', 'expireSession')) {
    const broker = received as BrokerHandle
    const chart = (): string =>
      broker.cluster.state().brokers.find(({ id }) => id === broker.id)?.chart ?? ''
    const name = `broker-${broker.id}`
    return { name, about: name, states: () => [broker.state, chart()] }
  }
  if (has(received, 'cluster', 'groupId')) {
    const group = received as GroupHandle
    const about = `group/${group.groupId}`
    return { name: about, about, states: () => [group.state?.state ?? 'unknown'] }
  }
  if (has(received, 'cluster', 'topic', 'partition')) {
    const partition = received as PartitionHandle
    const name = partitionName(partition)
    const states = (): readonly string[] => {
      const { leader, state } = partition
      return [state?.replicaStates.find(({ broker }) => broker === leader?.id)?.state ?? 'offline']
    }
    return { name, about: name, states }
  }
  throw wrongKind('toBeInState', 'a broker, a group or a partition', received)
}

/** `stable`, Kafka's `Stable`; `leader` for `leader.isrCommitted` too. */
const isState = (state: string, wanted: string): boolean => {
  const [is, want] = [state.toLowerCase(), wanted.toLowerCase()]
  return is === want || is.startsWith(`${want}.`)
}

const printLag = (lags: readonly PartitionLag[]): string =>
  lags.length === 0
    ? 'has committed nothing and has no partitions'
    : `has ${lags
        .map(
          ({ topic, partition, committed, logEndOffset, lag }) =>
            `${topic}-${partition}: ${committed === null ? 'nothing committed' : `committed ${committed}`} of ${logEndOffset}, lag ${lag ?? 'unknown'}`,
        )
        .join('; ')}`

async function lagged(
  isNot: boolean,
  group: GroupHandle,
  lag: number,
  options?: WaitOptions,
): Promise<Result> {
  const { cluster, groupId } = group
  const timeoutMs = timeoutOf(cluster, options)
  const { clock } = cluster.platform
  const deadlineMs = clock.now() + timeoutMs
  const admin = cluster.admin(`lag-of-${groupId}-${++asked}`)
  let lags: readonly PartitionLag[] = []
  let trouble = ''
  try {
    for (;;) {
      try {
        lags = await groupLag(admin, groupId)
        trouble = ''
      } catch (error) {
        // Its coordinator may be on its way.
        trouble = ` (last asked: ${error})`
      }
      const isKnown = trouble === '' && lags.length > 0 && lags.every(({ lag }) => lag !== null)
      const isSo = isKnown && lags.reduce((sum, { lag }) => sum + (lag ?? 0), 0) === lag
      const isOver = clock.now() >= deadlineMs
      if (isSo !== isNot || isOver) {
        const text =
          `expected group ${groupId} ${isNot ? 'not ' : ''}to have a lag of ${lag} within ${timeoutMs} ms of the cluster's clock; ` +
          `it ${printLag(lags)}${trouble}.\n${lastStory(cluster, { about: [`group/${groupId}`] })}`
        return { pass: isSo, message: () => text }
      }
      await cluster.advance(lagPollMs)
    }
  } finally {
    admin.close()
  }
}

let asked = 0
/** How often the lag is asked for. */
const lagPollMs = 50

/** vitest leaves it undefined where there is no `.not`. */
const negated = (of: { readonly isNot?: boolean }): boolean => of.isNot === true

expect.extend({
  toHaveLeader(received: unknown, id?: number, options?: WaitOptions) {
    const partition = partitionOf('toHaveLeader', received)
    const name = partitionName(partition)
    const isSo = (): boolean =>
      id === undefined ? partition.leader !== undefined : partition.leader?.id === id
    const what = `${name} to be led by ${id === undefined ? 'some broker' : `broker ${id}`}`
    const { cluster } = partition
    return waited(
      negated(this),
      { cluster, isSo, what, is: () => leadership(partition), about: [name] },
      options,
    )
  },
  toHaveLeaderOtherThan(received: unknown, id: number, options?: WaitOptions) {
    const partition = partitionOf('toHaveLeaderOtherThan', received)
    const name = partitionName(partition)
    const isSo = (): boolean => partition.leader !== undefined && partition.leader.id !== id
    const what = `${name} to be led by another broker than ${id}`
    const { cluster } = partition
    return waited(
      negated(this),
      { cluster, isSo, what, is: () => leadership(partition), about: [name] },
      options,
    )
  },
  toHaveIsr(received: unknown, isr: readonly number[], options?: WaitOptions) {
    const partition = partitionOf('toHaveIsr', received)
    const name = partitionName(partition)
    const wanted = [...isr].sort().join(', ')
    const isSo = (): boolean => [...partition.isr].sort().join(', ') === wanted
    const what = `${name} to have the ISR [${wanted}]`
    const { cluster } = partition
    return waited(
      negated(this),
      { cluster, isSo, what, is: () => leadership(partition), about: [name] },
      options,
    )
  },
  toBeInState(received: unknown, wanted: string, options?: WaitOptions) {
    const { name, states, about } = statesOf(received)
    const { cluster } = received as { readonly cluster: Cluster }
    const isSo = (): boolean => states().some(state => isState(state, wanted))
    const is = (): string => `is ${states().filter(Boolean).join(', ')}`
    const what = `${name} to be in state ${wanted}`
    return waited(negated(this), { cluster, isSo, what, is, about: [about] }, options)
  },
  toHaveLag(received: unknown, lag: number, options?: WaitOptions) {
    return lagged(negated(this), groupOf('toHaveLag', received), lag, options)
  },
  toHaveFired(received: unknown, times?: number) {
    if (!has(received, 'fired', 'what', 'remove'))
      throw new TypeError(
        'expect(…).toHaveFired() wants a fault: what cluster.faults.injectError() and its like answer',
      )
    const { fired, what } = received as FaultHandle
    const said = times === undefined ? 'to have fired' : `to have fired ${times} times`
    return {
      pass: times === undefined ? fired > 0 : fired === times,
      message: () =>
        `expected ${what} ${negated(this) ? 'not ' : ''}${said}; it has fired ${fired} times. ` +
        'It fires when a request of its API and scope reaches a broker',
    }
  },
})

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** Waits until a partition is led by this broker, or by any, and that broker serves. */
    toHaveLeader(id?: number, options?: WaitOptions): Promise<void>
    /** Waits until a partition is led by some other broker than this. */
    toHaveLeaderOtherThan(id: number, options?: WaitOptions): Promise<void>
    /** Waits until a partition's in-sync replicas are these, in any order. */
    toHaveIsr(isr: readonly number[], options?: WaitOptions): Promise<void>
    /** Waits until a group's committed offsets are so far behind the ends of its partitions. Nothing committed is not lag 0. */
    toHaveLag(lag: number, options?: WaitOptions): Promise<void>
    /** Waits until a broker (`running`, `killed` …), a group (`Stable` …) or a partition's leader (`leader.isrCommitted` …) is there. */
    toBeInState(state: string, options?: WaitOptions): Promise<void>
    /** At once: the fault has fired, so many times where said. */
    toHaveFired(times?: number): R
  }
}
