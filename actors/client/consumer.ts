import { Observable, type Subscription, throwError } from 'rxjs'
import {
  type ConsumerCommand,
  consumerMachine,
  membership,
} from '../../machines/client/consumer.ts'
import { errors } from '../../src/error.ts'
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
import { Delivery } from './delivery.ts'
import { Fetcher } from './fetcher.ts'
import { Gathering } from './gathering.ts'
import { GroupLeader } from './group-leader.ts'
import { assignors, GroupRequests } from './group-requests.ts'
import { clientError, type KafkaError, kafkaError } from './kafka-error.ts'
import { PartitionReader, type ReaderOwner, readerError } from './partition-reader.ts'
import { PositionRequests } from './position-requests.ts'
import { committable, Revocations, uncommitted } from './revocations.ts'
import type { FormerAssignment } from './sticky-user-data.ts'

type Command<T extends ConsumerCommand['type']> = Extract<ConsumerCommand, { type: T }>

/** Of the time a close may take, what is kept back for the last commit and the goodbye, ms. */
const goodbyeMs = 5000

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
  readonly #leader: GroupLeader
  readonly #readers = new Map<string, PartitionReader>()
  readonly #readerOwner: ReaderOwner
  readonly #positions: PositionRequests
  readonly #committedWanted: Gathering<{ readonly reader: PartitionReader; readonly run: number }>
  readonly #fetcher: Fetcher
  readonly #delivery: Delivery
  readonly #revocations: Revocations
  readonly #events = new Channel<ConsumerEvent>()
  #joined: JoinGroupResponse | undefined
  #assigning: Subscription | undefined
  #assignments: Assignments = new Map()
  #former: FormerAssignment = { partitions: [], generationId: -1 }
  #autoCommitTimer: Timer | undefined
  #closeTimers: readonly Timer[] = []
  #isClosing = false
  #isClosed = false

  constructor(world: World, config: CompleteConsumerConfig) {
    this.#world = world
    this.#config = config
    const { clock } = world.platform
    const clientId = config.clientId ?? world.name.split('/').at(-1) ?? world.name
    const named = { ...config, clientId }
    this.#connections = new BrokerConnections(world, named)
    this.#metadata = new ClusterMetadata(world, named, this.#connections, {
      allowAutoTopicCreation: config.allowAutoCreateTopics,
    })
    this.#leader = new GroupLeader(this.#metadata)
    this.#positions = new PositionRequests(clock, this.#connections, config.isolationLevel)
    this.#committedWanted = new Gathering(clock, wanted => this.#fetchCommitted(wanted))
    if (config.groupId !== undefined) {
      this.#group = new GroupRequests(config, this.#connections, config.groupId)
      this.#commits = new Commits(world, named, this.#group, {
        speaker: () => membership(this.#root.getSnapshot()),
        refused: (round, errorCode) =>
          this.#root.send({ type: 'commit.refused', round, errorCode }),
        committed: offsets => this.#committed(offsets),
      })
    }
    this.#delivery = new Delivery(clock, config, this.#readers, {
      delivered: () => this.#fetcher.fetch(this.#readers.values()),
      acknowledged: () => this.#revocations.proceed(),
      stalled: () => this.#root.send({ type: 'processing.stalled' }),
      resumed: () => this.#root.send({ type: 'processing.resumed' }),
    })
    this.#fetcher = new Fetcher(config, this.#connections, this.#metadata, () =>
      this.#delivery.soon(),
    )
    this.#revocations = new Revocations(config, this.#delivery, this.#commits, {
      announce: partitions => this.#events.next({ type: 'revoked', partitions }),
      drop: reader => this.#drop(reader),
      revoked: revocation => this.#root.send({ type: 'partitions.revoked', revocation }),
    })
    this.#readerOwner = this.#ownReaders()
    this.#connections.lost.subscribe(({ brokerId, purpose }) => {
      if (purpose === 'coordinator')
        this.#root.send({ type: 'coordinator.lost', coordinatorId: brokerId })
    })
    this.#metadata.changes.subscribe(() => this.#metadataChanged())
    this.#root = this.#startChart()
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

  get batches(): Observable<ConsumedBatch> {
    return this.#delivery.batches
  }

  get events(): Observable<ConsumerEvent> {
    return this.#events.asObservable()
  }

  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly CommittedOffset[]> {
    if (this.#commits === undefined) return withoutGroup()
    return this.#commits.commit(offsets ?? committable(this.#readers.values()))
  }

  committed(partitions: readonly TopicPartition[]): Observable<readonly CommittedOffset[]> {
    return this.#commits?.committed(partitions) ?? withoutGroup()
  }

  seek(partition: TopicPartition, offset: number | 'earliest' | 'latest'): void {
    const reader = this.#readers.get(printPartition(partition))
    if (reader === undefined)
      throw clientError('NOT_ASSIGNED', `${printPartition(partition)} is not assigned`)
    this.#delivery.forget(reader)
    reader.send({ type: 'seek.requested', to: offset })
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const reader of this.#readersOf(partitions)) reader.send({ type: 'pause.requested' })
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const reader of this.#readersOf(partitions)) reader.send({ type: 'resume.requested' })
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
      this.#closeTimers = [
        clock.setTimeout(
          () => this.#revocations.hurry(),
          Math.max(timeoutMs - goodbyeMs, timeoutMs / 2),
        ),
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

  #startChart(): Root<typeof consumerMachine> {
    const config = this.#config
    return this.#world.start(consumerMachine, {
      path: this.#world.name,
      input: {
        groupId: config.groupId ?? null,
        isStatic: config.groupInstanceId !== undefined,
        isCooperative: config.partitionAssignmentStrategy.every(
          name => assignors[name].isCooperative,
        ),
        heartbeatIntervalMs: config.heartbeatIntervalMs,
        retryBackoffMs: config.retryBackoffMs,
        retryBackoffMaxMs: config.retryBackoffMaxMs,
        leaveTimeoutMs: Math.min(config.requestTimeoutMs, goodbyeMs),
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
        'assignment.compute': ({ round }, send) => {
          if (this.#joined === undefined) return
          this.#assigning?.unsubscribe()
          this.#assigning = this.#leader.assign(this.#joined).subscribe(assignments => {
            this.#assignments = assignments
            send({ type: 'assignment.computed', round })
          })
        },
        'sync.send': (command, send) => {
          const { round, assignor, isLeader } = command
          const assignments = isLeader ? this.#assignments : new Map<string, TopicPartition[]>()
          this.#group?.sync(command, assignor, assignments).subscribe({
            next: answer => send({ type: 'sync.answered', round, ...answer }),
            error: ({ code }: KafkaError) =>
              send({ type: 'sync.answered', round, errorCode: code, partitions: [] }),
          })
        },
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
        'partitions.revoke': ({ revocation, partitions }) =>
          this.#revocations.begin(revocation, this.#readersOf(partitions)),
        'partitions.lose': ({ partitions }) => this.#lose(partitions),
        'failure.announce': ({ errorCode }) => {
          const error = kafkaError(errorCode)
          if (errorCode === errors.FENCED_INSTANCE_ID) this.#events.next({ type: 'fenced', error })
          this.#events.next({ type: 'error', error, fatal: true })
        },
        'consumer.close': () => this.#end(),
      },
    })
  }

  #ownReaders(): ReaderOwner {
    return {
      fetchCommitted: (reader, { run }) => this.#committedWanted.add({ reader, run }),
      listOffset: (reader, command) => this.#positions.listOffset(reader, command),
      checkEpoch: (reader, command) => this.#positions.checkEpoch(reader, command),
      refreshMetadata: () => this.#metadata.requestUpdate(),
      positioned: ({ topic, partition }, { offset, by }) =>
        this.#events.next({ type: 'positioned', partition: { topic, partition }, offset, by }),
      failed: (reader, { reason, errorCode }) => {
        const { topic, partition } = reader
        const error = readerError(reader, reason, errorCode)
        this.#events.next({ type: 'error', error, fatal: false, partition: { topic, partition } })
      },
      changed: () => this.#delivery.soon(),
    }
  }

  #join(command: Command<'join.send'>): void {
    const { round } = command
    const answered = (
      errorCode: number,
      { memberId, generationId, protocolName, isLeader } = nobody,
    ): void =>
      this.#root.send({
        type: 'join.answered',
        round,
        errorCode,
        memberId,
        generationId,
        assignor: protocolName ?? '',
        isLeader,
      })
    this.#group?.join(command, command.owned, this.#former).subscribe({
      next: response => {
        const { leader, memberId, skipAssignment } = response
        this.#joined = response
        const isLeader = memberId !== '' && leader === memberId && !skipAssignment
        if (!isLeader) this.#leader.resign()
        answered(response.errorCode, { ...response, isLeader })
      },
      error: ({ code }: KafkaError) => answered(code),
    })
  }

  #assign({ added, assignment }: Command<'partitions.assign'>): void {
    const { generationId, memberId } = this
    this.#former = { partitions: assignment, generationId }
    this.#metadata.care(added.map(({ topic }) => topic))
    for (const partition of added) {
      const reader = new PartitionReader(this.#world, partition, this.#config, this.#readerOwner)
      this.#readers.set(reader.key, reader)
      reader.learnLeader(this.#metadata)
    }
    this.#events.next({ type: 'assigned', partitions: added, assignment, memberId, generationId })
    if (this.#leader.isOutdated) this.#root.send({ type: 'topics.changed' })
  }

  #lose(partitions: readonly TopicPartition[]): void {
    const readers = this.#readersOf(partitions)
    this.#revocations.cancel(readers)
    for (const reader of readers) this.#drop(reader)
    if (readers.length > 0) this.#events.next({ type: 'lost', partitions })
  }

  #drop(reader: PartitionReader): void {
    reader.stop()
    this.#delivery.forget(reader)
    if (this.#readers.get(reader.key) === reader) this.#readers.delete(reader.key)
  }

  #readersOf(partitions: readonly TopicPartition[]): PartitionReader[] {
    return partitions.flatMap(one => this.#readers.get(printPartition(one)) ?? [])
  }

  #metadataChanged(): void {
    for (const reader of this.#readers.values()) reader.learnLeader(this.#metadata)
    if (this.#leader.isOutdated) this.#root.send({ type: 'topics.changed' })
    if (this.#group === undefined) this.#discover()
  }

  /** Without a group: all partitions there are. */
  #discover(): void {
    const topics = this.#config.topics.map(topic => this.#metadata.topic(topic))
    const partitions = topics.flatMap(topic =>
      (topic?.partitions ?? []).map(({ topic: name, partition }) => ({ topic: name, partition })),
    )
    const areKnown = topics.every(topic => topic?.errorCode === errors.NONE)
    if (areKnown && partitions.length > this.assignment.length && !this.#isClosing)
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

  #committed(offsets: readonly CommittedOffset[]): void {
    for (const one of offsets) {
      const reader = this.#readers.get(printPartition(one))
      if (reader !== undefined) reader.committed = one.offset
    }
    this.#world.trace.record('note', this.#world.name, 'committed', { offsets })
    this.#events.next({ type: 'committed', offsets })
  }

  #autoCommitLater(): void {
    const { autoCommitIntervalMs } = this.#config
    this.#autoCommitTimer = this.#world.platform.clock.setTimeout(() => {
      const offsets = uncommitted([...this.#readers.values()].filter(one => !one.isLeaving))
      // One that fails is made again with the next, or before the partitions go.
      if (this.#commits?.isIdle && membership(this.#root.getSnapshot()) !== null)
        this.#commits
          .commit(offsets, { timeoutMs: autoCommitIntervalMs })
          .subscribe({ error: () => undefined })
      this.#autoCommitLater()
    }, autoCommitIntervalMs)
  }

  #end(): void {
    const { clock } = this.#world.platform
    this.#isClosed = true
    for (const timer of [this.#autoCommitTimer, ...this.#closeTimers]) clock.clearTimeout(timer)
    this.#assigning?.unsubscribe()
    for (const reader of [...this.#readers.values()]) this.#drop(reader)
    this.#delivery.stop()
    this.#committedWanted.stop()
    this.#positions.stop()
    this.#fetcher.stop()
    this.#metadata.close()
    this.#connections.close()
    this.#events.next({ type: 'closed' })
    this.#events.complete()
  }
}

/** A join that failed before anybody was named. */
const nobody = {
  memberId: '',
  generationId: -1,
  protocolName: null as string | null,
  isLeader: false,
}

const withoutGroup = () =>
  throwError(() => clientError('INVALID_CONFIG', 'without a groupId nothing is committed'))
