/** Packed batches through a whole cluster: written by a producer, looked into by a leader, read by a consumer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProducerConfig } from '../../actors/client/producer-config.ts'
import { type Cluster, memoryPlatform, startCluster } from '../../actors/memory.ts'
import { nodeCompression } from '../../actors/node.ts'
import { compressionNames } from '../../src/records/compression.ts'

const startMs = Date.UTC(2026, 0, 1)
const utf8 = (text: string) => new TextEncoder().encode(text)

/** One batch of records with a key, a value and a timestamp each, a second apart. */
async function writeBatch(
  cluster: Cluster,
  topic: string,
  config: Partial<ProducerConfig>,
  keys: readonly (string | null)[],
): Promise<void> {
  await using producer = cluster.producer(`to-${topic}`, { lingerMs: 50, ...config })
  await Promise.all(
    keys.map((key, i) =>
      producer.send({
        topic,
        partition: 0,
        key,
        value: `value ${i}`,
        timestamp: startMs + 1000 * i,
      }),
    ),
  )
}

async function read(cluster: Cluster, topic: string, count: number): Promise<(string | null)[]> {
  const values: (string | null)[] = []
  await using consumer = cluster.consumer(`of-${topic}`, {
    topics: [topic],
    autoOffsetReset: 'earliest',
  })
  consumer.batches.subscribe(batch => {
    for (const { value } of batch.records) values.push(value && new TextDecoder().decode(value))
    batch.ack()
  })
  await cluster.until(() => values.length >= count)
  return values
}

const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)

describe('on Node', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({
      platform: memoryPlatform({ clock: 'stepping', compression: nodeCompression() }),
      topics: compressionNames.flatMap(codec => [
        { name: codec, partitions: 1, replicationFactor: 3 },
        { name: `compact-${codec}`, partitions: 1, configs: { 'cleanup.policy': 'compact' } },
      ]),
    })
  })
  afterAll(() => cluster?.stop())

  test.each(compressionNames)('%s: what is written is read', async codec => {
    await writeBatch(cluster, codec, { compressionType: codec }, keys)
    expect(await read(cluster, codec, 100)).toEqual(keys.map((_, i) => `value ${i}`))
  })

  test.each(compressionNames)('%s: a time is found to the record', async codec => {
    const admin = cluster.admin()
    const [found] = await admin.listOffsets([{ topic: codec, partition: 0, at: startMs + 41_500 }])
    expect(found).toMatchObject({ offset: 42, timestamp: startMs + 42_000 })
    admin.close()
  })

  test.each(compressionNames)(
    '%s: a compacted topic takes no record without a key',
    async codec => {
      const topic = `compact-${codec}`
      await expect(
        writeBatch(cluster, topic, { compressionType: codec }, ['a', null, 'c']),
      ).rejects.toMatchObject({ name: 'INVALID_RECORD' })
      await writeBatch(cluster, topic, { compressionType: codec }, ['a', 'b'])
      expect(await read(cluster, topic, 2)).toEqual(['value 0', 'value 1'])
    },
  )

  test('what only looks packed is refused where it is looked into', async () => {
    const compression = {
      ...nodeCompression(),
      compress: () => utf8('this is no frame of any codec'),
    }
    await expect(
      writeBatch(
        cluster,
        'compact-lz4',
        { compressionType: 'lz4', compression, deliveryTimeoutMs: 500, requestTimeoutMs: 300 },
        ['a'],
      ),
    ).rejects.toThrow('lz4: a frame of magic')
  })
})

describe('in a browser', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({ topics: [{ name: 'orders', partitions: 1 }] })
  })
  afterAll(() => cluster?.stop())

  test.each(['gzip', 'zstd'] as const)('a producer with %s is refused at its start', codec => {
    expect(() => cluster.producer(`with-${codec}`, { compressionType: codec })).toThrow(codec)
  })

  test('a batch by a codec that is not to be had is an error that names it', async () => {
    const compression = nodeCompression()
    await writeBatch(cluster, 'orders', { compressionType: 'zstd', compression }, ['a'])
    const consumer = cluster.consumer('reader', { topics: ['orders'], autoOffsetReset: 'earliest' })
    consumer.batches.subscribe()
    const errors: Error[] = []
    consumer.events.subscribe(event => {
      if (event.type === 'error') errors.push(event.error)
    })
    await cluster.until(() => errors.length > 0)
    expect(errors[0]).toMatchObject({ name: 'UNSUPPORTED_COMPRESSION_TYPE' })
    expect(errors[0]?.message).toContain('zstd')
    await consumer.close()
  })
})
