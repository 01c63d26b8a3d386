/** kafkajs as a process of its own. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import kafkajs, { type Consumer, type Producer } from 'kafkajs'
import type { Codec as SamsaCodec } from '../../../src/platform/codecs/codec.ts'
import { lz4 } from '../../../src/platform/codecs/lz4.ts'
import { snappy } from '../../../src/platform/codecs/snappy.ts'
import { bootstrapServers, type Codec, serve, tell } from './driver-loop.ts'

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs

// What it has not itself it takes as plug-ins.
const plugIn = (codec: SamsaCodec) => () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => Buffer.from(codec.compress(buffer)),
  decompress: async (buffer: Buffer) => Buffer.from(codec.decompress(buffer, 1 << 26)),
})
CompressionCodecs[CompressionTypes.Snappy] = plugIn(snappy)
CompressionCodecs[CompressionTypes.LZ4] = plugIn(lz4)
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer),
  decompress: async (buffer: Buffer) => zstdDecompressSync(buffer),
})
const compressionTypes: Record<Codec, number> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

const kafka = new Kafka({
  clientId: 'kafkajs',
  brokers: bootstrapServers(),
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
})
let writer: Producer | undefined
let consumer: Consumer | undefined
const read = new Map<number, string>()
let readTopic = ''

serve({
  version: async () =>
    JSON.parse(readFileSync(createRequire(import.meta.url).resolve('kafkajs/package.json'), 'utf8'))
      .version,
  createTopic: async ({ topic, partitions }) => {
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: 3 }],
      waitForLeaders: true,
    })
    await admin.disconnect()
  },
  produce: async ({ topic, partition, codec, values }) => {
    const producer = kafka.producer()
    await producer.connect()
    const messages = values.map(value => ({ partition, value }))
    await producer.send({ topic, acks: -1, compression: compressionTypes[codec], messages })
    await producer.disconnect()
  },
  write: async ({ topic, from, to }) => {
    if (writer === undefined) {
      writer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
      await writer.connect()
    }
    for (let i = from; i < to; i++)
      await writer.send({ topic, acks: -1, messages: [{ partition: 0, value: String(i) }] })
  },
  join: async ({ groupId, topic, sessionTimeoutMs = 3000 }) => {
    readTopic = topic
    consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: 200,
      rebalanceTimeout: 10_000,
      maxWaitTimeInMs: 100,
    })
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      tell({ event: 'assigned', partitions: payload.memberAssignment[topic] ?? [] }),
    )
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message: { offset, value } }) => {
        read.set(partition, String(BigInt(offset) + 1n))
        tell({ event: 'record', partition, offset: Number(offset), value: String(value) })
      },
    })
  },
  commit: async () => {
    await consumer?.commitOffsets(
      [...read].map(([partition, offset]) => ({ topic: readTopic, partition, offset })),
    )
  },
  leave: async () => consumer?.disconnect(),
  admin: async ({ topic, groupId }) => {
    const admin = kafka.admin()
    await admin.connect()
    const { brokers, controller } = await admin.describeCluster()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '123456' }] }],
    })
    const configs = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    const { groups } = await admin.listGroups()
    const described = await admin.describeGroups([groupId])
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '3' }] })
    const committed = await admin.fetchOffsets({ groupId, topics: [topic] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    const offsets = (await admin.fetchTopicOffsets(topic)).find(({ partition }) => partition === 0)
    await admin.deleteGroups([groupId])
    const left = await admin.listGroups()
    await admin.deleteTopics({ topics: [topic] })
    const topicsLeft = await admin.listTopics()
    await admin.disconnect()
    return {
      brokers: brokers.map(({ nodeId }) => nodeId).sort(),
      controller: controller ?? -1,
      partitions: topics[0]?.partitions.length ?? 0,
      retentionMs:
        configs.resources[0]?.configEntries.find(({ configName }) => configName === 'retention.ms')
          ?.configValue ?? '',
      listsGroup: groups.some(group => group.groupId === groupId),
      groupState: described.groups[0]?.state ?? '',
      committed: Number(
        committed[0]?.partitions.find(({ partition }) => partition === 0)?.offset ?? -1,
      ),
      beginning: Number(offsets?.low),
      end: Number(offsets?.high),
      groupIsLeft: left.groups.some(group => group.groupId === groupId),
      topicIsLeft: topicsLeft.includes(topic),
    }
  },
})
