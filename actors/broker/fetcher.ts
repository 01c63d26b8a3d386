import { forkJoin, map, type Observable } from 'rxjs'
import {
  awaits,
  type EpochEnds,
  type FetchedPartition,
  type FetchRow,
  type FollowedPartition,
  replicaFetcherMachine,
} from '../../machines/broker/replica-fetcher.ts'
import {
  FetchSessionHandler,
  type KeyedPartition,
  type SessionRequest,
} from '../../src/broker/fetch-session-handler.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import {
  type BrokerId,
  noBroker,
  noUuid,
  printPartition,
  type TopicPartition,
} from '../../src/ids.ts'
import type { Log } from '../../src/log/log.ts'
import {
  Fetch,
  ListOffsets,
  OffsetForLeaderEpoch,
  type ResponseOf,
} from '../../src/protocol/index.ts'
import type { Root } from '../registry.ts'
import type { BrokerWorld, PeerConnection } from './broker-world.ts'
import type { Replica } from './partition.ts'

/** Requests between brokers are sent in these versions unasked, as a broker of 3.9 sends them; without topic ids Fetch v12. */
const fetchVersion = 17
const fetchVersionByName = 12
const offsetForLeaderEpochVersion = 4
const listOffsetsVersion = 9

/** Timestamps that ListOffsets knows by name. */
const latestOffset = -1
const earliestLocalOffset = -4

type FetchAnswer = ResponseOf<typeof Fetch>
type FetchedData = FetchAnswer['responses'][number]['partitions'][number]

/** Fetch answers that say something of the session alone: the next fetch begins another. */
const sessionErrors: readonly ErrorCode[] = [
  errors.FETCH_SESSION_ID_NOT_FOUND,
  errors.INVALID_FETCH_SESSION_EPOCH,
  errors.FETCH_SESSION_TOPIC_ID_ERROR,
]

/** Leader epoch of a log's last record; −1 where it has no epochs. */
function lastEpochOf(log: Log): number {
  const { logStartOffset, logEndOffset } = log
  const epoch = logEndOffset > logStartOffset ? log.leaderEpochAt(logEndOffset - 1) : -1
  return epoch >= 0 ? epoch : log.latestLeaderEpoch
}

type FindReplica = (topic: string, partition: number) => Replica | undefined

interface Assignment {
  readonly followed: Map<string, FollowedPartition>
  readonly unfollowed: Map<string, TopicPartition>
}

/**
 * What this broker's followers fetch, by source broker: one fetcher, one connection each. Orders that come together are told
 * together (`batch`), so that all partitions of one LeaderAndIsr are in the first fetch. After ReplicaFetcherManager.
 */
export class Fetchers {
  readonly #broker: BrokerWorld
  readonly #find: FindReplica
  readonly #fetchers = new Map<BrokerId, SourceFetcher>()
  /** Where each replica is fetched from. */
  readonly #sources = new Map<Replica, BrokerId>()
  #batch: Map<BrokerId, Assignment> | undefined
  #stopped = false

  constructor(broker: BrokerWorld, find: FindReplica) {
    this.#broker = broker
    this.#find = find
  }

  /** What is followed and unfollowed meanwhile is told at the end, once. */
  batch(run: () => void): void {
    if (this.#batch !== undefined) {
      run()
      return
    }
    const batch = new Map<BrokerId, Assignment>()
    this.#batch = batch
    try {
      run()
    } finally {
      this.#batch = undefined
    }
    const atMs = this.#broker.platform.clock.now()
    for (const [source, { followed, unfollowed }] of batch)
      this.#fetcher(source).root.send({
        type: 'partitions.assigned',
        followed: [...followed.values()],
        unfollowed: [...unfollowed.values()],
        atMs,
      })
  }

  follow(replica: Replica, source: BrokerId, leaderEpoch: number, highWatermark: number): void {
    if (this.#stopped || source === noBroker) return
    this.#sources.set(replica, source)
    const { topic, partition, topicId, log } = replica
    this.batch(() =>
      this.#assignment(source).followed.set(replica.key, {
        topic,
        partition,
        topicId,
        leaderEpoch,
        fetchOffset: log.logEndOffset,
        lastFetchedEpoch: lastEpochOf(log),
        highWatermark,
      }),
    )
  }

  unfollow(replica: Replica): void {
    const source = this.#sources.get(replica)
    if (source === undefined) return
    this.#sources.delete(replica)
    const { topic, partition } = replica
    this.batch(() => {
      const { followed, unfollowed } = this.#assignment(source)
      followed.delete(replica.key)
      unfollowed.set(replica.key, { topic, partition })
    })
  }

  /** A replica's log was cut, in a reign. */
  truncated(replica: Replica, leaderEpoch: number): void {
    const source = this.#sources.get(replica)
    if (source === undefined) return
    const { topic, partition, log } = replica
    this.#fetchers.get(source)?.root.send({
      type: 'log.truncated',
      topic,
      partition,
      leaderEpoch,
      logEndOffset: log.logEndOffset,
      lastFetchedEpoch: lastEpochOf(log),
    })
  }

  /** Fetches no more, from anybody. */
  stop(): void {
    this.#stopped = true
    for (const fetcher of this.#fetchers.values()) fetcher.stop()
    this.#fetchers.clear()
    this.#sources.clear()
  }

  #assignment(source: BrokerId): Assignment {
    const batch = this.#batch as Map<BrokerId, Assignment>
    const found = batch.get(source)
    if (found !== undefined) return found
    const made: Assignment = { followed: new Map(), unfollowed: new Map() }
    batch.set(source, made)
    return made
  }

  #fetcher(source: BrokerId): SourceFetcher {
    const found = this.#fetchers.get(source)
    if (found !== undefined) return found
    const made = new SourceFetcher(this.#broker, source, this.#find)
    this.#fetchers.set(source, made)
    return made
  }
}

/** The performers of one replica fetcher: its requests, over a connection of its own. */
class SourceFetcher {
  readonly root: Root<typeof replicaFetcherMachine>
  readonly #broker: BrokerWorld
  readonly #source: BrokerId
  readonly #find: FindReplica
  #connection: PeerConnection | undefined
  #session = new FetchSessionHandler()
  /** What was last asked for each row: most rows stay as they are from fetch to fetch. */
  readonly #asked = new WeakMap<FetchRow, KeyedPartition>()

  constructor(broker: BrokerWorld, source: BrokerId, find: FindReplica) {
    this.#broker = broker
    this.#source = source
    this.#find = find
    this.root = broker.start(replicaFetcherMachine, {
      path: `${broker.name}/fetcher/${source}`,
      input: {
        source,
        backoffMs: broker.config['replica.fetch.backoff.ms'],
        truncatesOnFetch: true,
      },
      performers: {
        'fetch.send': ({ request, partitions }) => this.#fetch(request, partitions),
        'epochEnds.ask': ({ request, partitions }) => this.#askEpochEnds(request, partitions),
        'offsets.ask': ({ request, partitions }) => this.#askOffsets(request, partitions),
        'logs.cut': ({ partitions }) => {
          for (const { topic, partition, leaderEpoch, cut } of partitions)
            find(topic, partition)?.send(
              'startOffset' in cut
                ? { type: 'gap.found', leaderEpoch, startOffset: cut.startOffset }
                : { type: 'divergence.found', leaderEpoch, endOffset: cut.endOffset },
            )
        },
        'source.disconnect': () => this.#disconnect(),
      },
    })
  }

  stop(): void {
    this.root.stop()
    this.#disconnect()
  }

  #disconnect(): void {
    this.#connection?.close()
    this.#connection = undefined
    this.#session = new FetchSessionHandler()
  }

  get #peer(): PeerConnection {
    this.#connection ??= this.#broker.peers.connect(
      this.#source,
      `broker-${this.#broker.brokerId}-fetcher-0`,
    )
    return this.#connection
  }

  get #timeoutMs(): number {
    return this.#broker.config['replica.socket.timeout.ms']
  }

  get #nowMs(): number {
    return this.#broker.platform.clock.now()
  }

  #failed(request: number, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.root.send({ type: 'request.failed', request, reason, atMs: this.#nowMs })
  }

  #fetch(request: number, rows: readonly FetchRow[]): void {
    const { brokerId, brokerEpoch, config } = this.#broker
    const byId = rows.every(({ topicId }) => topicId !== noUuid)
    const version = byId ? fetchVersion : fetchVersionByName
    const session = this.#session
    const part = session.request(this.#wanted(rows), byId)
    const replicaState = { replicaId: brokerId, replicaEpoch: brokerEpoch }
    this.#peer
      .request(
        Fetch,
        version,
        {
          ...(byId ? { replicaState } : { replicaId: brokerId }),
          maxWaitMs: config['replica.fetch.wait.max.ms'],
          minBytes: config['replica.fetch.min.bytes'],
          maxBytes: config['replica.fetch.response.max.bytes'],
          ...part,
        },
        this.#timeoutMs,
      )
      .subscribe({
        next: answer => {
          session.answered(part, answer)
          if (answer.errorCode === errors.NONE || sessionErrors.includes(answer.errorCode))
            this.#fetched(request, rows, byId, part, answer)
          else this.#failed(request, `error ${answer.errorCode}`)
        },
        error: error => {
          session.failed()
          this.#failed(request, error)
        },
      })
  }

  #wanted(rows: readonly FetchRow[]): KeyedPartition[] {
    const partitionMaxBytes = this.#broker.config['replica.fetch.max.bytes']
    return rows.map(row => {
      const { topic, topicId, partition, leaderEpoch, fetchOffset, lastFetchedEpoch } = row
      const logStartOffset = this.#find(topic, partition)?.log.logStartOffset ?? -1
      const before = this.#asked.get(row)
      if (before?.wanted.logStartOffset === logStartOffset) return before
      const keyed = {
        key: `${topic} ${topicId} ${partition}`,
        topic,
        topicId,
        wanted: {
          partition,
          currentLeaderEpoch: leaderEpoch,
          fetchOffset,
          lastFetchedEpoch,
          logStartOffset,
          partitionMaxBytes,
          replicaDirectoryId: noUuid,
        },
      }
      this.#asked.set(row, keyed)
      return keyed
    })
  }

  /** Records into the logs, the rest to the charts: of what still stands as it was asked for. */
  #fetched(
    request: number,
    rows: readonly FetchRow[],
    byId: boolean,
    part: SessionRequest,
    answer: FetchAnswer,
  ): void {
    const asked = new Map(
      rows.map(row => [`${byId ? row.topicId : row.topic}-${row.partition}`, row]),
    )
    const partitions: FetchedPartition[] = []
    const answered = new Set<string>()
    for (const { topic, topicId, partitions: of } of answer.responses)
      for (const data of of) {
        const key = `${byId ? topicId : topic}-${data.partitionIndex}`
        answered.add(key)
        const row = asked.get(key)
        if (row === undefined || !awaits(this.root.getSnapshot(), request, row)) continue
        const replica = this.#find(row.topic, row.partition)
        if (replica !== undefined) partitions.push(taken(replica, row, data))
      }
    // What a session's answer leaves out has neither diverged nor changed: that too is an answer to who asked anew.
    if (answer.errorCode === errors.NONE)
      for (const { topic, topicId, partitions: of } of part.topics)
        for (const { partition } of of) {
          const key = `${byId ? topicId : topic}-${partition}`
          const row = answered.has(key) ? undefined : asked.get(key)
          if (row === undefined || !awaits(this.root.getSnapshot(), request, row)) continue
          const replica = this.#find(row.topic, row.partition)
          const { leaderEpoch } = row
          replica?.learn({
            leaderEpoch,
            highWatermark: replica.highWatermark,
            logStartOffset: replica.log.logStartOffset,
          })
        }
    this.root.send({ type: 'fetch.answered', request, partitions, atMs: this.#nowMs })
  }

  #askEpochEnds(request: number, rows: readonly FetchRow[]): void {
    const byTopic = Map.groupBy(rows, ({ topic }) => topic)
    const body = {
      replicaId: this.#broker.brokerId,
      topics: Array.from(byTopic, ([topic, of]) => ({
        topic,
        partitions: of.map(({ partition, leaderEpoch, lastFetchedEpoch }) => ({
          partition,
          currentLeaderEpoch: leaderEpoch,
          leaderEpoch: lastFetchedEpoch,
        })),
      })),
    }
    this.#peer
      .request(OffsetForLeaderEpoch, offsetForLeaderEpochVersion, body, this.#timeoutMs)
      .subscribe({
        next: ({ topics }) => {
          const answers = new Map(
            topics.flatMap(({ topic, partitions }) =>
              partitions.map(answer => [printPartition({ topic, ...answer }), answer] as const),
            ),
          )
          this.root.send({
            type: 'epochEnds.answered',
            request,
            atMs: this.#nowMs,
            partitions: rows.map(({ topic, partition, leaderEpoch }) => {
              const answer = answers.get(printPartition({ topic, partition }))
              const log = this.#find(topic, partition)?.log
              const errorCode = answer?.errorCode ?? errors.UNKNOWN_SERVER_ERROR
              const ends = epochEnds(log, answer?.leaderEpoch ?? -1, answer?.endOffset ?? -1)
              return { topic, partition, leaderEpoch, errorCode, ends }
            }),
          })
        },
        error: error => this.#failed(request, error),
      })
  }

  #askOffsets(request: number, rows: readonly FetchRow[]): void {
    forkJoin([this.#listOffsets(rows, latestOffset), this.#listOffsets(rows, earliestLocalOffset)])
      // Both answers come over one connection, which gives neither or both.
      .subscribe({
        next: ([ends, starts]) =>
          this.root.send({
            type: 'offsets.answered',
            request,
            atMs: this.#nowMs,
            partitions: rows.map(({ topic, partition, leaderEpoch }) => {
              const end = ends.get(printPartition({ topic, partition }))
              const start = starts.get(printPartition({ topic, partition }))
              const unanswered = errors.UNKNOWN_SERVER_ERROR
              return {
                topic,
                partition,
                leaderEpoch,
                errorCode: (end?.errorCode ?? unanswered) || (start?.errorCode ?? unanswered),
                leaderEndOffset: end?.offset ?? -1,
                leaderStartOffset: start?.offset ?? -1,
                logEndOffset: this.#find(topic, partition)?.log.logEndOffset ?? -1,
              }
            }),
          }),
        error: error => this.#failed(request, error),
      })
  }

  #listOffsets(
    rows: readonly FetchRow[],
    timestamp: number,
  ): Observable<Map<string, { errorCode: ErrorCode; offset: number }>> {
    const byTopic = Map.groupBy(rows, ({ topic }) => topic)
    const body = {
      replicaId: this.#broker.brokerId,
      isolationLevel: 0,
      topics: Array.from(byTopic, ([name, of]) => ({
        name,
        partitions: of.map(({ partition, leaderEpoch }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: leaderEpoch,
          timestamp,
        })),
      })),
    }
    return this.#peer
      .request(ListOffsets, listOffsetsVersion, body, this.#timeoutMs)
      .pipe(
        map(
          ({ topics }) =>
            new Map(
              topics.flatMap(({ name: topic, partitions }) =>
                partitions.map(({ partitionIndex: partition, errorCode, offset }) => [
                  printPartition({ topic, partition }),
                  { errorCode, offset },
                ]),
              ),
            ),
        ),
      )
  }
}

function epochEnds(log: Log | undefined, leaderEpoch: number, endOffset: number): EpochEnds {
  return {
    leaderEnd: { leaderEpoch, endOffset },
    ownEnd: log?.endOffsetForEpoch(leaderEpoch) ?? { leaderEpoch: -1, endOffset: -1 },
    logEndOffset: log?.logEndOffset ?? -1,
  }
}

/** Takes in what a fetch brought of one partition, and says how it stands then. */
function taken(replica: Replica, row: FetchRow, data: FetchedData): FetchedPartition {
  const { log } = replica
  const { topic, partition, leaderEpoch, fetchOffset } = row
  const { divergingEpoch, highWatermark, logStartOffset, records } = data
  let { errorCode } = data
  const diverges = errorCode === errors.NONE && divergingEpoch.epoch >= 0
  if (errorCode === errors.NONE && !diverges) {
    const appended = records?.length ? replica.appendAsFollower(records, leaderEpoch) : null
    if (appended === null || appended.ok)
      replica.learn({ leaderEpoch, highWatermark, logStartOffset })
    // Damaged on the way, or a fault of the leader's: tried again after a pause, whatever the log called it.
    else errorCode = errors.CORRUPT_MESSAGE
  }
  return {
    topic,
    partition,
    leaderEpoch,
    fetchOffset,
    errorCode,
    nextOffset: log.logEndOffset,
    lastFetchedEpoch: lastEpochOf(log),
    divergence: diverges ? epochEnds(log, divergingEpoch.epoch, divergingEpoch.endOffset) : null,
  }
}
