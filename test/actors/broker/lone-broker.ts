import { isObservable, lastValueFrom, type Observable } from 'rxjs'
import { BrokerConfigsRoom } from '../../../actors/broker/broker-configs.ts'
import type { BrokerChange, BrokerWorld } from '../../../actors/broker/broker-world.ts'
import type { Call, Handler } from '../../../actors/broker/handler.ts'
import { createPeers } from '../../../actors/broker/peers.ts'
import { createProducerIds } from '../../../actors/broker/producer-ids.ts'
import { Purgatory } from '../../../actors/broker/purgatory.ts'
import { TopicConfigsRoom } from '../../../actors/broker/topic-configs.ts'
import { Channel } from '../../../actors/channel.ts'
import type { Process } from '../../../actors/process.ts'
import { startZooKeeperClient } from '../../../actors/zookeeper/client.ts'
import { brokerConfig } from '../../../src/broker/config.ts'
import { MetadataCache } from '../../../src/broker/metadata-cache.ts'
import { partitionForGroup } from '../../../src/group/group-id.ts'
import type { TopicPartition } from '../../../src/ids.ts'
import type { Address } from '../../../src/ports.ts'
import {
  type Api,
  decodeResponse,
  encodeResponse,
  type RequestDraftOf,
  type RequestOf,
  type ResponseOf,
  struct,
  type UpdateMetadata,
  zeroOf,
} from '../../../src/protocol/index.ts'
import type { Ensemble } from '../zookeeper/ensemble.ts'

export type MetadataUpdate = RequestOf<typeof UpdateMetadata>

/** A broker's rooms on a real ZooKeeper, without partitions, groups and controller: for what asks none of them. */
export class LoneBroker {
  readonly world: BrokerWorld
  readonly process: Process
  readonly topicConfigs: TopicConfigsRoom
  readonly peers: ReturnType<typeof createPeers>
  readonly ensemble: Ensemble
  readonly changes: BrokerChange[] = []
  readonly deletedPartitions: TopicPartition[] = []

  constructor(
    ensemble: Ensemble,
    brokerId = 1,
    overrides: Readonly<Record<string, string | number | boolean>> = {},
  ) {
    this.ensemble = ensemble
    const { world, process } = ensemble.world(`broker-${brokerId}`)
    this.process = process
    const zookeeper = startZooKeeperClient(world, {
      servers: [ensemble.zookeeper.address as Address],
      sessionTimeoutMs: 2000,
      path: `${world.name}/zookeeper-client`,
    })
    const broker = {
      ...world,
      brokerId,
      brokerEpoch: 7,
      clusterId: 'the-cluster',
      config: brokerConfig(overrides, 'fast', 3),
      zookeeper,
      metadata: new MetadataCache(),
      changes: new Channel<BrokerChange>(),
      purgatory: new Purgatory(world.platform.clock),
      groups: {
        partitionFor: (groupId: string) => partitionForGroup(groupId, 4),
        partitionsDeleted: (partitions: readonly TopicPartition[]) =>
          this.deletedPartitions.push(...partitions),
      },
    }
    const brokerConfigs = new BrokerConfigsRoom(world, zookeeper, brokerId, broker.config)
    this.topicConfigs = new TopicConfigsRoom(broker as never, brokerConfigs)
    this.peers = createPeers(broker as never)
    this.world = Object.assign(broker, {
      brokerConfigs,
      topicConfigs: this.topicConfigs,
      peers: this.peers,
      producerIds: undefined,
    }) as never
    Object.assign(broker, { producerIds: createProducerIds(this.world) })
    this.world.changes.subscribe(change => this.changes.push(change))
  }

  /** Brokers 1 to n at `h1:9092` and so on, and topics with the leaders of their partitions. */
  learn(
    update: {
      brokers?: readonly number[]
      controller?: number
      topics?: Readonly<Record<string, readonly Partial<PartitionUpdate>[]>>
      topicIds?: Readonly<Record<string, string>>
      listener?: string
    } = {},
  ): void {
    const topics = Object.entries(update.topics ?? {})
    this.world.metadata.update({
      controllerId: update.controller ?? 1,
      isKRaftController: false,
      type: 0,
      controllerEpoch: 1,
      brokerEpoch: -1,
      ungroupedPartitionStates: [],
      topicStates: topics.map(([topicName, partitions]) => ({
        topicName,
        topicId: update.topicIds?.[topicName] ?? 'AAAAAAAAAAAAAAAAAAAAAA',
        partitionStates: partitions.map((partition, partitionIndex) => ({
          topicName: '',
          partitionIndex,
          controllerEpoch: 1,
          leader: 1,
          leaderEpoch: 0,
          isr: [1, 2, 3],
          zkVersion: 0,
          replicas: [1, 2, 3],
          offlineReplicas: [],
          ...partition,
        })),
      })),
      liveBrokers: (update.brokers ?? [1, 2, 3]).map(id => ({
        id,
        v0Host: '',
        v0Port: 0,
        endpoints: [
          {
            host: `h${id}`,
            port: 9091 + id,
            listener: update.listener ?? 'PLAINTEXT',
            securityProtocol: 0,
          },
        ],
        rack: null,
      })),
    })
    this.world.changes.next({ kind: 'metadata' })
  }

  /** What a client would read: the answer goes over the wire's form. */
  async ask<A extends Api>(
    api: A,
    handler: Handler<A>,
    version: number,
    request: RequestDraftOf<A>,
  ): Promise<ResponseOf<A>> {
    const call: Call = {
      version,
      clientId: 'test',
      clientHost: '/127.0.0.1',
      connectionId: 1,
      listener: 'PLAINTEXT',
    }
    const zero = zeroOf(struct(api.request)) as object
    const answer = handler(this.world, { ...zero, ...request } as RequestOf<A>, call)
    const body = isObservable(answer)
      ? await this.ensemble.platform.waiting(lastValueFrom(answer as Observable<unknown>))
      : answer
    const chunks = encodeResponse<A>(api, version, 1, body as never)
    const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return decodeResponse(api, version, bytes.subarray(4)).body
  }
}

type PartitionUpdate = MetadataUpdate['ungroupedPartitionStates'][number]
