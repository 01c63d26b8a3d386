import { Observable } from 'rxjs'
import { type CallbackActorLogic, fromCallback } from 'xstate'
import type { TopicPartition } from '../../src/ids.ts'
import type { Platform } from '../../src/ports.ts'
import { Process } from '../process.ts'
import { Registry } from '../registry.ts'
import { Trace } from '../trace.ts'
import { createWorld, type World } from '../world.ts'
import { startConsumer } from './consumer.ts'
import type {
  ConsumedBatch,
  Consumer,
  ConsumerConfig,
  ConsumerEvent,
  OffsetToCommit,
} from './consumer-config.ts'
import { KafkaError, kafkaError } from './kafka-error.ts'
import { startProducer } from './producer.ts'
import type {
  Producer,
  ProducerConfig,
  ProducerEvent,
  ProducerRecord,
  RecordMetadata,
} from './producer-config.ts'

/** Where clients that are invoked leave their trace. */
export interface LogicOptions {
  /** A cluster's, so that its story and theirs are one. Default: one of their own. */
  readonly trace?: Trace
}

/** An event under another name: `assigned` becomes `consumer.assigned`. */
type Prefixed<P extends string, E extends { readonly type: string }> = E extends unknown
  ? Omit<E, 'type'> & { readonly type: `${P}.${E['type']}` }
  : never

/** What an invoked consumer tells its parent. */
export type ConsumerActorEvent =
  /** `batch` is its number: for `acknowledge`, where an event should carry no function. */
  | ({ readonly type: 'consumer.records'; readonly batch: number } & ConsumedBatch)
  | Prefixed<'consumer', ConsumerEvent>

/** What it takes. */
export type ConsumerActorCommand =
  | { readonly type: 'acknowledge'; readonly batch: number }
  /** Without offsets: all that is acknowledged. Answered by `consumer.committed` or `consumer.error`. */
  | { readonly type: 'commit'; readonly offsets?: readonly OffsetToCommit[] }
  | {
      readonly type: 'seek'
      readonly partition: TopicPartition
      readonly offset: number | 'earliest' | 'latest'
    }
  | { readonly type: 'pause'; readonly partitions: readonly TopicPartition[] }
  | { readonly type: 'resume'; readonly partitions: readonly TopicPartition[] }

/** What an invoked producer tells its parent; `id` is the one its `send` came with. */
export type ProducerActorEvent =
  | ({ readonly type: 'producer.sent'; readonly id: unknown } & RecordMetadata)
  | { readonly type: 'producer.refused'; readonly id: unknown; readonly error: KafkaError }
  | { readonly type: 'producer.flushed' }
  | Prefixed<'producer', ProducerEvent>

/** What it takes. */
export type ProducerActorCommand =
  | { readonly type: 'send'; readonly record: ProducerRecord; readonly id?: unknown }
  | { readonly type: 'flush' }

/** A world of one's own, for a client outside any cluster's registry. */
export function ownWorld(
  platform: Platform,
  name: string,
  trace: Trace | undefined,
  failed: (error: unknown) => void,
): { readonly world: World; end(): void } {
  const process = new Process(platform)
  const registry = new Registry(trace ?? new Trace(platform.clock))
  const end = (): void => {
    process.kill()
    registry.stopNode(`client/${name}`)
  }
  const world = createWorld({
    name: `client/${name}`,
    platform: process.platform,
    registry,
    failed: (_path, error) => {
      end()
      failed(error)
    },
  })
  return { world, end }
}

const asKafkaError = (error: unknown): KafkaError =>
  error instanceof KafkaError ? error : kafkaError(-1, String(error))

/**
 * A consumer as XState actor logic: `invoke: { src: consumer(platform), input: { bootstrapServers, groupId, topics } }`. It
 * runs as a root of its own on the platform's clock and tells its parent what happens ({@link ConsumerActorEvent}); when it is stopped
 * it commits and leaves its group.
 */
export const consumer = (
  platform: Platform,
  options: LogicOptions = {},
): CallbackActorLogic<
  ConsumerActorCommand,
  ConsumerConfig & { readonly name?: string },
  ConsumerActorEvent
> =>
  fromCallback(({ input: { name, ...config }, sendBack, receive, emit }) => {
    const tell = (event: ConsumerActorEvent): void => {
      sendBack(event)
      emit(event)
    }
    const fail = (error: unknown): void =>
      tell({ type: 'consumer.error', error: asKafkaError(error), fatal: true })
    const path = name ?? config.clientId ?? 'consumer'
    const { world, end } = ownWorld(platform, path, options.trace, fail)
    let running: Consumer
    try {
      running = startConsumer(world, config)
    } catch (error) {
      fail(error)
      return undefined
    }
    const unacknowledged = new Map<number, ConsumedBatch>()
    let lastBatch = 0
    running.events.subscribe(event =>
      tell({ ...event, type: `consumer.${event.type}` } as ConsumerActorEvent),
    )
    const reading = running.batches.subscribe(given => {
      const batch = ++lastBatch
      const ack = (): void => {
        unacknowledged.delete(batch)
        given.ack()
      }
      unacknowledged.set(batch, { ...given, ack })
      tell({ type: 'consumer.records', batch, ...given, ack })
    })
    receive(command => {
      try {
        switch (command.type) {
          case 'acknowledge':
            unacknowledged.get(command.batch)?.ack()
            break
          case 'commit':
            running.commit(command.offsets).subscribe({
              error: error =>
                tell({ type: 'consumer.error', error: asKafkaError(error), fatal: false }),
            })
            break
          case 'seek':
            running.seek(command.partition, command.offset)
            break
          case 'pause':
            running.pause(command.partitions)
            break
          case 'resume':
            running.resume(command.partitions)
            break
        }
      } catch (error) {
        tell({ type: 'consumer.error', error: asKafkaError(error), fatal: false })
      }
    })
    return () => {
      // Nobody will acknowledge what is out; the rest is committed.
      reading.unsubscribe()
      running.close({ timeoutMs: stopTimeoutMs }).subscribe(end)
    }
  })

/** How long a client that was stopped may take for its goodbye. */
const stopTimeoutMs = 1000

/**
 * A producer as XState actor logic: `invoke: { src: producer(platform), input: { bootstrapServers } }`. Send it `send`; it answers
 * each by `producer.sent` or `producer.refused`. When it is stopped it sends what waits.
 */
export const producer = (
  platform: Platform,
  options: LogicOptions = {},
): CallbackActorLogic<
  ProducerActorCommand,
  ProducerConfig & { readonly name?: string },
  ProducerActorEvent
> =>
  fromCallback(({ input: { name, ...config }, sendBack, receive, emit }) => {
    const tell = (event: ProducerActorEvent): void => {
      sendBack(event)
      emit(event)
    }
    const fail = (error: unknown): void =>
      tell({ type: 'producer.failed', error: asKafkaError(error) })
    const path = name ?? config.clientId ?? 'producer'
    const { world, end } = ownWorld(platform, path, options.trace, fail)
    let running: Producer
    try {
      running = startProducer(world, config)
    } catch (error) {
      fail(error)
      return undefined
    }
    running.events.subscribe(event =>
      tell({ ...event, type: `producer.${event.type}` } as ProducerActorEvent),
    )
    receive(command => {
      if (command.type === 'flush') {
        running.flush().subscribe(() => tell({ type: 'producer.flushed' }))
        return
      }
      const { record, id } = command
      running.send(record).subscribe({
        next: metadata => tell({ type: 'producer.sent', id, ...metadata }),
        error: error => tell({ type: 'producer.refused', id, error: asKafkaError(error) }),
      })
    })
    return () => {
      running.close().subscribe(end)
    }
  })

/**
 * Batches of a consumer that lives as long as somebody subscribes; unsubscribed it commits what is acknowledged and leaves. Fails with
 * the KafkaError that ends it.
 */
export const records$ = (
  platform: Platform,
  { name, ...config }: ConsumerConfig & { readonly name?: string },
  options: LogicOptions = {},
): Observable<ConsumedBatch> =>
  new Observable(subscriber => {
    const path = name ?? config.clientId ?? 'consumer'
    const { world, end } = ownWorld(platform, path, options.trace, error =>
      subscriber.error(asKafkaError(error)),
    )
    const running = startConsumer(world, config)
    running.events.subscribe(event => {
      if (event.type === 'error' && event.fatal) subscriber.error(event.error)
    })
    const reading = running.batches.subscribe(batch => subscriber.next(batch))
    return () => {
      reading.unsubscribe()
      running.close({ timeoutMs: stopTimeoutMs }).subscribe(end)
    }
  })
