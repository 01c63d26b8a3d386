import type { Subscription } from 'rxjs'
import type { TopicPartition } from '../../src/ids.ts'
import type { Commits } from './commits.ts'
import type { CompleteConsumerConfig, OffsetToCommit } from './consumer-config.ts'
import type { Delivery } from './delivery.ts'
import type { PartitionReader } from './partition-reader.ts'

/** Partitions on their way out. */
interface Revocation {
  readonly number: number
  readonly readers: readonly PartitionReader[]
  /** Set once they are being committed. */
  commit: Subscription | null
}

export interface RevocationOwner {
  /** Tells the application; what it commits on hearing of it still counts. */
  announce(partitions: readonly TopicPartition[]): void
  drop(reader: PartitionReader): void
  revoked(number: number): void
}

/** What is acknowledged of some partitions. */
export const committable = (readers: Iterable<PartitionReader>): OffsetToCommit[] =>
  [...readers].flatMap(({ topic, partition, context }) => {
    const { acknowledged: offset, acknowledgedEpoch: leaderEpoch } = context
    return offset === null ? [] : [{ topic, partition, offset, leaderEpoch }]
  })

/** The same without what is committed already. */
export const uncommitted = (readers: Iterable<PartitionReader>): OffsetToCommit[] =>
  committable([...readers].filter(one => one.context.acknowledged !== one.committed))

/**
 * How partitions are given up in good order: what the application has of them is waited for, what it acknowledged is committed, it is
 * told, and what it commits then is waited for. After ConsumerCoordinator.onJoinPrepare.
 */
export class Revocations {
  readonly #config: CompleteConsumerConfig
  readonly #delivery: Delivery
  readonly #commits: Commits | undefined
  readonly #owner: RevocationOwner
  #pending: Revocation[] = []
  #isImpatient = false

  constructor(
    config: CompleteConsumerConfig,
    delivery: Delivery,
    commits: Commits | undefined,
    owner: RevocationOwner,
  ) {
    this.#config = config
    this.#delivery = delivery
    this.#commits = commits
    this.#owner = owner
  }

  begin(number: number, readers: readonly PartitionReader[]): void {
    for (const reader of readers) reader.isLeaving = true
    this.#pending.push({ number, readers, commit: null })
    this.proceed()
  }

  /** They are another's already: nothing is waited for. */
  cancel(readers: readonly PartitionReader[]): void {
    this.#pending = this.#pending.filter(
      revocation => !revocation.readers.some(reader => readers.includes(reader)),
    )
  }

  /** From now on nothing waits for the application. */
  hurry(): void {
    this.#isImpatient = true
    this.proceed()
  }

  /** Something was acknowledged: takes those a step on that waited for it. */
  proceed(): void {
    for (const revocation of [...this.#pending]) {
      const { readers, commit } = revocation
      const isBusy = readers.some(reader => this.#delivery.isBusy(reader))
      if (commit !== null || (isBusy && !this.#isImpatient)) continue
      const offsets = this.#config.enableAutoCommit ? uncommitted(readers) : []
      const finish = (): void => this.#finish(revocation)
      if (this.#commits === undefined) finish()
      else
        revocation.commit = this.#commits
          .commit(offsets, { timeoutMs: this.#config.rebalanceTimeoutMs })
          .subscribe({ next: finish, error: finish })
    }
  }

  #finish(revocation: Revocation): void {
    if (!this.#pending.includes(revocation)) return
    const { readers, number } = revocation
    if (readers.length > 0)
      this.#owner.announce(readers.map(({ topic, partition }) => ({ topic, partition })))
    const gone = (): void => {
      if (!this.#pending.includes(revocation)) return
      this.#pending = this.#pending.filter(other => other !== revocation)
      for (const reader of readers) this.#owner.drop(reader)
      this.#owner.revoked(number)
    }
    if (this.#commits === undefined) gone()
    else this.#commits.idle().subscribe(gone)
  }
}
