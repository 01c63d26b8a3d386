import { concatMap, defer, map, Observable, of, throwError } from 'rxjs'
import { type ErrorCode, errors } from '../../src/error.ts'
import { noBroker, printPartition, type TopicPartition } from '../../src/ids.ts'
import type { World } from '../world.ts'
import type { ClientConfig, Complete } from './client-config.ts'
import type { CommittedOffset, OffsetToCommit } from './consumer-config.ts'
import type { CommittedAnswer, GroupRequests, Speaker } from './group-requests.ts'
import { type KafkaError, kafkaError } from './kafka-error.ts'
import { retried } from './retry.ts'
import { Settlement } from './settlement.ts'

/** What commits need of their consumer. */
export interface CommitOwner {
  /** Null while it is no member. */
  speaker(): (Speaker & { readonly round: number }) | null
  /** What the coordinator refused may end the membership. */
  refused(round: number, errorCode: ErrorCode): void
  committed(offsets: readonly CommittedOffset[]): void
}

/** `default.api.timeout.ms`: how long a commit is tried. */
const apiTimeoutMs = 60_000

/** A commit that waits for those before it, or is under way. */
interface Commit {
  readonly offsets: readonly OffsetToCommit[]
  readonly timeoutMs: number
  readonly madeAtMs: number
  /** The membership it was made in: in another the offsets may be another member's. */
  readonly madeBy: Speaker | null
  readonly settlement: Settlement<readonly CommittedOffset[]>
}

/**
 * Commits of one consumer, one after another, so that an earlier one that is tried again never takes back a later one; retried while that may
 * help. After ConsumerCoordinator's OffsetCommitResponseHandler.
 */
export class Commits {
  readonly #world: World
  readonly #config: Complete<ClientConfig>
  readonly #group: GroupRequests
  readonly #owner: CommitOwner
  /** The first is under way. */
  readonly #commits: Commit[] = []

  constructor(
    world: World,
    config: Complete<ClientConfig>,
    group: GroupRequests,
    owner: CommitOwner,
  ) {
    this.#world = world
    this.#config = config
    this.#group = group
    this.#owner = owner
  }

  /** Commits, at the call; the Observable tells how it went, to whoever subscribes. */
  commit(
    offsets: readonly OffsetToCommit[],
    { timeoutMs = apiTimeoutMs }: { readonly timeoutMs?: number } = {},
  ): Observable<readonly CommittedOffset[]> {
    const settlement = new Settlement<readonly CommittedOffset[]>()
    if (offsets.length === 0) {
      settlement.succeed([])
      return settlement.observable
    }
    this.#commits.push({
      offsets,
      timeoutMs,
      madeAtMs: this.#world.platform.clock.now(),
      madeBy: this.#owner.speaker(),
      settlement,
    })
    if (this.#commits.length === 1) this.#begin()
    return settlement.observable
  }

  get isIdle(): boolean {
    return this.#commits.length === 0
  }

  #begin(): void {
    const [commit] = this.#commits
    if (commit === undefined) return
    const { offsets, timeoutMs, madeAtMs, madeBy, settlement } = commit
    const leftMs = Math.max(0, madeAtMs + timeoutMs - this.#world.platform.clock.now())
    const over = (settle: () => void): void => {
      this.#commits.shift()
      settle()
      this.#begin()
    }
    retried(this.#world, this.#config, leftMs, () => this.#attempt(offsets, madeBy)).subscribe({
      next: committed =>
        over(() => {
          this.#owner.committed(committed)
          settlement.succeed(committed)
        }),
      error: error => over(() => settlement.fail(error)),
    })
  }

  /** Emits when no commit is under way of those there are now. */
  idle(): Observable<void> {
    return new Observable(subscriber => {
      let left = this.#commits.length
      const done = (): void => {
        if (left-- > 0) return
        subscriber.next()
        subscriber.complete()
      }
      for (const { settlement } of [...this.#commits])
        subscriber.add(settlement.observable.subscribe({ next: done, error: done }))
      done()
    })
  }

  /** What the group has committed, retried. */
  committed(partitions: readonly TopicPartition[]): Observable<readonly CommittedOffset[]> {
    return retried(this.#world, this.#config, apiTimeoutMs, () =>
      this.ask(partitions).pipe(
        map(answers =>
          answers.map(({ topic, partition, errorCode, offset, leaderEpoch, metadata }) => {
            if (errorCode !== errors.NONE) throw kafkaError(errorCode)
            return { topic, partition, offset, leaderEpoch, metadata }
          }),
        ),
      ),
    )
  }

  /** The same once, with a code for each partition. */
  ask(partitions: readonly TopicPartition[]): Observable<readonly CommittedAnswer[]> {
    return defer(() => {
      const speaker = this.#owner.speaker()
      if (speaker === null || speaker.coordinatorId === noBroker)
        return throwError(() => kafkaError(errors.COORDINATOR_NOT_AVAILABLE))
      return this.#group.committed(speaker.coordinatorId, partitions).pipe(
        map(answers => {
          this.#tell(speaker.round, answers[0]?.errorCode ?? errors.NONE)
          return answers
        }),
      )
    })
  }

  #attempt(
    offsets: readonly OffsetToCommit[],
    madeBy: Speaker | null,
  ): Observable<readonly CommittedOffset[]> {
    const speaker = this.#owner.speaker()
    if (speaker === null || madeBy === null)
      return throwError(() => kafkaError(errors.UNKNOWN_MEMBER_ID, 'the consumer is no member now'))
    if (speaker.memberId !== madeBy.memberId || speaker.generationId !== madeBy.generationId)
      return throwError(() => kafkaError(errors.ILLEGAL_GENERATION, 'the group has rebalanced'))
    if (speaker.coordinatorId === noBroker)
      return throwError(() => kafkaError(errors.COORDINATOR_NOT_AVAILABLE))
    return new Observable<readonly CommittedOffset[]>(subscriber =>
      this.#group
        .commit(speaker, offsets)
        .pipe(
          concatMap(answers => {
            const refused = answers.find(({ errorCode }) => errorCode !== errors.NONE)
            if (refused === undefined) return of(offsets.map(committedOffset))
            const what = `${printPartition(refused)} at commit`
            return throwError(() => kafkaError(refused.errorCode, what))
          }),
        )
        .subscribe({
          next: committed => subscriber.next(committed),
          complete: () => subscriber.complete(),
          error: (error: KafkaError) => {
            this.#tell(speaker.round, error.code)
            subscriber.error(error)
          },
        }),
    )
  }

  #tell(round: number, errorCode: ErrorCode): void {
    if (errorCode !== errors.NONE) this.#owner.refused(round, errorCode)
  }
}

const committedOffset = ({
  topic,
  partition,
  offset,
  leaderEpoch = -1,
  metadata = '',
}: OffsetToCommit): CommittedOffset => ({ topic, partition, offset, leaderEpoch, metadata })
