/**
 * How a test speaks to a client in a process of its own: one line of JSON each way. A command has an `id`, its answer the same; between
 * them come events. The drivers in Python speak it too.
 */
import { createInterface } from 'node:readline'

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface JoinOptions {
  readonly groupId: string
  readonly topic: string
  /** `group.instance.id`: a static member. */
  readonly instanceId?: string
  /** With the assignor cooperative-sticky. */
  readonly cooperative?: boolean
  readonly sessionTimeoutMs?: number
}

export interface ProduceOptions {
  readonly topic: string
  /** To this one partition. */
  readonly partition: number
  readonly codec: Codec
  readonly values: readonly string[]
}

/** What a client's own admin calls answered; a client leaves out what it has no call for. */
export interface AdminAnswers {
  /** Ids, sorted. */
  readonly brokers?: readonly number[]
  readonly controller?: number
  /** How many the topic has after two were added to its two. */
  readonly partitions?: number
  /** The topic's `retention.ms` after it was set to 123456. */
  readonly retentionMs?: string
  /** Whether the group is among those listed. */
  readonly listsGroup?: boolean
  /** The group's state as described. */
  readonly groupState?: string
  /** What the group has committed for partition 0, or 3 after it was set to that. */
  readonly committed?: number
  /** Where partition 0 begins after the records before 2 were deleted. */
  readonly beginning?: number
  /** Where partition 0 ends. */
  readonly end?: number
  /** Whether the group is listed still after it was deleted. */
  readonly groupIsLeft?: boolean
  /** Whether the topic is listed still after it was deleted. */
  readonly topicIsLeft?: boolean
}

/** What a driver does with its client. All of it is done when the promise resolves. */
export interface Driver {
  /** Of the client, and of the library below it. */
  version(): Promise<string>
  createTopic(options: { readonly topic: string; readonly partitions: number }): Promise<void>
  /** With acks of all; resolves when all are acknowledged. */
  produce(options: ProduceOptions): Promise<void>
  /**
   * Writes the numbers `from` to `to` to partition 0, with idempotence where the client has it and no more under way than keeps the order, by
   * one producer that goes on over several calls.
   */
  write(options: {
    readonly topic: string
    readonly from: number
    readonly to: number
    /** The producer ends with it. */
    readonly isLast?: boolean
  }): Promise<void>
  /** Joins a group, reads from the earliest record, says what it is assigned and what it reads. Commits only when told to. */
  join(options: JoinOptions): Promise<void>
  /** Commits what it has read. */
  commit(options: object): Promise<void>
  /** Leaves its group in good order, having committed. */
  leave(options: object): Promise<void>
  /** Everything that its admin has, on a topic of two partitions with five records in partition 0 and an empty group. */
  admin(options: { readonly topic: string; readonly groupId: string }): Promise<AdminAnswers>
}

export type DriverEvent =
  | { readonly event: 'assigned'; readonly partitions: readonly number[] }
  | {
      readonly event: 'record'
      readonly partition: number
      readonly offset: number
      readonly value: string
    }

export const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

/** Serves commands from stdin until it ends. */
export function serve(driver: Driver): void {
  createInterface({ input: process.stdin })
    .on('line', async line => {
      const { id, command, ...options } = JSON.parse(line)
      try {
        tell({ id, answer: (await driver[command as keyof Driver](options)) ?? null })
      } catch (error) {
        tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
      }
    })
    .on('close', () => process.exit())
}

/** What a driver is started with. */
export const bootstrapServers = (): string[] => (process.argv[2] ?? '').split(',')
