/** @platformatic/kafka as a process of its own. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { bootstrapServers, serve, tell } from './driver-loop.ts'

const base = {
  clientId: 'platformatic',
  bootstrapBrokers: bootstrapServers(),
  retries: 100,
  retryDelay: 100,
}
const newProducer = (options: object = {}) =>
  new Producer({ ...base, ...options, serializers: stringSerializers })
let writer: ReturnType<typeof newProducer> | undefined
let consumer: Consumer<string, string, string, string> | undefined
const read = new Map<number, { offset: bigint; leaderEpoch: number }>()
let readTopic = ''

serve({
  version: async () =>
    JSON.parse(
      readFileSync(
        fileURLToPath(new URL('../package.json', import.meta.resolve('@platformatic/kafka'))),
        'utf8',
      ),
    ).version,
  createTopic: async ({ topic, partitions }) => {
    const admin = new Admin(base)
    await admin.createTopics({ topics: [topic], partitions, replicas: 3 })
    await admin.close()
  },
  produce: async ({ topic, partition, codec, values }) => {
    const producer = newProducer()
    const messages = values.map(value => ({ topic, partition, value }))
    await producer.send({ acks: -1, compression: codec, messages })
    await producer.close()
  },
  write: async ({ topic, from, to }) => {
    writer ??= newProducer({ idempotent: true, acks: -1 })
    for (let i = from; i < to; i++)
      await writer.send({ acks: -1, messages: [{ topic, partition: 0, value: String(i) }] })
  },
  join: async ({ groupId, topic, instanceId, cooperative, sessionTimeoutMs = 3000 }) => {
    readTopic = topic
    consumer = new Consumer({
      ...base,
      groupId,
      deserializers: stringDeserializers,
      autocommit: false,
      ...(instanceId === undefined ? {} : { groupInstanceId: instanceId }),
      ...(cooperative ? { protocols: [{ name: 'cooperative-sticky', version: 1 }] } : {}),
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: 200,
      rebalanceTimeout: Math.max(10_000, sessionTimeoutMs),
      maxWaitTime: 100,
    })
    consumer.on('consumer:group:join', () =>
      tell({
        event: 'assigned',
        partitions: (consumer?.assignments ?? []).flatMap(({ partitions }) => partitions),
      }),
    )
    const stream = await consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: 'earliest',
    })
    stream.on('data', ({ partition, offset, value }) => {
      read.set(partition, { offset: offset + 1n, leaderEpoch: -1 })
      tell({ event: 'record', partition, offset: Number(offset), value })
    })
  },
  commit: async () => {
    await consumer?.commit({
      offsets: [...read].map(([partition, at]) => ({ topic: readTopic, partition, ...at })),
    })
  },
  leave: async () => consumer?.close(true),
  admin: async ({ topic, groupId }) => {
    const admin = new Admin(base)
    const { brokers, controllerId } = await admin.metadata({ topics: [topic] })
    await admin.createPartitions({ topics: [{ name: topic, count: 4, assignments: null }] })
    const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true })
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }
    await admin.incrementalAlterConfigs({
      resources: [
        {
          ...resource,
          configs: [
            {
              name: 'retention.ms',
              value: '123456',
              configOperation: IncrementalAlterConfigOperationTypes.SET,
            },
          ],
        },
      ],
    })
    const configs = await admin.describeConfigs({
      resources: [{ ...resource, configurationKeys: null }],
    })
    const groups = await admin.listGroups()
    const described = await admin.describeGroups({ groups: [groupId] })
    await admin.alterConsumerGroupOffsets({
      groupId,
      topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: 3n }] }],
    })
    const [committed] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
    await admin.deleteRecords({
      topics: [{ name: topic, partitions: [{ partition: 0, offset: 2n }] }],
    })
    const at = async (timestamp: bigint) => {
      const [listed] = await admin.listOffsets({
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
      })
      return Number(listed?.partitions[0]?.offset)
    }
    const [beginning, end] = [
      await at(ListOffsetTimestamps.EARLIEST),
      await at(ListOffsetTimestamps.LATEST),
    ]
    await admin.deleteGroups({ groups: [groupId] })
    const left = await admin.listGroups()
    await admin.deleteTopics({ topics: [topic] })
    const topicsLeft = await admin.listTopics()
    await admin.close()
    return {
      brokers: [...brokers.keys()].sort(),
      controller: controllerId,
      partitions: topics.get(topic)?.partitionsCount ?? 0,
      retentionMs: configs[0]?.configs.find(({ name }) => name === 'retention.ms')?.value ?? '',
      listsGroup: groups.has(groupId),
      groupState: described.get(groupId)?.state ?? '',
      committed: Number(
        committed?.topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === 0)
          ?.committedOffset ?? -1,
      ),
      beginning,
      end,
      groupIsLeft: left.has(groupId),
      topicIsLeft: topicsLeft.includes(topic),
    }
  },
})
