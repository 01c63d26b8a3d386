import { map, type Observable, of } from 'rxjs'
import type { Assignments } from '../../src/group/assignors/assignor.ts'
import type { JoinGroupResponse } from '../../src/protocol/index.ts'
import type { ClusterMetadata } from './cluster-metadata.ts'
import { assignors, subscribed } from './group-requests.ts'

/** What the leader of a group does for it: it assigns partitions to all members, and watches whether their topics change. */
export class GroupLeader {
  readonly #metadata: ClusterMetadata
  /** Partitions by topic when they were assigned last. */
  #counts: ReadonlyMap<string, number> | undefined

  constructor(metadata: ClusterMetadata) {
    this.#metadata = metadata
  }

  /** Emits the assignment once all topics that the members subscribe to are known. */
  assign(joined: JoinGroupResponse): Observable<Assignments> {
    const members = subscribed(joined)
    const topics = [...new Set(members.flatMap(one => one.topics))]
    this.#metadata.care(topics)
    const areKnown = topics.every(topic => this.#metadata.topic(topic) !== undefined)
    return (areKnown ? of(undefined) : this.#metadata.refreshed()).pipe(
      map(() => {
        this.#counts = this.#count(topics)
        const assignor = Object.values(assignors).find(({ name }) => name === joined.protocolName)
        return assignor?.assign(members, this.#counts) ?? new Map()
      }),
    )
  }

  /** Another leads the group now. */
  resign(): void {
    this.#counts = undefined
  }

  /** Whether what it assigned is no longer all there is. */
  get isOutdated(): boolean {
    const counts = this.#counts
    if (counts === undefined) return false
    return [...this.#count(counts.keys())].some(([topic, count]) => count !== counts.get(topic))
  }

  #count(topics: Iterable<string>): Map<string, number> {
    const counts = new Map<string, number>()
    for (const topic of topics)
      counts.set(topic, this.#metadata.topic(topic)?.partitions.length ?? 0)
    return counts
  }
}
