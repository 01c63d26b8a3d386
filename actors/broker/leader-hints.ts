import type { BrokerId } from '../../src/ids.ts'
import type { BrokerWorld } from './broker-world.ts'

export interface NodeEndpoint {
  readonly nodeId: BrokerId
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/**
 * What an answer adds to "not I lead": who does, and where to find it, so that the client need not ask for metadata first (KIP-951:
 * Produce v10, Fetch v16). One for each answer.
 */
export class LeaderHints {
  readonly #broker: BrokerWorld
  readonly #listener: string
  readonly #endpoints = new Map<BrokerId, NodeEndpoint>()

  /** @param listener the one by which the client came in */
  constructor(broker: BrokerWorld, listener: string) {
    this.#broker = broker
    this.#listener = listener
  }

  /** The leader as far as this broker knows: by its own replica, else by what the controller told. −1 where there is none. */
  currentLeader(topic: string, partition: number): { leaderId: BrokerId; leaderEpoch: number } {
    const found = this.#broker.partitions.find(topic, partition)
    const known = this.#broker.metadata.partition(topic, partition)
    const { leaderId, leaderEpoch } =
      typeof found !== 'number'
        ? found
        : { leaderId: known?.leader ?? -1, leaderEpoch: known?.leaderEpoch ?? -1 }
    const live = this.#broker.metadata.broker(leaderId, this.#listener)
    if (live !== undefined) {
      const { id: nodeId, host, port, rack } = live
      this.#endpoints.set(nodeId, { nodeId, host, port, rack })
    }
    return { leaderId, leaderEpoch }
  }

  /** Where the leaders are that were named so far. */
  get nodeEndpoints(): readonly NodeEndpoint[] {
    return [...this.#endpoints.values()]
  }
}
