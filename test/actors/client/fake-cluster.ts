/**
 * Brokers that speak the protocol over links and keep logs, elections on command, no replication: enough to see what a
 * client asks, and to answer what a test wants it to hear.
 */
import { acceptLink, type Link } from '../../../actors/link.ts'
import { errors } from '../../../src/error.ts'
import { randomUuid, type Uuid } from '../../../src/ids.ts'
import { type MemoryPlatform, memoryPlatform } from '../../../src/platform/memory.ts'
import {
  type Api,
  ApiVersions,
  apis,
  decodeRequest,
  encodeResponse,
  type Fetch,
  type FindCoordinator,
  type Heartbeat,
  type InitProducerId,
  type JoinGroup,
  type LeaveGroup,
  type ListOffsets,
  type Metadata,
  type OffsetCommit,
  type OffsetFetch,
  type OffsetForLeaderEpoch,
  type Produce,
  type RequestOf,
  type ResponseDraftOf,
  type SyncGroup,
  supportedApis,
} from '../../../src/protocol/index.ts'
import {
  assigned,
  type RecordBatch,
  sequenceAfter,
  splitBatches,
} from '../../../src/records/batch.ts'
import { type BatchRecord, decodeRecords } from '../../../src/records/record.ts'
import { FakeGroup } from './fake-group.ts'

export interface Asked<A extends Api = Api> {
  readonly brokerId: number
  readonly api: A
  readonly version: number
  readonly body: RequestOf<A>
  readonly clientId: string | null
}

/** `later`: answer by calling it; null: never; `close`: the connection ends. */
export type Reply<A extends Api> =
  | ResponseDraftOf<A>
  | null
  | 'close'
  | ((answer: (body: ResponseDraftOf<A>) => void) => void)

export interface FakePartition {
  leaderId: number
  leaderEpoch: number
  batches: Uint8Array[]
  logStartOffset: number
  logEndOffset: number
  /** Next sequence number by producer id and epoch. */
  sequences: Map<number, { epoch: number; next: number; last: { base: number; offset: number }[] }>
}

export interface FakeTopic {
  readonly topicId: Uuid
  readonly partitions: FakePartition[]
}

export class FakeCluster {
  readonly platform: MemoryPlatform
  readonly topics = new Map<string, FakeTopic>()
  readonly asked: Asked[] = []
  /** Highest versions by API name, below those of our tables. */
  readonly maxVersions = new Map<string, number>()
  readonly #links = new Map<number, Set<Link>>()
  readonly #listeners = new Map<number, { close(): void }>()
  readonly #overrides = new Map<string, ((asked: Asked) => Reply<Api> | undefined)[]>()
  /** A broker as old as that answers later versions in v0, with an error (KIP-511). */
  apiVersionsMax = 4
  coordinatorId = 1
  readonly group: FakeGroup
  #producerId = 1000

  constructor(brokers = [1, 2, 3], platform = memoryPlatform({ clock: 'stepping' })) {
    this.platform = platform
    this.group = new FakeGroup(platform.clock)
    for (const id of brokers) this.start(id)
  }

  get bootstrapServers(): string {
    return 'kafka:9091,kafka:9092,kafka:9093'
  }

  topic(name: string, partitions: number, leaders = [1, 2, 3]): FakeTopic {
    const topic: FakeTopic = {
      topicId: randomUuid(this.platform.random),
      partitions: Array.from({ length: partitions }, (_, at) => ({
        leaderId: leaders[at % leaders.length] as number,
        leaderEpoch: 0,
        batches: [],
        logStartOffset: 0,
        logEndOffset: 0,
        sequences: new Map(),
      })),
    }
    this.topics.set(name, topic)
    return topic
  }

  partition(name: string, partition: number): FakePartition {
    return this.topics.get(name)?.partitions[partition] as FakePartition
  }

  /** The records of a partition. */
  records(name: string, partition: number): BatchRecord[] {
    return this.partition(name, partition).batches.flatMap(bytes =>
      decodeRecords(splitBatches(bytes).batches[0] as RecordBatch),
    )
  }

  values(name: string, partition: number): string[] {
    return this.records(name, partition).map(({ value }) =>
      new TextDecoder().decode(value ?? undefined),
    )
  }

  elect(name: string, partition: number, leaderId: number): void {
    const elected = this.partition(name, partition)
    elected.leaderId = leaderId
    elected.leaderEpoch++
  }

  start(id: number): void {
    const links = new Set<Link>()
    this.#links.set(id, links)
    const listener = this.platform.network.listen(
      { host: 'kafka', port: 9090 + id },
      {
        bound: () => {},
        failed: error => {
          throw error
        },
        accepted: socket => {
          const { link, events } = acceptLink(socket, { frameBytesMax: 1 << 26 })
          links.add(link)
          link.inbound.subscribe(frame => this.#serve(id, link, frame))
          link.closed.subscribe(() => links.delete(link))
          return events
        },
      },
    )
    this.#listeners.set(id, listener)
  }

  kill(id: number): void {
    this.#listeners.get(id)?.close()
    for (const link of this.#links.get(id) ?? []) link.destroy()
    this.#links.get(id)?.clear()
  }

  /** Breaks a broker's connections. */
  disconnect(id: number): void {
    for (const link of this.#links.get(id) ?? []) link.destroy()
    this.#links.get(id)?.clear()
  }

  /** Answers requests of an API in another way, as long as `reply` does not say undefined. Later ones go first. */
  on<A extends Api>(api: A, reply: (asked: Asked<A>) => Reply<A> | undefined): void {
    const overrides = this.#overrides.get(api.name) ?? []
    this.#overrides.set(api.name, [reply as never, ...overrides])
  }

  /** The same, for the next requests only. */
  next<A extends Api>(api: A, ...replies: ((asked: Asked<A>) => Reply<A> | undefined)[]): void {
    const left = [...replies]
    this.on(api, asked => left.shift()?.(asked))
  }

  askedOf<A extends Api>(api: A): Asked<A>[] {
    return this.asked.filter(({ api: { key } }) => key === api.key) as never
  }

  #serve(brokerId: number, link: Link, frame: Uint8Array): void {
    const { header, api, version, body } = decodeRequest(frame)
    const asked: Asked = { brokerId, api, version, body, clientId: header.clientId }
    this.asked.push(asked)
    const answer = (response: ResponseDraftOf<Api>): void => {
      link.send(encodeResponse(api, version, header.correlationId, response))
    }
    if (api.key === ApiVersions.key && version > this.apiVersionsMax) {
      const apiKeys = [{ apiKey: api.key, minVersion: 0, maxVersion: this.apiVersionsMax }]
      const refusal = { errorCode: errors.UNSUPPORTED_VERSION, apiKeys }
      link.send(encodeResponse(ApiVersions, 0, header.correlationId, refusal))
      return
    }
    const reply = this.#reply(asked)
    if (reply === 'close') {
      link.destroy()
      this.#links.get(brokerId)?.delete(link)
    } else if (typeof reply === 'function') reply(answer)
    else if (reply !== null) answer(reply)
  }

  #reply(asked: Asked): Reply<Api> {
    for (const override of this.#overrides.get(asked.api.name) ?? []) {
      const reply = override(asked)
      if (reply !== undefined) return reply
    }
    const served = this.#served[asked.api.name]
    if (served === undefined) throw new Error(`the fake does not serve ${asked.api.name}`)
    return served(asked as never)
  }

  readonly #served: Record<string, (asked: never) => Reply<Api>> = {
    ApiVersions: (): ResponseDraftOf<typeof ApiVersions> => ({
      errorCode: 0,
      apiKeys: supportedApis(Object.values(apis).map(({ key }) => key)).map(range => {
        const name = Object.values(apis).find(({ key }) => key === range.apiKey)?.name ?? ''
        return { ...range, maxVersion: this.maxVersions.get(name) ?? range.maxVersion }
      }),
    }),
    Metadata: ({ body }: Asked<typeof Metadata>): ResponseDraftOf<typeof Metadata> => ({
      brokers: [...this.#listeners.keys()].map(nodeId => ({
        nodeId,
        host: 'kafka',
        port: 9090 + nodeId,
      })),
      clusterId: 'fake',
      controllerId: 1,
      topics: (body.topics ?? [...this.topics.keys()].map(name => ({ name }))).map(({ name }) => {
        const topic = this.topics.get(name ?? '')
        return {
          errorCode: topic === undefined ? errors.UNKNOWN_TOPIC_OR_PARTITION : 0,
          name,
          ...(topic === undefined ? {} : { topicId: topic.topicId }),
          partitions: (topic?.partitions ?? []).map(
            ({ leaderId, leaderEpoch }, partitionIndex) => ({
              errorCode: 0,
              partitionIndex,
              leaderId,
              leaderEpoch,
              replicaNodes: [1, 2, 3],
              isrNodes: [1, 2, 3],
            }),
          ),
        }
      }),
    }),
    InitProducerId: (): ResponseDraftOf<typeof InitProducerId> => ({
      throttleTimeMs: 0,
      errorCode: 0,
      producerId: this.#producerId++,
      producerEpoch: 0,
    }),
    FindCoordinator: ({
      body,
    }: Asked<typeof FindCoordinator>): ResponseDraftOf<typeof FindCoordinator> => {
      const at = { nodeId: this.coordinatorId, host: 'kafka', port: 9090 + this.coordinatorId }
      const none = { errorCode: 0, errorMessage: null }
      return body.coordinatorKeys.length > 0
        ? { coordinators: body.coordinatorKeys.map(key => ({ key, ...at, ...none })) }
        : { ...at, errorCode: 0 }
    },
    JoinGroup: ({ brokerId, body, version }: Asked<typeof JoinGroup>): Reply<typeof JoinGroup> =>
      this.#isCoordinator(brokerId)
        ? this.group.join(body, version)
        : { ...noJoin, errorCode: errors.NOT_COORDINATOR },
    SyncGroup: ({ brokerId, body }: Asked<typeof SyncGroup>): Reply<typeof SyncGroup> =>
      this.#isCoordinator(brokerId)
        ? this.group.sync(body)
        : { errorCode: errors.NOT_COORDINATOR, assignment: new Uint8Array(0) },
    Heartbeat: ({ brokerId, body }: Asked<typeof Heartbeat>): Reply<typeof Heartbeat> => ({
      errorCode: this.#isCoordinator(brokerId)
        ? this.group.heartbeat(body)
        : errors.NOT_COORDINATOR,
    }),
    LeaveGroup: ({ body }: Asked<typeof LeaveGroup>): Reply<typeof LeaveGroup> => ({
      errorCode: this.group.leave(body),
      members: [],
    }),
    OffsetCommit: ({ body }: Asked<typeof OffsetCommit>): Reply<typeof OffsetCommit> =>
      this.group.commit(body),
    OffsetFetch: ({ body }: Asked<typeof OffsetFetch>): Reply<typeof OffsetFetch> =>
      this.group.fetch(body),
    Produce: (asked: Asked<typeof Produce>): Reply<typeof Produce> => {
      const responses = asked.body.topicData.map(({ name, partitionData }) => ({
        name,
        partitionResponses: partitionData.map(({ index, records }) => ({
          index,
          ...this.append(asked.brokerId, name, index, records as Uint8Array),
        })),
      }))
      return asked.body.acks === 0 ? null : { responses }
    },
    ListOffsets: ({
      brokerId,
      body,
    }: Asked<typeof ListOffsets>): ResponseDraftOf<typeof ListOffsets> => ({
      topics: body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) => {
          const partition = this.partition(name, partitionIndex)
          const isLeader = partition.leaderId === brokerId
          return {
            partitionIndex,
            errorCode: isLeader ? 0 : errors.NOT_LEADER_OR_FOLLOWER,
            offset: timestamp === -1 ? partition.logEndOffset : partition.logStartOffset,
            leaderEpoch: partition.leaderEpoch,
          }
        }),
      })),
    }),
    OffsetForLeaderEpoch: ({
      body,
    }: Asked<typeof OffsetForLeaderEpoch>): ResponseDraftOf<typeof OffsetForLeaderEpoch> => ({
      topics: body.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, leaderEpoch }) => ({
          errorCode: 0,
          partition,
          leaderEpoch,
          endOffset: this.partition(topic, partition).logEndOffset,
        })),
      })),
    }),
    Fetch:
      (asked: Asked<typeof Fetch>): Reply<typeof Fetch> =>
      answer => {
        const answerNow = (): boolean => {
          const responses = this.#fetched(asked)
          const isEmpty = responses.every(({ partitions }) =>
            partitions.every(({ records, errorCode }) => records.length === 0 && errorCode === 0),
          )
          if (!isEmpty) answer({ sessionId: 0, responses })
          return !isEmpty
        }
        if (answerNow()) return
        this.platform.clock.setTimeout(() => {
          if (!answerNow()) answer({ sessionId: 0, responses: this.#fetched(asked) })
        }, asked.body.maxWaitMs)
      },
  }

  #isCoordinator(brokerId: number): boolean {
    return brokerId === this.coordinatorId
  }

  #fetched({ brokerId, body }: Asked<typeof Fetch>) {
    return body.topics.map(asked => {
      const name =
        asked.topic ||
        ([...this.topics].find(([, { topicId }]) => topicId === asked.topicId)?.[0] ?? '')
      return {
        topic: asked.topic,
        topicId: asked.topicId,
        partitions: asked.partitions.map(({ partition: partitionIndex, fetchOffset }) => {
          const partition = this.partition(name, partitionIndex)
          const { logEndOffset, logStartOffset, batches, leaderId } = partition
          const nothing = new Uint8Array(0)
          const answer = { partitionIndex, highWatermark: logEndOffset, logStartOffset }
          if (leaderId !== brokerId)
            return { ...answer, errorCode: errors.NOT_LEADER_OR_FOLLOWER, records: nothing }
          if (fetchOffset < logStartOffset || fetchOffset > logEndOffset)
            return { ...answer, errorCode: errors.OFFSET_OUT_OF_RANGE, records: nothing }
          const from = batches.findIndex(
            bytes => (splitBatches(bytes).batches[0] as RecordBatch).lastOffset >= fetchOffset,
          )
          const found = from < 0 ? [] : batches.slice(from)
          return { ...answer, errorCode: 0, records: joined(found) }
        }),
      }
    })
  }

  /** What a leader does with a batch, idempotence included. */
  append(brokerId: number, name: string, index: number, records: Uint8Array) {
    const partition = this.partition(name, index)
    const refused = (errorCode: number) => ({ errorCode, baseOffset: -1 })
    if (partition === undefined) return refused(errors.UNKNOWN_TOPIC_OR_PARTITION)
    if (partition.leaderId !== brokerId) return refused(errors.NOT_LEADER_OR_FOLLOWER)
    const batch = splitBatches(records).batches[0] as RecordBatch
    if (batch.hasProducerId) {
      const { producerId, producerEpoch: epoch, baseSequence } = batch
      const known = partition.sequences.get(producerId)
      if (known !== undefined && epoch < known.epoch) return refused(errors.INVALID_PRODUCER_EPOCH)
      const state =
        known === undefined || epoch > known.epoch ? { epoch, next: 0, last: [] } : known
      const duplicate = state.last.find(({ base }) => base === baseSequence)
      if (duplicate !== undefined) return { errorCode: 0, baseOffset: duplicate.offset }
      if (known !== undefined && baseSequence !== state.next)
        return refused(errors.OUT_OF_ORDER_SEQUENCE_NUMBER)
      state.next = sequenceAfter(baseSequence, batch.recordCount)
      state.last = [...state.last, { base: baseSequence, offset: partition.logEndOffset }].slice(-5)
      partition.sequences.set(producerId, state)
    }
    const baseOffset = partition.logEndOffset
    const { leaderEpoch } = partition
    partition.batches.push(
      joined(assigned(batch, { baseOffset, partitionLeaderEpoch: leaderEpoch })),
    )
    partition.logEndOffset += batch.recordCount
    return { errorCode: 0, baseOffset }
  }
}

const noJoin = { generationId: -1, protocolName: '', leader: '', memberId: '', members: [] }

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
