import type { Observable } from 'rxjs'
import { maySend, partitionSenderMachine } from '../../machines/client/partition-sender.ts'
import { producerMachine } from '../../machines/client/producer.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { ExpiryQueue } from '../../src/expiry-queue.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import type { Timer } from '../../src/ports.ts'
import { InitProducerId } from '../../src/protocol/index.ts'
import { encodeBatch, type NewRecord } from '../../src/records/record.ts'
import { Channel } from '../channel.ts'
import { type Root, stateName } from '../registry.ts'
import type { World } from '../world.ts'
import { BrokerConnections } from './broker-connections.ts'
import { ClusterMetadata, isFinalOfTopic } from './cluster-metadata.ts'
import { clientError, type KafkaError, kafkaError } from './kafka-error.ts'
import { Partitioning } from './partitioning.ts'
import { type Outgoing, type ProduceAnswer, ProduceOutbox } from './produce-outbox.ts'
import {
  type CompleteProducerConfig,
  type Producer,
  type ProducerConfig,
  type ProducerEvent,
  type ProducerRecord,
  producerConfig,
  type RecordMetadata,
} from './producer-config.ts'
import {
  type PendingBatch,
  type PendingRecord,
  RecordAccumulator,
  sizeOf,
} from './record-accumulator.ts'
import { newRecord } from './record-text.ts'
import { Settlement } from './settlement.ts'
import { type Unplaced, UnplacedRecords } from './unplaced-records.ts'

/** Records that somebody waits for, whatever becomes of them. */
interface Flush {
  /** The last of them. */
  readonly upTo: number
  left: number
  readonly done: Settlement<void>
}

type SenderRoot = Root<typeof partitionSenderMachine>

/** Somebody else is this producer now. */
const fencingErrors: ReadonlySet<ErrorCode> = new Set([
  errors.PRODUCER_FENCED,
  errors.INVALID_PRODUCER_EPOCH,
])

/** Deadlines of batches are kept this exactly, ms. */
const deadlineTickMs = 50

/**
 * Starts a producer in a world of its own (`client/<name>`).
 *
 * @throws KafkaError INVALID_CONFIG
 */
export function startProducer(world: World, given: ProducerConfig): Producer {
  const config = producerConfig(given, world.platform.compression)
  checkConfig(config)
  return new RunningProducer(world, config)
}

function checkConfig(config: CompleteProducerConfig): void {
  const { acks, enableIdempotence, maxInFlightRequestsPerConnection: inFlight } = config
  const refuse = (why: string): never => {
    throw clientError('INVALID_CONFIG', why)
  }
  if (enableIdempotence && acks !== -1) refuse('enableIdempotence needs acks −1')
  if (enableIdempotence && inFlight > 5)
    refuse('with enableIdempotence maxInFlightRequestsPerConnection is at most 5')
  if (inFlight < 1) refuse('maxInFlightRequestsPerConnection is at least 1')
  if (!config.compression.supports(config.compressionType))
    refuse(`compressionType ${config.compressionType} is not to be had on this platform`)
}

class RunningProducer implements Producer {
  readonly #world: World
  readonly #config: CompleteProducerConfig
  readonly #connections: BrokerConnections
  readonly #metadata: ClusterMetadata
  readonly #accumulator: RecordAccumulator
  readonly #partitioning: Partitioning
  readonly #outbox: ProduceOutbox
  readonly #root: Root<typeof producerMachine>
  readonly #senders = new Map<string, SenderRoot>()
  readonly #unplaced: UnplacedRecords
  readonly #deliveries: ExpiryQueue<number>
  readonly #events = new Channel<ProducerEvent>()
  #taken = 0
  #pendingRecords = 0
  /** What a broker said besides the code, by batch. */
  readonly #details = new Map<number, string>()
  #pendingBytes = 0
  #flushes: readonly Flush[] = []
  #failure: KafkaError | undefined
  /** A record was refused for want of room, and nobody was told yet that there is some. */
  #isExhausted = false
  #isClosing = false
  readonly #closed = new Settlement<void>()
  #closeTimer: Timer | undefined
  #pumpTimer: Timer | undefined
  #pumpAtMs = Number.POSITIVE_INFINITY

  constructor(world: World, config: CompleteProducerConfig) {
    this.#world = world
    this.#config = config
    const { platform } = world
    const clientId = config.clientId ?? world.name.split('/').at(-1) ?? world.name
    this.#connections = new BrokerConnections(world, { ...config, clientId })
    this.#metadata = new ClusterMetadata(world, { ...config, clientId }, this.#connections, {
      allowAutoTopicCreation: true,
    })
    this.#metadata.changes.subscribe(() => this.#metadataChanged())
    this.#accumulator = new RecordAccumulator(config)
    this.#partitioning = new Partitioning(platform.random, config.batchSize, config.partitioner)
    this.#outbox = new ProduceOutbox(this.#connections, {
      ...config,
      encode: outgoing => this.#encode(outgoing),
      answered: (outgoing, answer) => this.#answered(outgoing, answer),
      leaderLearned: leader => void this.#metadata.learn(leader),
    })
    this.#deliveries = new ExpiryQueue(platform.clock, deadlineTickMs, batches => {
      for (const batch of batches) this.#expire(batch)
    })
    this.#unplaced = new UnplacedRecords(platform.clock, config.maxBlockMs, unplaced =>
      this.#settleFailed(unplaced, this.#neverPlaced(unplaced)),
    )
    this.#root = world.start(producerMachine, {
      path: world.name,
      input: {
        isIdempotent: config.enableIdempotence,
        retryBackoffMs: config.retryBackoffMs,
        retryBackoffMaxMs: config.retryBackoffMaxMs,
      },
      performers: {
        'producerId.acquire': (_command, send) => {
          this.#connections
            .request('any', InitProducerId, {
              transactionalId: null,
              transactionTimeoutMs: 0x7fff_ffff,
            })
            .subscribe({
              next: ({ errorCode, producerId, producerEpoch }) =>
                send(
                  errorCode === errors.NONE
                    ? { type: 'producerId.acquired', producerId, producerEpoch }
                    : { type: 'producerId.refused', errorCode },
                ),
              error: ({ code }: KafkaError) =>
                send({ type: 'producerId.refused', errorCode: code }),
            })
        },
        'identity.announce': ({ producerId, producerEpoch }) => {
          for (const sender of this.#senders.values())
            sender.send({ type: 'identity.assigned', producerId, producerEpoch })
          if (config.enableIdempotence)
            this.#events.next({ type: 'identified', producerId, producerEpoch })
          this.#pumpSoon()
        },
        'failure.announce': ({ errorCode }) => this.#fail(errorCode),
        'batches.flush': (_command, send) => {
          this.#flush().subscribe(() => send({ type: 'batches.settled' }))
        },
        'producer.close': () => this.#close(),
      },
    })
  }

  get state(): string {
    return stateName(this.#root.getSnapshot().value)
  }

  get producerId(): number {
    return this.#root.getSnapshot().context.producerId
  }

  get producerEpoch(): number {
    return this.#root.getSnapshot().context.producerEpoch
  }

  get pendingRecords(): number {
    return this.#pendingRecords
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  get availableBytes(): number {
    return Math.max(0, this.#config.bufferMemory - this.#pendingBytes)
  }

  get events(): Observable<ProducerEvent> {
    return this.#events.asObservable()
  }

  send(record: ProducerRecord): Observable<RecordMetadata> {
    const settlement = new Settlement<RecordMetadata>()
    const { clock } = this.#world.platform
    const encoded = { ...newRecord(record), timestamp: record.timestamp ?? clock.now() }
    const sizeBytes = sizeOf(encoded)
    const refusal = this.#refusal(sizeBytes)
    if (refusal !== undefined) {
      settlement.fail(refusal)
      return settlement.observable
    }
    this.#pendingRecords++
    this.#pendingBytes += sizeBytes
    const { topic, partition } = record
    const taken = ++this.#taken
    const unplaced: Unplaced = { topic, partition, record: encoded, sizeBytes, settlement, taken }
    // Behind those that wait already, or records of one partition would overtake each other.
    if (this.#unplaced.has(topic) || !this.#place(unplaced)) {
      this.#unplaced.add(unplaced)
      if (this.#metadata.topic(topic) === undefined) this.#metadata.care([topic])
      else this.#metadata.requestUpdate()
    }
    return settlement.observable
  }

  flush(): Observable<void> {
    return this.#flush()
  }

  close(options: { readonly timeoutMs?: number } = {}): Observable<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      const { clock } = this.#world.platform
      if (options.timeoutMs !== undefined)
        this.#closeTimer = clock.setTimeout(
          () => this.#fail(errors.REQUEST_TIMED_OUT),
          options.timeoutMs,
        )
      this.#root.send({ type: 'close.requested' })
    }
    return this.#closed.observable
  }

  #refusal(sizeBytes: number): KafkaError | undefined {
    const { maxRequestSize, bufferMemory } = this.#config
    if (this.#isClosing) return clientError('CLIENT_CLOSED', 'the producer is closed')
    if (this.#failure !== undefined) return this.#failure
    if (sizeBytes > maxRequestSize)
      return kafkaError(
        errors.MESSAGE_TOO_LARGE,
        `a record of ${sizeBytes} bytes; maxRequestSize is ${maxRequestSize}`,
      )
    if (this.#pendingBytes + sizeBytes > bufferMemory) {
      this.#isExhausted = true
      return clientError(
        'BUFFER_EXHAUSTED',
        `${this.#pendingBytes} bytes wait for their answers; bufferMemory is ${bufferMemory}`,
      )
    }
    return undefined
  }

  /** Puts a record into a batch of its partition; false while that partition is not known. */
  #place(unplaced: Unplaced): boolean {
    const { settlement, record, sizeBytes, taken } = unplaced
    const topic = this.#metadata.topic(unplaced.topic)
    if (topic === undefined) return false
    if (isFinalOfTopic(topic.errorCode)) {
      this.#settleFailed(unplaced, kafkaError(topic.errorCode, `topic "${topic.name}"`))
      return true
    }
    if (topic.partitions.length === 0) return false
    const partition = unplaced.partition ?? this.#partitioning.choose(topic, record, sizeBytes)
    if (topic.partitions[partition] === undefined) return false
    const tp: TopicPartition = { topic: topic.name, partition }
    const key = printPartition(tp)
    this.#sender(key, tp)
    const nowMs = this.#world.platform.clock.now()
    const { batch, isNew } = this.#accumulator.append(
      key,
      tp,
      { record, sizeBytes, settlement, taken },
      nowMs,
    )
    if (isNew) this.#deliveries.touch(batch.batch, this.#config.deliveryTimeoutMs)
    this.#pumpSoon(
      this.#flushes.length > 0 ? 0 : Math.max(0, (this.#accumulator.readyAtMs(key) ?? 0) - nowMs),
    )
    return true
  }

  #neverPlaced({ topic, partition }: Unplaced): KafkaError {
    const what = partition === undefined ? `topic "${topic}"` : `partition ${topic}-${partition}`
    const after = `in the metadata after ${this.#config.maxBlockMs} ms (maxBlockMs)`
    const error = this.#metadata.topic(topic)?.errorCode ?? errors.NONE
    const because = error === errors.NONE ? '' : `: ${kafkaError(error).name}`
    return kafkaError(errors.REQUEST_TIMED_OUT, `${what} was not ${after}${because}`)
  }

  #metadataChanged(): void {
    // A partition beyond the topic's may yet be added; nothing else would ask again.
    if (!this.#unplaced.placeAll(unplaced => this.#place(unplaced))) this.#metadata.requestUpdate()
    for (const sender of this.#senders.values()) this.#tellLeader(sender)
    this.#pumpSoon()
  }

  #tellLeader(sender: SenderRoot): void {
    const { topic, partition, topicId, leaderId, leaderEpoch } = sender.getSnapshot().context
    const known = this.#metadata.partition({ topic, partition })
    if (known === undefined) return
    const isNews =
      known.leaderId !== leaderId || known.leaderEpoch !== leaderEpoch || known.topicId !== topicId
    if (isNews)
      sender.send({
        type: 'leader.learned',
        topicId: known.topicId,
        leaderId: known.leaderId,
        leaderEpoch: known.leaderEpoch,
      })
  }

  #sender(key: string, { topic, partition }: TopicPartition): SenderRoot {
    const existing = this.#senders.get(key)
    if (existing !== undefined) return existing
    const {
      enableIdempotence,
      maxInFlightRequestsPerConnection,
      retryBackoffMs,
      retryBackoffMaxMs,
    } = this.#config
    const sender = this.#world.start(partitionSenderMachine, {
      path: `${this.#world.name}/partition/${key}`,
      input: {
        topic,
        partition,
        isIdempotent: enableIdempotence,
        underWayMax: maxInFlightRequestsPerConnection,
        retryBackoffMs,
        retryBackoffMaxMs,
      },
      performers: {
        'batch.send': ({ type: _type, ...command }) => {
          this.#outbox.add({ topic, partition, ...command })
          this.#pumpSoon()
        },
        'batch.complete': ({ batch, baseOffset, logAppendTimeMs }) =>
          this.#complete(batch, baseOffset, logAppendTimeMs),
        'batches.fail': ({ batches, errorCode }) => {
          for (const batch of batches) this.#failBatch(batch, errorCode)
        },
        'batch.divide': ({ batch }, send) => {
          const whole = this.#accumulator.batch(batch)
          if (whole === undefined) return
          const parts = this.#accumulator.divide(key, whole)
          this.#deliveries.remove(batch)
          this.#details.delete(batch)
          for (const part of parts) this.#deliveries.touch(part.batch, this.#deliveryLeftMs(part))
          send({
            type: 'batch.divided',
            batch,
            parts: parts.map(part => ({ batch: part.batch, recordCount: part.records.length })),
          })
        },
        'metadata.refresh': () => this.#metadata.requestUpdate(),
        'gap.report': ({ producerEpoch }) => this.#root.send({ type: 'gap.found', producerEpoch }),
        'fencing.report': ({ errorCode }) =>
          this.#root.send({ type: 'fencing.received', errorCode }),
      },
    })
    this.#senders.set(key, sender)
    this.#tellLeader(sender)
    const { producerId, producerEpoch } = this
    if (producerId >= 0) sender.send({ type: 'identity.assigned', producerId, producerEpoch })
    return sender
  }

  #pumpSoon(delayMs = 0): void {
    const { clock } = this.#world.platform
    const atMs = clock.now() + delayMs
    if (atMs >= this.#pumpAtMs) return
    clock.clearTimeout(this.#pumpTimer)
    this.#pumpAtMs = atMs
    this.#pumpTimer = clock.setTimeout(() => this.#pump(), delayMs)
  }

  /** Hands over what is ready and may go, sends it, and sees to it that the rest is looked at again. */
  #pump(): void {
    this.#pumpAtMs = Number.POSITIVE_INFINITY
    const nowMs = this.#world.platform.clock.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const key of this.#accumulator.waiting) {
      const sender = this.#senders.get(key)
      if (sender === undefined) continue
      for (;;) {
        const readyAtMs = this.#accumulator.readyAtMs(key)
        if (readyAtMs === undefined) break
        if (readyAtMs > nowMs && this.#flushes.length === 0) {
          nextMs = Math.min(nextMs, readyAtMs)
          break
        }
        if (!maySend(sender.getSnapshot())) break
        const batch = this.#accumulator.drain(key)
        if (batch === undefined) break
        sender.send({
          type: 'batch.drained',
          batch: batch.batch,
          recordCount: batch.records.length,
        })
      }
    }
    this.#outbox.flush()
    if (nextMs < Number.POSITIVE_INFINITY) this.#pumpSoon(nextMs - nowMs)
  }

  #encode({ batch, producerId, producerEpoch, baseSequence }: Outgoing): Uint8Array | undefined {
    const pending = this.#accumulator.batch(batch)
    if (pending === undefined) return undefined
    const { compressionType, compression } = this.#config
    return encodeBatch({
      records: pending.records.map(({ record }): NewRecord => record),
      producerId,
      producerEpoch,
      baseSequence,
      compression: { codec: compressionType, by: compression },
    })
  }

  #answered({ topic, partition, batch }: Outgoing, answer: ProduceAnswer): void {
    const sender = this.#senders.get(printPartition({ topic, partition }))
    const { errorCode, errorMessage, baseOffset, logAppendTimeMs } = answer
    if (errorMessage !== null) this.#details.set(batch, errorMessage)
    sender?.send(
      errorCode === errors.NONE
        ? { type: 'batch.acknowledged', batch, baseOffset, logAppendTimeMs }
        : { type: 'batch.refused', batch, errorCode },
    )
    this.#pumpSoon()
  }

  #deliveryLeftMs({ createdAtMs }: PendingBatch): number {
    const { clock } = this.#world.platform
    return Math.max(0, createdAtMs + this.#config.deliveryTimeoutMs - clock.now())
  }

  #expire(number: number): void {
    const batch = this.#accumulator.batch(number)
    if (batch === undefined) return
    if (batch.isDrained)
      this.#senders.get(printPartition(batch))?.send({ type: 'batch.expired', batch: number })
    else this.#failBatch(number, errors.REQUEST_TIMED_OUT)
    this.#pumpSoon()
  }

  #complete(number: number, baseOffset: number, logAppendTimeMs: number): void {
    const batch = this.#forget(number)
    if (batch === undefined) return
    const { topic, partition } = batch
    batch.records.forEach((pending, at) => {
      const { settlement, record } = pending
      settlement.succeed({
        topic,
        partition,
        offset: baseOffset < 0 ? -1 : baseOffset + at,
        timestamp: logAppendTimeMs < 0 ? record.timestamp : logAppendTimeMs,
      })
      this.#settled(pending)
    })
  }

  #failBatch(number: number, errorCode: ErrorCode): void {
    const detail = this.#details.get(number)
    const batch = this.#forget(number)
    if (batch === undefined) return
    const error =
      errorCode === errors.REQUEST_TIMED_OUT
        ? kafkaError(errorCode, `not delivered in time${detail === undefined ? '' : `: ${detail}`}`)
        : kafkaError(errorCode, detail)
    for (const pending of batch.records) this.#settleFailed(pending, error)
  }

  #forget(number: number): PendingBatch | undefined {
    const batch = this.#accumulator.batch(number)
    if (batch !== undefined) this.#accumulator.remove(printPartition(batch), batch)
    this.#deliveries.remove(number)
    this.#details.delete(number)
    return batch
  }

  #settled({ sizeBytes, taken }: PendingRecord): void {
    this.#pendingRecords--
    this.#pendingBytes -= sizeBytes
    // Half: one record's room would only be followed by the next refusal.
    if (this.#isExhausted && this.#pendingBytes * 2 <= this.#config.bufferMemory) {
      this.#isExhausted = false
      if (this.#failure === undefined && !this.#isClosing)
        this.#events.next({ type: 'available', availableBytes: this.availableBytes })
    }
    for (const flush of this.#flushes) {
      if (taken > flush.upTo || --flush.left > 0) continue
      this.#flushes = this.#flushes.filter(other => other !== flush)
      flush.done.succeed()
    }
  }

  #settleFailed(pending: PendingRecord, error: KafkaError): void {
    pending.settlement.fail(error)
    this.#settled(pending)
  }

  /** Nothing is sent any more: all that waits fails. */
  #fail(errorCode: ErrorCode): void {
    const error = kafkaError(errorCode)
    if (this.#failure !== undefined) return
    this.#failure = error
    for (const sender of this.#senders.values()) sender.send({ type: 'producer.failed', errorCode })
    for (const unplaced of this.#unplaced.clear()) this.#settleFailed(unplaced, error)
    for (const key of this.#accumulator.waiting)
      for (let batch = this.#accumulator.drain(key); batch; batch = this.#accumulator.drain(key))
        this.#failBatch(batch.batch, errorCode)
    if (fencingErrors.has(errorCode)) this.#events.next({ type: 'fenced', error })
    this.#events.next({ type: 'failed', error })
  }

  #flush(): Observable<void> {
    const done = new Settlement<void>()
    if (this.#pendingRecords === 0) done.succeed()
    else {
      const flush = { upTo: this.#taken, left: this.#pendingRecords, done }
      this.#flushes = [...this.#flushes, flush]
      this.#pumpSoon()
    }
    return done.observable
  }

  #close(): void {
    const { clock } = this.#world.platform
    clock.clearTimeout(this.#pumpTimer)
    clock.clearTimeout(this.#closeTimer)
    this.#deliveries.stop()
    this.#unplaced.clear()
    for (const sender of this.#senders.values()) sender.stop()
    this.#metadata.close()
    this.#connections.close()
    this.#events.next({ type: 'closed' })
    this.#events.complete()
    this.#closed.succeed()
  }
}
