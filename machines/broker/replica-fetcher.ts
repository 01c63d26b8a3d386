/**
 * Copies partitions from one source broker: all that this broker follows there, in one conversation.
 *
 *            partitions.assigned
 *   idle ───────────────────────▶ deciding ──▶ truncating { askingEpochEnds │ askingOffsets │ cutting } ──▶ deciding
 *    ▲                            │  ▲   ╲
 *    └── nothing is followed ─────┘  │    ╲──▶ fetching ──answered──▶ deciding
 *                                    │     ╲
 *                                    └──────▶ backingOff        nobody may be asked just now
 *
 * Each partition is a row. Before a row is fetched, the end of its log must be one that the leader has or had, too:
 *
 * - Where its log has leader epochs and the source speaks Fetch v12, the fetch itself says which epoch its last record is of.
 *   A leader that knows better answers where that epoch, or the one before it, ends: there the log is cut, and the next fetch
 *   goes further back if need be (KIP-595).
 * - An older source is asked first, by OffsetForLeaderEpoch, until both agree on an epoch (KIP-101, KIP-279).
 * - A log without leader epochs is cut at its high watermark.
 * - A fetch beyond either end of the leader's log is cut, or begun anew, by the leader's own offsets: those of the leader of our
 *   leader epoch, no other's (KAFKA-2143).
 *
 * The rows change while answers are under way. Every answer says of each partition what was asked (leader epoch and offset), and
 * counts only where the row still stands so: a partition removed, or followed anew in a later epoch, is not touched by it
 * (KAFKA-13207). No high watermark is learned from a leader we diverge from (KAFKA-14704).
 *
 * Partitions followed while a fetch waits at the source are fetched at once, by a second one: the source answers the first when the
 * second arrives (actors/broker/api/01-fetch.ts), instead of letting the newcomers wait for it.
 *
 * After AbstractFetcherThread.scala and ReplicaFetcherThread.scala.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { type BrokerId, printPartition, type TopicPartition, type Uuid } from '../../src/ids.ts'
import { replicaFetchesUnderWayMax } from '../../src/limits.ts'

export interface ReplicaFetcherInput {
  /** The broker that is fetched from. */
  readonly source: BrokerId
  /** `replica.fetch.backoff.ms` */
  readonly backoffMs: number
  /** The source answers fetches with diverging epochs (Fetch v12+). */
  readonly truncatesOnFetch: boolean
}

/** A log to be cut at `endOffset`, or dropped and begun anew at `startOffset`. */
export type Cut =
  | { readonly endOffset: number; readonly isFinal: boolean }
  | { readonly startOffset: number }

/** A partition as it is followed. */
export interface FetchRow extends TopicPartition {
  readonly topicId: Uuid
  /** The reign it is followed in. */
  readonly leaderEpoch: number
  /** Where our log ends: what is asked for next. */
  readonly fetchOffset: number
  /** Leader epoch of our last record; −1 where our log has none. */
  readonly lastFetchedEpoch: number
  /** As it was when we began to follow: where to cut when epochs say nothing. */
  readonly highWatermark: number
  /**
   * `fetching`: to be fetched; `truncating`: the leader is to be asked where our last epoch ends; `outOfRange`: … where its log
   * begins and ends; `cutting`: our log is to be cut; `failed`: fenced, until we are told of a new reign.
   */
  readonly phase: 'fetching' | 'truncating' | 'outOfRange' | 'cutting' | 'failed'
  readonly cut: Cut | null
  /** Not to be asked for before; 0: no delay. */
  readonly delayedUntilMs: number
}

/** What is told of a partition that is to be followed from now on. */
export type FollowedPartition = Omit<FetchRow, 'phase' | 'cut' | 'delayedUntilMs'>

export interface ReplicaFetcherContext extends ReplicaFetcherInput {
  /** By name, `orders-0`. */
  readonly rows: Readonly<Record<string, FetchRow>>
  /** Number of the last request. */
  readonly request: number
  /** Requests not answered: the last so many. */
  readonly underWay: number
  /** When the last fact came. */
  readonly nowMs: number
}

/** Where an epoch ends, in the leader's log and in ours. */
export interface EpochEnds {
  /** As the leader says: the largest epoch it knows at or below the one asked for; (−1, −1) where it knows none. */
  readonly leaderEnd: { readonly leaderEpoch: number; readonly endOffset: number }
  /** Our log's answer to that epoch. */
  readonly ownEnd: { readonly leaderEpoch: number; readonly endOffset: number }
  readonly logEndOffset: number
}

/** What was asked: an answer counts only while the row still stands so. */
interface Asked extends TopicPartition {
  readonly leaderEpoch: number
  readonly errorCode: ErrorCode
}

export interface FetchedPartition extends Asked {
  readonly fetchOffset: number
  /** Where our log ends after the records of this answer, and the epoch of its last record. */
  readonly nextOffset: number
  readonly lastFetchedEpoch: number
  readonly divergence: EpochEnds | null
}

export interface EpochEndsOfPartition extends Asked {
  readonly ends: EpochEnds
}

export interface OffsetsOfPartition extends Asked {
  readonly leaderStartOffset: number
  readonly leaderEndOffset: number
  readonly logEndOffset: number
}

export type ReplicaFetcherFact =
  /** First the unfollowed are removed, then the followed added or replaced. */
  | {
      type: 'partitions.assigned'
      followed: readonly FollowedPartition[]
      unfollowed: readonly TopicPartition[]
      atMs: number
    }
  | {
      type: 'fetch.answered'
      request: number
      partitions: readonly FetchedPartition[]
      atMs: number
    }
  | {
      type: 'epochEnds.answered'
      request: number
      partitions: readonly EpochEndsOfPartition[]
      atMs: number
    }
  | {
      type: 'offsets.answered'
      request: number
      partitions: readonly OffsetsOfPartition[]
      atMs: number
    }
  /** The connection was lost, nobody answered, or the answer as a whole is an error. */
  | { type: 'request.failed'; request: number; reason: string; atMs: number }
  | ({
      type: 'log.truncated'
      leaderEpoch: number
      logEndOffset: number
      lastFetchedEpoch: number
    } & TopicPartition)

export type ReplicaFetcherCommand =
  | { type: 'fetch.send'; request: number; partitions: readonly FetchRow[] }
  | { type: 'epochEnds.ask'; request: number; partitions: readonly FetchRow[] }
  | { type: 'offsets.ask'; request: number; partitions: readonly FetchRow[] }
  | { type: 'logs.cut'; partitions: readonly (FetchRow & { readonly cut: Cut })[] }
  | { type: 'source.disconnect' }

const noLeaderEpoch = -1
const unknownOffset = -1

/** How a partition begins to be followed. */
function firstRow(followed: FollowedPartition, truncatesOnFetch: boolean): FetchRow {
  const row = { ...followed, cut: null, delayedUntilMs: 0 }
  const { lastFetchedEpoch, fetchOffset, highWatermark } = followed
  if (lastFetchedEpoch === noLeaderEpoch && fetchOffset > highWatermark)
    return { ...row, phase: 'cutting', cut: { endOffset: highWatermark, isFinal: true } }
  const mayFetch = truncatesOnFetch || lastFetchedEpoch === noLeaderEpoch
  return { ...row, phase: mayFetch ? 'fetching' : 'truncating' }
}

/** Where to cut our log so that it ends in what the leader has; final where that is certain. */
function cutAt({ highWatermark }: FetchRow, ends: EpochEnds): Cut {
  const { leaderEnd, ownEnd, logEndOffset } = ends
  if (leaderEnd.endOffset === unknownOffset) return { endOffset: highWatermark, isFinal: true }
  // Our epochs begin later, or one side says no epoch: nothing better than the leader's word.
  if (leaderEnd.leaderEpoch === noLeaderEpoch || ownEnd.endOffset === unknownOffset)
    return { endOffset: Math.min(leaderEnd.endOffset, logEndOffset), isFinal: true }
  // We never knew that epoch: cut at the end of our last one before it, and ask again about that (KIP-279).
  if (ownEnd.leaderEpoch !== leaderEnd.leaderEpoch)
    return { endOffset: Math.min(ownEnd.endOffset, logEndOffset), isFinal: false }
  const endOffset = Math.min(ownEnd.endOffset, leaderEnd.endOffset, logEndOffset)
  return { endOffset, isFinal: true }
}

/** A row after an error of the leader. */
function troubled(row: FetchRow, errorCode: ErrorCode, delayedUntilMs: number): FetchRow {
  switch (errorCode) {
    case errors.OFFSET_OUT_OF_RANGE:
      return { ...row, phase: 'outOfRange' }
    case errors.FENCED_LEADER_EPOCH:
      return { ...row, phase: 'failed' }
    default:
      // Elections, deletions and restarts: the leader, or word of a new one, comes soon.
      return { ...row, delayedUntilMs }
  }
}

const isReady = (c: ReplicaFetcherContext, row: FetchRow, phase: FetchRow['phase']): boolean =>
  row.phase === phase && row.delayedUntilMs <= c.nowMs

const readyRows = (c: ReplicaFetcherContext, phase: FetchRow['phase']): FetchRow[] =>
  Object.values(c.rows).filter(row => isReady(c, row, phase))

const isAnyReady = (c: ReplicaFetcherContext, phase: FetchRow['phase']): boolean =>
  Object.values(c.rows).some(row => isReady(c, row, phase))

/** The rows with those replaced to which an answer still applies. */
function changedRows<A extends Asked>(
  c: ReplicaFetcherContext,
  answers: readonly A[],
  change: (row: FetchRow, answer: A) => FetchRow | null,
): Readonly<Record<string, FetchRow>> {
  let rows: Record<string, FetchRow> | undefined
  for (const answer of answers) {
    const key = printPartition(answer)
    const row = c.rows[key]
    if (row === undefined || row.leaderEpoch !== answer.leaderEpoch) continue
    const changed = change(row, answer)
    if (changed === null) continue
    rows ??= { ...c.rows }
    rows[key] = changed
  }
  return rows ?? c.rows
}

function assignedRows(
  c: ReplicaFetcherContext,
  { followed, unfollowed }: Extract<ReplicaFetcherFact, { type: 'partitions.assigned' }>,
): Readonly<Record<string, FetchRow>> {
  const rows: Record<string, FetchRow> = { ...c.rows }
  for (const partition of unfollowed) delete rows[printPartition(partition)]
  for (const partition of followed)
    rows[printPartition(partition)] = firstRow(partition, c.truncatesOnFetch)
  return rows
}

const isNoneLeft = (rows: Readonly<Record<string, FetchRow>>): boolean =>
  Object.values(rows).every(row => row.phase === 'failed')

const isUnderWay = (c: ReplicaFetcherContext, request: number): boolean =>
  request > c.request - c.underWay && request <= c.request

export const replicaFetcherMachine = setup({
  types: {
    input: {} as ReplicaFetcherInput,
    context: {} as ReplicaFetcherContext,
    events: {} as ReplicaFetcherFact,
    emitted: {} as ReplicaFetcherCommand,
  },
  actions: {
    refuse,
    assignPartitions: assign(({ context, event }) => {
      assertEvent(event, 'partitions.assigned')
      return { rows: assignedRows(context, event), nowMs: event.atMs }
    }),
    noteFetched: assign(({ context, event }) => {
      assertEvent(event, 'fetch.answered')
      const { partitions, atMs } = event
      const rows = changedRows(context, partitions, (row, answer) => {
        const { errorCode, divergence, fetchOffset, nextOffset, lastFetchedEpoch } = answer
        if (row.phase !== 'fetching' || row.fetchOffset !== fetchOffset) return null
        if (errorCode !== errors.NONE) return troubled(row, errorCode, atMs + context.backoffMs)
        if (divergence !== null) return { ...row, phase: 'cutting', cut: cutAt(row, divergence) }
        return nextOffset === fetchOffset
          ? null
          : { ...row, fetchOffset: nextOffset, lastFetchedEpoch }
      })
      return { rows, nowMs: atMs, underWay: context.request - event.request }
    }),
    noteEpochEnds: assign(({ context, event }) => {
      assertEvent(event, 'epochEnds.answered')
      const { partitions, atMs } = event
      const rows = changedRows(context, partitions, (row, { errorCode, ends }) => {
        if (row.phase !== 'truncating') return null
        if (errorCode !== errors.NONE) return troubled(row, errorCode, atMs + context.backoffMs)
        return { ...row, phase: 'cutting', cut: cutAt(row, ends) }
      })
      return { rows, nowMs: atMs, underWay: 0 }
    }),
    noteOffsets: assign(({ context, event }) => {
      assertEvent(event, 'offsets.answered')
      const { partitions, atMs } = event
      const rows = changedRows(context, partitions, (row, answer) => {
        const { errorCode, leaderStartOffset, leaderEndOffset, logEndOffset } = answer
        if (row.phase !== 'outOfRange') return null
        if (errorCode !== errors.NONE) return troubled(row, errorCode, atMs + context.backoffMs)
        if (leaderEndOffset < logEndOffset)
          return { ...row, phase: 'cutting', cut: { endOffset: leaderEndOffset, isFinal: true } }
        if (leaderStartOffset > logEndOffset)
          return { ...row, phase: 'cutting', cut: { startOffset: leaderStartOffset } }
        // In range again: it wrote or we were told in between.
        return { ...row, phase: 'fetching', fetchOffset: logEndOffset }
      })
      return { rows, nowMs: atMs, underWay: 0 }
    }),
    noteTruncation: assign(({ context, event }) => {
      assertEvent(event, 'log.truncated')
      const key = printPartition(event)
      const row = context.rows[key]
      if (row === undefined || row.leaderEpoch !== event.leaderEpoch || row.phase === 'failed')
        return {}
      const { logEndOffset: fetchOffset, lastFetchedEpoch } = event
      const asksAgain =
        !context.truncatesOnFetch &&
        row.cut !== null &&
        'isFinal' in row.cut &&
        !row.cut.isFinal &&
        lastFetchedEpoch !== noLeaderEpoch
      const phase = asksAgain ? ('truncating' as const) : ('fetching' as const)
      const cut = { ...row, phase, cut: null, fetchOffset, lastFetchedEpoch }
      return { rows: { ...context.rows, [key]: cut } }
    }),
    delayAll: assign(({ context, event }) => {
      assertEvent(event, 'request.failed')
      const delayedUntilMs = event.atMs + context.backoffMs
      const rows = Object.fromEntries(
        Object.entries(context.rows).map(([key, row]) => [key, { ...row, delayedUntilMs }]),
      )
      return { rows, nowMs: event.atMs, underWay: 0 }
    }),
    liftDelays: assign(({ context }) => ({
      rows: Object.fromEntries(
        Object.entries(context.rows).map(([key, row]) => [key, { ...row, delayedUntilMs: 0 }]),
      ),
    })),
    beginRequest: assign(({ context }) => ({
      request: context.request + 1,
      underWay: context.underWay + 1,
    })),
    forgetRequests: assign({ underWay: 0 }),

    sendFetch: emit(({ context }) => ({
      type: 'fetch.send',
      request: context.request,
      partitions: readyRows(context, 'fetching'),
    })),
    askEpochEnds: emit(({ context }) => ({
      type: 'epochEnds.ask',
      request: context.request,
      partitions: readyRows(context, 'truncating'),
    })),
    askOffsets: emit(({ context }) => ({
      type: 'offsets.ask',
      request: context.request,
      partitions: readyRows(context, 'outOfRange'),
    })),
    cutLogs: emit(({ context }) => ({
      type: 'logs.cut',
      partitions: readyRows(context, 'cutting') as (FetchRow & { cut: Cut })[],
    })),
    disconnect: emit({ type: 'source.disconnect' }),
  },
  guards: {
    isStale: ({ context, event }) => {
      assertEvent(event, [
        'fetch.answered',
        'epochEnds.answered',
        'offsets.answered',
        'request.failed',
      ])
      return !isUnderWay(context, event.request)
    },
    followsNone: ({ context, event }) => {
      assertEvent(event, 'partitions.assigned')
      return isNoneLeft(assignedRows(context, event))
    },
    /** Somebody among the followed may be fetched now, though a fetch is under way. */
    mayFetchAlongside: ({ context, event }) => {
      assertEvent(event, 'partitions.assigned')
      return (
        context.underWay < replicaFetchesUnderWayMax &&
        event.followed.some(
          partition => firstRow(partition, context.truncatesOnFetch).phase === 'fetching',
        )
      )
    },
    isAnotherUnderWay: ({ context, event }) => {
      assertEvent(event, 'fetch.answered')
      return event.request < context.request
    },
    isNoneLeft: ({ context }) => isNoneLeft(context.rows),
    mustCut: ({ context }) => isAnyReady(context, 'cutting'),
    mustAskEpochEnds: ({ context }) => isAnyReady(context, 'truncating'),
    mustAskOffsets: ({ context }) => isAnyReady(context, 'outOfRange'),
    mayFetch: ({ context }) => isAnyReady(context, 'fetching'),
    isLastCut: ({ context, event }) => {
      assertEvent(event, 'log.truncated')
      const key = printPartition(event)
      return Object.entries(context.rows).every(
        ([other, row]) => row.phase !== 'cutting' || other === key,
      )
    },
  },
  delays: {
    fetchBackoff: ({ context }) => context.backoffMs,
  },
}).createMachine({
  id: 'replicaFetcher',
  description:
    'Copies what this broker follows at one source broker (AbstractFetcherThread.scala).',
  context: ({ input }) => ({ ...input, rows: {}, request: 0, underWay: 0, nowMs: 0 }),
  initial: 'idle',
  on: {
    'log.truncated': { actions: 'noteTruncation' },
    // Answers to requests of which nothing is wanted any more.
    'fetch.answered': {},
    'epochEnds.answered': {},
    'offsets.answered': {},
    'request.failed': {},
    '*': { actions: 'refuse' },
  },
  states: {
    idle: {
      description: 'Nothing is followed at this source (shutdownIdleFetcherThreads).',
      entry: ['forgetRequests', 'disconnect'],
      on: {
        'partitions.assigned': [
          { guard: 'followsNone', actions: 'assignPartitions' },
          { target: 'deciding', actions: 'assignPartitions' },
        ],
      },
    },
    deciding: {
      description: 'What to do next, by the rows (doWork).',
      always: [
        { guard: 'isNoneLeft', target: 'idle' },
        { guard: 'mustCut', target: 'truncating.cutting' },
        { guard: 'mustAskEpochEnds', target: 'truncating.askingEpochEnds' },
        { guard: 'mustAskOffsets', target: 'truncating.askingOffsets' },
        { guard: 'mayFetch', target: 'fetching' },
        { target: 'backingOff' },
      ],
    },
    truncating: {
      description: 'Some logs must be cut where they part from the leader’s (maybeTruncate).',
      initial: 'cutting',
      on: {
        'partitions.assigned': [
          { guard: 'followsNone', target: 'idle', actions: 'assignPartitions' },
          { actions: 'assignPartitions' },
        ],
        'request.failed': [{ guard: 'isStale' }, { target: 'backingOff', actions: 'delayAll' }],
      },
      states: {
        askingEpochEnds: {
          description:
            'OffsetForLeaderEpoch is under way: where does the epoch of our last record end?',
          entry: ['beginRequest', 'askEpochEnds'],
          on: {
            'epochEnds.answered': [
              { guard: 'isStale' },
              { target: '#replicaFetcher.deciding', actions: 'noteEpochEnds' },
            ],
          },
        },
        askingOffsets: {
          description:
            'ListOffsets is under way: where does the leader’s log begin and end (fetchOffsetAndTruncate)?',
          entry: ['beginRequest', 'askOffsets'],
          on: {
            'offsets.answered': [
              { guard: 'isStale' },
              { target: '#replicaFetcher.deciding', actions: 'noteOffsets' },
            ],
          },
        },
        cutting: {
          description: 'The replicas are told to cut their logs, and do it in this turn.',
          entry: 'cutLogs',
          on: {
            'log.truncated': [
              {
                guard: 'isLastCut',
                target: '#replicaFetcher.deciding',
                actions: 'noteTruncation',
              },
              { actions: 'noteTruncation' },
            ],
            'partitions.assigned': {
              target: '#replicaFetcher.deciding',
              actions: 'assignPartitions',
            },
          },
          after: { fetchBackoff: '#replicaFetcher.deciding' },
        },
      },
    },
    fetching: {
      description:
        'A fetch is under way; it waits at the source while there is nothing (maybeFetch).',
      entry: ['beginRequest', 'sendFetch'],
      on: {
        'fetch.answered': [
          { guard: 'isStale' },
          { guard: 'isAnotherUnderWay', actions: 'noteFetched' },
          { target: 'deciding', actions: 'noteFetched' },
        ],
        'request.failed': [{ guard: 'isStale' }, { target: 'backingOff', actions: 'delayAll' }],
        'partitions.assigned': [
          { guard: 'followsNone', target: 'idle', actions: 'assignPartitions' },
          {
            guard: 'mayFetchAlongside',
            actions: ['assignPartitions', 'beginRequest', 'sendFetch'],
          },
          { actions: 'assignPartitions' },
        ],
      },
    },
    backingOff: {
      description: 'The source, or each partition there, gave an error (delayPartitions).',
      after: { fetchBackoff: { target: 'deciding', actions: 'liftDelays' } },
      on: {
        'partitions.assigned': { target: 'deciding', actions: 'assignPartitions' },
      },
    },
  },
})

export type ReplicaFetcherSnapshot = SnapshotFrom<typeof replicaFetcherMachine>

/** Whether what a request brought of a partition may go into its log: nothing changed since it was asked for. */
export function awaits(
  { context }: ReplicaFetcherSnapshot,
  request: number,
  asked: TopicPartition & { readonly leaderEpoch: number; readonly fetchOffset: number },
): boolean {
  const row = context.rows[printPartition(asked)]
  return (
    isUnderWay(context, request) &&
    row !== undefined &&
    row.phase === 'fetching' &&
    row.leaderEpoch === asked.leaderEpoch &&
    row.fetchOffset === asked.fetchOffset
  )
}
