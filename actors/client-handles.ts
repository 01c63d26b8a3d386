/// <reference lib="esnext.disposable" preserve="true" />
import { firstValueFrom, type Observable } from 'rxjs'
import type { Platform } from '../src/ports.ts'
import type { Admin } from './client/admin-config.ts'
import type { CommittedOffset, Consumer, OffsetToCommit } from './client/consumer-config.ts'
import type { Producer, ProducerRecord, RecordMetadata } from './client/producer-config.ts'

/** An Observable's one answer as a promise; a stepping clock runs while it is waited for. */
export const promised = <T>(platform: Platform, observable: Observable<T>): Promise<T> =>
  platform.waiting(firstValueFrom(observable, { defaultValue: undefined as T }))

/** A producer whose answers are promises. */
export interface ProducerHandle extends AsyncDisposable {
  readonly producer: Producer
  /** Resolves when it is acknowledged. @throws KafkaError */
  send(record: ProducerRecord): Promise<RecordMetadata>
  flush(): Promise<void>
  close(): Promise<void>
}

/** A consumer whose answers are promises; records and events come as Observables. */
export interface ConsumerHandle extends AsyncDisposable {
  readonly consumer: Consumer
  readonly batches: Consumer['batches']
  readonly events: Consumer['events']
  commit(offsets?: readonly OffsetToCommit[]): Promise<readonly CommittedOffset[]>
  /** Leaves the group in good order. */
  close(): Promise<void>
  /** Dies without a word: its group notices when the session timeout is over. */
  kill(): void
}

type Answer<F> = F extends (...args: infer A) => Observable<infer T>
  ? (...args: A) => Promise<T>
  : F

/** An admin client whose answers are promises. */
export type AdminHandle = { readonly [K in keyof Admin]: Answer<Admin[K]> }

export function producerHandle(
  platform: Platform,
  producer: Producer,
  ended: () => void,
): ProducerHandle {
  const close = async (): Promise<void> => {
    await promised(platform, producer.close())
    ended()
  }
  return {
    producer,
    send: record => promised(platform, producer.send(record)),
    flush: () => promised(platform, producer.flush()),
    close,
    [Symbol.asyncDispose]: close,
  }
}

export function consumerHandle(
  platform: Platform,
  consumer: Consumer,
  ended: () => void,
): ConsumerHandle {
  const close = async (): Promise<void> => {
    await promised(platform, consumer.close())
    ended()
  }
  return {
    consumer,
    batches: consumer.batches,
    events: consumer.events,
    commit: offsets => promised(platform, consumer.commit(offsets)),
    close,
    kill: ended,
    [Symbol.asyncDispose]: close,
  }
}

export function adminHandle(platform: Platform, admin: Admin, ended: () => void): AdminHandle {
  return new Proxy(admin, {
    get: (target, name: keyof Admin) =>
      name === 'close'
        ? () => {
            target.close()
            ended()
          }
        : (...args: never[]) =>
            promised(
              platform,
              (target[name] as (...args: never[]) => Observable<unknown>)(...args),
            ),
  }) as never as AdminHandle
}
