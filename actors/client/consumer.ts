import { Observable, type Subscription, throwError } from 'rxjs'
import {
  type ConsumerCommand,
  consumerMachine,
  membership,
} from '../../machines/client/consumer.ts'
import { errors } from '../../src/error.ts'
import { ExpiryQueue } from '../../src/expiry-queue.ts'
import type { Assignments } from '../../src/group/assignors/assignor.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import type { Timer } from '../../src/ports.ts'
import type { JoinGroupResponse } from '../../src/protocol/index.ts'
import { Channel } from '../channel.ts'
import { type Root, stateName } from '../registry.ts'
import type { World } from '../world.ts'
import { BrokerConnections } from './broker-connections.ts'
import { ClusterMetadata } from './cluster-metadata.ts'
import { Commits } from './commits.ts'
import {
  type CommittedOffset,
  type CompleteConsumerConfig,
  type ConsumedBatch,
  type Consumer,
  type ConsumerConfig,
  type ConsumerEvent,
  consumerConfig,
  type OffsetToCommit,
} from './consumer-config.ts'
import { findCoordinator } from './coordinator.ts'
import { Fetcher } from './fetcher.ts'
import { Gathering } from './gathering.ts'
import { assignors, GroupRequests, subscribed } from './group-requests.ts'
import { clientError, type KafkaError, kafkaError } from './kafka-error.ts'
import { PartitionReader } from './partition-reader.ts'
import { PositionRequests } from './position-requests.ts'
import type { FormerAssignment } from './sticky-user-data.ts'

type Command<T extends ConsumerCommand['type']> = Extract<ConsumerCommand, { type: T }>

/** Partitions on their way out: first what is unacknowledged, then the commit. */
interface Revocation {
  readonly number: number
  readonly readers: readonly PartitionReader[]
  commit: Subscription | undefined
}

/** Stalls are noticed this exactly, ms. */
const stallTickMs = 100

/**
 * Starts a consumer in a world of its own (`client/<name>`). It joins its group at once, and reads while somebody subscribes to
 * its batches.
 *
 * @throws KafkaError INVALID_CONFIG
 */
export function startConsumer(world: World, given: ConsumerConfig): Consumer {
  const config = consumerConfig(given, world.platform.compression)
  checkConfig(config)
  return new RunningConsumer(world, config)
}

function checkConfig(config: CompleteConsumerConfig): void {
  const refuse = (why: string): never => {
    throw clientError('INVALID_CONFIG', why)
  }
  if (config.topics.length === 0) refuse('topics is empty')
  if (config.partitionAssignmentStrategy.length === 0)
    refuse('partitionAssignmentStrategy is empty')
  if (config.heartbeatIntervalMs >= config.sessionTimeoutMs)
    refuse('heartbeatIntervalMs is to be less than sessionTimeoutMs')
}

class RunningConsumer implements Consumer {
  readonly #world: World
  readonly #config: CompleteConsumerConfig
  readonly #connections: BrokerConnections
  readonly #metadata: ClusterMetadata
  readonly #root: Root<typeof consumerMachine>
  readonly #group: GroupRequests | undefined
  readonly #commits: Commits | undefined
  readonly #positions: PositionRequests
  readonly #committedWanted: Gathering<{ readonly reader: PartitionReader; readonly run: number }>
  readonly #fetcher: Fetcher
  readonly #readers = new Map<string, PartitionReader>()
  readonly #batches = new Channel<ConsumedBatch>()
  readonly #events = new Channel<ConsumerEvent>()
  /** Who has which batch that is not acknowledged. */
  readonly #unacknowledged = new Map<number, PartitionReader>()
  readonly #stalls: ExpiryQueue<number>
  /** Batches over which it stalled, until the application is done with them. */
  readonly #stalled = new Set<number>()
  #lastBatch = 0
  #joined: JoinGroupResponse | undefined
  #assignments: Assignments = new Map()
  #former: FormerAssignment = { partitions: [], generationId: -1 }
  /** As leader: partitions by topic when it assigned them. */
  #assignedCounts: ReadonlyMap<string, number> | undefined
  #revocations: Revocation[] = []
  #pumpTimer: Timer | undefined
  #autoCommitTimer: Timer | undefined
  #closeTimers: Timer[] = []
  #isClosing = false
  #isClosed = false
  /** It is closing, and waits no longer for what is unacknowledged. */
  #isImpatient = false
  readonly #computing: Subscription[] = []

  constructor(world: World, config: CompleteConsumerConfig) {
    this.#world = world
    this.#config = config
    const { clock } = world.platform
    const clientId = config.clientId ?? world.name.split('/').at(-1) ?? world.name
    this.#connections = new BrokerConnections(world, { ...config, clientId })
    this.#metadata = new ClusterMetadata(world, { ...config, clientId }, this.#connections, {
      allowAutoTopicCreation: config.allowAutoCreateTopics,
    })
    this.#connections.lost.subscribe(({ brokerId, purpose }) => {
      if (purpose === 'coordinator')
        this.#root.send({ type: 'coordinator.lost', coordinatorId: brokerId })
    })
    this.#metadata.changes.subscribe(() => this.#metadataChanged())
    this.#positions = new PositionRequests(clock, this.#connections, config.isolationLevel)
    this.#committedWanted = new Gathering(clock, wanted => this.#fetchCommitted(wanted))
    this.#fetcher = new Fetcher(config, this.#connections, this.#metadata, () => this.#pumpSoon())
    this.#stalls = new ExpiryQueue(clock, stallTickMs, batches => this.#stall(batches))
    if (config.groupId !== undefined) {
      this.#group = new GroupRequests(config, this.#connections, config.groupId)
      this.#commits = new Commits(world, { ...config, clientId }, this.#group, {
        speaker: () => membership(this.#root.getSnapshot()),
        refused: (round, errorCode) =>
          this.#root.send({ type: 'commit.refused', round, errorCode }),
        committed: offsets => this.#committed(offsets),
      })
    }
    this.#root = world.start(consumerMachine, {
      path: world.name,
      input: {
        groupId: config.groupId ?? null,
        isStatic: config.groupInstanceId !== undefined,
        isCooperative: config.partitionAssignmentStrategy.every(
          name => assignors[name].isCooperative,
        ),
        heartbeatIntervalMs: config.heartbeatIntervalMs,
        retryBackoffMs: config.retryBackoffMs,
        retryBackoffMaxMs: config.retryBackoffMaxMs,
        leaveTimeoutMs: Math.min(config.requestTimeoutMs, 5000),
      },
      performers: {
        'coordinator.find': (_command, send) => {
          findCoordinator(this.#connections, config.groupId ?? '').subscribe({
            next: ({ errorCode, brokerId }) =>
              send(
                errorCode === errors.NONE
                  ? { type: 'coordinator.found', coordinatorId: brokerId }
                  : { type: 'coordinator.missed', errorCode },
              ),
            error: ({ code }: KafkaError) => send({ type: 'coordinator.missed', errorCode: code }),
          })
        },
        'join.send': command => this.#join(command),
        'assignment.compute': command => this.#computeAssignment(command),
        'sync.send': command => this.#sync(command),
        'heartbeat.send': (command, send) => {
          const { round } = command
          this.#group?.heartbeat(command).subscribe({
            next: errorCode => send({ type: 'heartbeat.answered', round, errorCode }),
            error: ({ code }: KafkaError) =>
              send({ type: 'heartbeat.answered', round, errorCode: code }),
          })
        },
        'leave.send': (command, send) => {
          const answered = (): void => send({ type: 'leave.answered' })
          this.#group?.leave(command).subscribe({ next: answered, error: answered })
        },
        'partitions.assign': command => this.#assign(command),
        'partitions.revoke': command => this.#revoke(command),
        'partitions.lose': ({ partitions }) => this.#lose(partitions),
        'failure.announce': ({ errorCode }) =>
          this.#events.next({ type: 'error', error: kafkaError(errorCode), fatal: true }),
        'consumer.close': () => this.#end(),
      },
    })
    this.#metadata.care(config.topics)
    if (config.enableAutoCommit && this.#commits !== undefined) this.#autoCommitLater()
  }

  get state(): string {
    return stateName(this.#root.getSnapshot().value)
  }

  get memberId(): string {
    return this.#root.getSnapshot().context.memberId
  }

  get generationId(): number {
    return this.#root.getSnapshot().context.generationId
  }

  get assignment(): readonly TopicPartition[] {
    return this.#root.getSnapshot().context.owned
  }

  readonly batches = new Observable<ConsumedBatch>(subscriber => {
    const subscription = this.#batches.subscribe(subscriber)
    this.#pumpSoon()
    return subscription
  })

  get events(): Observable<ConsumerEvent> {
    return this.#events.asObservable()
  }

  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly CommittedOffset[]> {
    if (this.#commits === undefined)
      return throwError(() =>
        clientError('INVALID_CONFIG', 'without a groupId nothing is committed'),
      )
    return this.#commits.commit(offsets ?? this.#committable([...this.#readers.values()]))
  }

  committed(partitions: readonly TopicPartition[]): Observable<readonly CommittedOffset[]> {
    if (this.#commits === undefined)
      return throwError(() =>
        clientError('INVALID_CONFIG', 'without a groupId nothing is committed'),
      )
    return this.#commits.committed(partitions)
  }

  seek(partition: TopicPartition, offset: number | 'earliest' | 'latest'): void {
    const reader = this.#readers.get(printPartition(partition))
    if (reader === undefined)
      throw clientError('NOT_ASSIGNED', `${printPartition(partition)} is not assigned`)
    this.#forgetBatches(reader)
    reader.send({ type: 'seek.requested', to: offset })
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions)
      this.#readers.get(printPartition(partition))?.send({ type: 'pause.requested' })
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions)
      this.#readers.get(printPartition(partition))?.send({ type: 'resume.requested' })
  }

  position(partition: TopicPartition): number | null {
    return this.#readers.get(printPartition(partition))?.context.position ?? null
  }

  acknowledged(partition: TopicPartition): number | null {
    return this.#readers.get(printPartition(partition))?.context.acknowledged ?? null
  }

  close({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Observable<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      const { clock } = this.#world.platform
      // Patience ends before the time does, so that what is acknowledged can still be committed.
      const patienceMs = Math.max(timeoutMs - 5000, timeoutMs / 2)
      this.#closeTimers = [
        clock.setTimeout(() => {
          this.#isImpatient = true
          this.#proceed()
        }, patienceMs),
        clock.setTimeout(() => this.#root.send({ type: 'close.expired' }), timeoutMs),
      ]
      this.#root.send({ type: 'close.requested' })
    }
    return new Observable(subscriber => {
      const done = (): void => {
        subscriber.next()
        subscriber.complete()
      }
      if (this.#isClosed) done()
      else subscriber.add(this.#events.subscribe({ complete: done }))
    })
  }

  #join(command: Command<'join.send'>): void {
    const { round } = command
    const refused = (errorCode: number, memberId: string): void =>
      this.#root.send({
        type: 'join.answered',
        round,
        errorCode,
        memberId,
        generationId: -1,
        assignor: '',
        isLeader: false,
      })
    this.#group?.join(command, command.owned, this.#former).subscribe({
      next: response => {
        const { errorCode, memberId, generationId, protocolName, leader } = response
        if (errorCode !== errors.NONE) return refused(errorCode, memberId)
        this.#joined = response
        this.#root.send({
          type: 'join.answered',
          round,
          errorCode,
          memberId,
          generationId,
          assignor: protocolName ?? '',
          isLeader: leader === memberId && !response.skipAssignment,
        })
        return undefined
      },
      error: ({ code }: KafkaError) => refused(code, ''),
    })
  }

  /** Once all topics that the members subscribe to are known. */
  #computeAssignment({ round, assignor: name }: Command<'assignment.compute'>): void {
    const members = this.#joined === undefined ? [] : subscribed(this.#joined)
    const topics = [...new Set(members.flatMap(one => one.topics))]
    const compute = (): void => {
      const counts = this.#counts(topics)
      const assignor = Object.values(assignors).find(one => one.name === name)
      this.#assignments = assignor?.assign(members, counts) ?? new Map()
      this.#assignedCounts = counts
      this.#root.send({ type: 'assignment.computed', round })
    }
    this.#metadata.care(topics)
    if (topics.every(topic => this.#metadata.topic(topic) !== undefined)) compute()
    else this.#computing.push(this.#metadata.refreshed().subscribe(compute))
  }

  #counts(topics: Iterable<string>): Map<string, number> {
    const counts = new Map<string, number>()
    for (const topic of topics) {
      const count = this.#metadata.topic(topic)?.partitions.length ?? 0
      counts.set(topic, count)
    }
    return counts
  }

  #sync(command: Command<'sync.send'>): void {
    const { round, assignor, isLeader } = command
    const assignments = isLeader ? this.#assignments : new Map<string, TopicPartition[]>()
    this.#group?.sync(command, assignor, assignments).subscribe({
      next: ({ errorCode, partitions }) =>
        this.#root.send({ type: 'sync.answered', round, errorCode, partitions }),
      error: ({ code }: KafkaError) =>
        this.#root.send({ type: 'sync.answered', round, errorCode: code, partitions: [] }),
    })
  }

  #assign({ added, assignment }: Command<'partitions.assign'>): void {
    const { generationId, memberId } = this
    this.#former = { partitions: assignment, generationId }
    this.#metadata.care(added.map(({ topic }) => topic))
    for (const partition of added) {
      const reader = new PartitionReader(this.#world, partition, this.#config, {
        fetchCommitted: (asker, { run }) => this.#committedWanted.add({ reader: asker, run }),
        listOffset: (asker, command) => this.#positions.listOffset(asker, command),
        checkEpoch: (asker, command) => this.#positions.checkEpoch(asker, command),
        refreshMetadata: () => this.#metadata.requestUpdate(),
        positioned: ({ topic, partition: number }, { offset, by }) => {
          this.#events.next({
            type: 'positioned',
            partition: { topic, partition: number },
            offset,
            by,
          })
        },
        failed: (asker, command) =>
          this.#events.next({
            type: 'error',
            error: readerError(asker, command),
            fatal: false,
            partition: { topic: asker.topic, partition: asker.partition },
          }),
        changed: () => this.#pumpSoon(),
      })
      this.#readers.set(reader.key, reader)
      reader.learnLeader(this.#metadata)
    }
    this.#events.next({ type: 'assigned', partitions: added, assignment, memberId, generationId })
    this.#watchTopics()
    this.#pumpSoon()
  }

  #revoke({ revocation: number, partitions }: Command<'partitions.revoke'>): void {
    const readers = partitions.flatMap(one => this.#readers.get(printPartition(one)) ?? [])
    for (const reader of readers) reader.isLeaving = true
    this.#revocations.push({ number, readers, commit: undefined })
    this.#proceed()
  }

  /** Takes revocations a step on: unacknowledged batches, the commit, the event, commits made on it. */
  #proceed(): void {
    for (const revocation of [...this.#revocations]) {
      const { readers } = revocation
      const isBusy = readers.some(reader => [...this.#unacknowledged.values()].includes(reader))
      if (revocation.commit !== undefined || (isBusy && !this.#isImpatient)) continue
      const offsets = this.#config.enableAutoCommit ? this.#uncommitted(readers) : []
      const finish = (): void => this.#finish(revocation)
      revocation.commit = this.#commits
        ?.commit(offsets, { timeoutMs: this.#config.rebalanceTimeoutMs })
        .subscribe({ next: finish, error: finish })
      if (this.#commits === undefined) finish()
    }
  }

  #finish(revocation: Revocation): void {
    if (!this.#revocations.includes(revocation)) return
    const { readers, number } = revocation
    const partitions = readers.map(({ topic, partition }) => ({ topic, partition }))
    if (partitions.length > 0) this.#events.next({ type: 'revoked', partitions })
    const gone = (): void => {
      if (!this.#revocations.includes(revocation)) return
      this.#revocations = this.#revocations.filter(other => other !== revocation)
      for (const reader of readers) this.#drop(reader)
      this.#root.send({ type: 'partitions.revoked', revocation: number })
    }
    // What the application commits on hearing of it goes out before it joins again.
    if (this.#commits === undefined) gone()
    else this.#commits.idle().subscribe(gone)
  }

  #lose(partitions: readonly TopicPartition[]): void {
    const readers = partitions.flatMap(one => this.#readers.get(printPartition(one)) ?? [])
    this.#revocations = this.#revocations.filter(
      revocation => !revocation.readers.some(reader => readers.includes(reader)),
    )
    for (const reader of readers) this.#drop(reader)
    if (readers.length > 0) this.#events.next({ type: 'lost', partitions })
  }

  #drop(reader: PartitionReader): void {
    reader.stop()
    this.#forgetBatches(reader)
    if (this.#readers.get(reader.key) === reader) this.#readers.delete(reader.key)
  }

  #forgetBatches(reader: PartitionReader): void {
    for (const [batch, owner] of this.#unacknowledged)
      if (owner === reader) {
        this.#unacknowledged.delete(batch)
        this.#stalls.remove(batch)
      }
  }

  #metadataChanged(): void {
    for (const reader of this.#readers.values()) reader.learnLeader(this.#metadata)
    this.#watchTopics()
    if (this.#group === undefined) this.#discover()
  }

  /** As leader: has the number of partitions changed since it assigned them? */
  #watchTopics(): void {
    const assigned = this.#assignedCounts
    if (assigned === undefined) return
    const counts = this.#counts(assigned.keys())
    if ([...counts].some(([topic, count]) => count !== assigned.get(topic)))
      this.#root.send({ type: 'topics.changed' })
  }

  /** Without a group: all partitions there are. */
  #discover(): void {
    const { topics } = this.#config
    const partitions = topics.flatMap(topic =>
      (this.#metadata.topic(topic)?.partitions ?? []).map(({ partition }) => ({
        topic,
        partition,
      })),
    )
    const isKnown = topics.every(topic => this.#metadata.topic(topic)?.errorCode === errors.NONE)
    if (isKnown && partitions.length > this.assignment.length && !this.#isClosing)
      this.#root.send({ type: 'partitions.discovered', partitions })
  }

  #fetchCommitted(
    wanted: readonly { readonly reader: PartitionReader; readonly run: number }[],
  ): void {
    this.#commits?.ask(wanted.map(({ reader }) => reader)).subscribe({
      next: answers => {
        for (const [at, { reader, run }] of wanted.entries()) {
          const { errorCode, offset, leaderEpoch } = answers[at] as (typeof answers)[number]
          if (errorCode === errors.NONE) {
            reader.committed = offset
            reader.send({ type: 'committed.read', run, offset, leaderEpoch })
          } else reader.send({ type: 'committed.refused', run, errorCode })
        }
      },
      error: ({ code }: KafkaError) => {
        for (const { reader, run } of wanted)
          reader.send({ type: 'committed.refused', run, errorCode: code })
      },
    })
  }

  #pumpSoon(): void {
    if (this.#isClosed) return
    this.#pumpTimer ??= this.#world.platform.clock.setTimeout(() => this.#pump(), 0)
  }

  /** Gives the application what it may have, in turn over the partitions, and asks for more. */
  #pump(): void {
    this.#pumpTimer = undefined
    if (!this.#batches.observed) return
    for (let given = true; given; ) {
      given = false
      for (const reader of [...this.#readers.values()]) given = this.#deliver(reader) || given
    }
    this.#fetcher.fetch(this.#readers.values())
  }

  #deliver(reader: PartitionReader): boolean {
    const batch = this.#lastBatch + 1
    const records = reader.take(batch, this.#config)
    if (records.length === 0) return false
    this.#lastBatch = batch
    this.#unacknowledged.set(batch, reader)
    if (this.#group !== undefined) this.#stalls.touch(batch, this.#config.maxPollIntervalMs)
    const { topic, partition, highWatermark } = reader
    const ack = (): void => this.#acknowledge(batch)
    this.#batches.next({ topic, partition, records, highWatermark, ack })
    return true
  }

  #acknowledge(batch: number): void {
    const reader = this.#unacknowledged.get(batch)
    if (this.#stalled.delete(batch) && this.#stalled.size === 0)
      this.#root.send({ type: 'processing.resumed' })
    if (reader === undefined) return
    this.#unacknowledged.delete(batch)
    this.#stalls.remove(batch)
    reader.send({ type: 'batch.acknowledged', batch })
    this.#proceed()
  }

  #stall(batches: readonly number[]): void {
    for (const batch of batches) if (this.#unacknowledged.has(batch)) this.#stalled.add(batch)
    if (this.#stalled.size > 0) this.#root.send({ type: 'processing.stalled' })
  }

  #committable(readers: readonly PartitionReader[]): OffsetToCommit[] {
    return readers.flatMap(({ topic, partition, context }) =>
      context.acknowledged === null
        ? []
        : [
            {
              topic,
              partition,
              offset: context.acknowledged,
              leaderEpoch: context.acknowledgedEpoch,
            },
          ],
    )
  }

  #uncommitted(readers: readonly PartitionReader[]): OffsetToCommit[] {
    return this.#committable(readers.filter(one => one.context.acknowledged !== one.committed))
  }

  #committed(offsets: readonly CommittedOffset[]): void {
    for (const one of offsets) {
      const reader = this.#readers.get(printPartition(one))
      if (reader !== undefined) reader.committed = one.offset
    }
    const { trace, name } = this.#world
    trace.record('note', name, 'committed', { offsets })
    this.#events.next({ type: 'committed', offsets })
  }

  #autoCommitLater(): void {
    const { clock } = this.#world.platform
    this.#autoCommitTimer = clock.setTimeout(() => {
      const offsets = this.#uncommitted([...this.#readers.values()].filter(one => !one.isLeaving))
      const isMember = membership(this.#root.getSnapshot()) !== null
      if (isMember && offsets.length > 0)
        // A commit that fails is made again with the next one, or before the partitions go.
        this.#commits
          ?.commit(offsets, { timeoutMs: this.#config.autoCommitIntervalMs })
          .subscribe({ error: () => undefined })
      this.#autoCommitLater()
    }, this.#config.autoCommitIntervalMs)
  }

  #end(): void {
    const { clock } = this.#world.platform
    this.#isClosed = true
    for (const timer of [this.#pumpTimer, this.#autoCommitTimer, ...this.#closeTimers])
      clock.clearTimeout(timer)
    for (const computing of this.#computing) computing.unsubscribe()
    for (const reader of [...this.#readers.values()]) this.#drop(reader)
    this.#stalls.stop()
    this.#committedWanted.stop()
    this.#positions.stop()
    this.#fetcher.stop()
    this.#metadata.close()
    this.#connections.close()
    this.#batches.complete()
    this.#events.next({ type: 'closed' })
    this.#events.complete()
  }
}

/** What is wrong with one partition, as the application hears it. */
function readerError(
  reader: PartitionReader,
  { reason, errorCode }: { readonly reason: string; readonly errorCode: number },
): KafkaError {
  const { key, detail } = reader
  switch (reason) {
    case 'noOffset':
      return clientError(
        'NO_OFFSET_FOR_PARTITION',
        `${key}: the group has committed nothing, and autoOffsetReset is none`,
      )
    case 'truncated':
      return clientError('LOG_TRUNCATION', `${key}: the new leader does not have what was read`)
    default:
      return kafkaError(errorCode, detail)
  }
}
