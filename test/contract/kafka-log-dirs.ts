/**
 * The files of a broker, as Apache Kafka 3.9.1 reads and writes them: `npm run contract:log-dirs`, where Java and Maven are present.
 *
 * - Kafka's DumpLogSegments verifies every segment, index and snapshot that Samsa has written;
 * - Samsa starts on the data directories of Kafka and its ZooKeeper, after a clean shutdown and after SIGKILL;
 * - Kafka starts on those of Samsa.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { startCluster } from '../../actors/node.ts'
import { nodeCompression } from '../../src/platform/node-compression.ts'
import { kafkaClassPath, startApacheKafka } from './apache-kafka.ts'

const home = mkdtempSync(join(tmpdir(), 'samsa-log-dirs-'))
const perPartition = 400

// What kafkajs lacks.
const port = nodeCompression()
// A module of the old kind: not all it exports has a name of its own.
for (const [name, type] of [
  ['snappy', CompressionTypes.Snappy],
  ['lz4', CompressionTypes.LZ4],
  ['zstd', CompressionTypes.ZSTD],
] as const)
  kafkajs.CompressionCodecs[type] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => Buffer.from(port.compress(name, buffer)),
    decompress: async (buffer: Buffer) => Buffer.from(port.decompress(name, buffer, 1 << 26)),
  })
const codecs = [
  CompressionTypes.None,
  CompressionTypes.GZIP,
  CompressionTypes.Snappy,
  CompressionTypes.LZ4,
  CompressionTypes.ZSTD,
]

/** For what a cluster that has just started may not answer yet. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const byMs = Date.now() + 60_000
  for (;;)
    try {
      return await ask()
    } catch (error) {
      if (Date.now() > byMs) throw error
      await new Promise(resolve => setTimeout(resolve, 500))
    }
}

const client = (bootstrap: string): Kafka =>
  new Kafka({
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
  })

const topics = [
  { topic: 'orders', configEntries: [{ name: 'segment.bytes', value: '40000' }] },
  {
    topic: 'accounts',
    configEntries: [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'segment.bytes', value: '10000' },
      { name: 'min.cleanable.dirty.ratio', value: '0.01' },
    ],
  },
]

/** Smaller and busier than usual, so that there is something to look at: rolls, index entries, compaction. */
const config = { 'log.index.interval.bytes': 1000, 'log.cleaner.backoff.ms': 200 }

/**
 * Two partitions each of idempotent batches, plain and by each codec, keys that repeat, tombstones, and offsets of a group.
 */
async function fill(kafka: Kafka): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: topics.map(spec => ({ ...spec, numPartitions: 2, replicationFactor: 3 })),
    waitForLeaders: true,
  })
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  for (let i = 0; i < perPartition; i += 4)
    for (const partition of [0, 1]) {
      const compression = codecs[(i / 4) % codecs.length] as CompressionTypes
      const numbers = [i, i + 1, i + 2, i + 3]
      const padding = '.'.repeat(100)
      await producer.send({
        topic: 'orders',
        acks: -1,
        compression,
        messages: numbers.map(n => ({ partition, key: `k${n}`, value: `${n} ${padding}` })),
      })
      await producer.send({
        topic: 'accounts',
        acks: -1,
        compression,
        messages: numbers.map(n => ({
          partition,
          key: `k${n % 10}`,
          value: n % 7 === 0 ? null : `${n} ${padding}`,
        })),
      })
    }
  await producer.disconnect()
  await admin.setOffsets({
    groupId: 'billing',
    topic: 'orders',
    partitions: [0, 1].map(partition => ({ partition, offset: String(11 + partition) })),
  })
  await admin.disconnect()
  // Compaction has its turn.
  await new Promise(resolve => setTimeout(resolve, 3000))
}

async function readAll(
  kafka: Kafka,
  topic: string,
): Promise<{ partition: number; offset: number; key: string; value: string | null }[]> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = await patiently(() => admin.fetchTopicOffsets(topic))
  const waiting = new Map(ends.map(({ partition, high }) => [partition, Number(high)]))
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: `reader-${Math.random()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const found: Awaited<ReturnType<typeof readAll>> = []
  await new Promise<void>((resolve, reject) => {
    const tooLong = setTimeout(
      () => reject(new Error(`${topic}: still waiting for ${JSON.stringify([...waiting])}`)),
      60_000,
    )
    consumer
      .run({
        eachMessage: async ({ partition, message }) => {
          const { offset, key, value } = message
          // A member that is thrown out of its group begins anew.
          if (found.some(it => it.partition === partition && it.offset === Number(offset))) return
          found.push({
            partition,
            offset: Number(offset),
            key: String(key),
            value: value === null ? null : String(value),
          })
          if (Number(offset) + 1 >= (waiting.get(partition) ?? 0)) waiting.delete(partition)
          if (waiting.size > 0) return
          clearTimeout(tooLong)
          resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return found
}

/** All that `fill` has brought is there, once and in order; and what is appended now follows. */
async function check(kafka: Kafka, appended: number): Promise<void> {
  const orders = await readAll(kafka, 'orders')
  const accounts = await readAll(kafka, 'accounts')
  for (const partition of [0, 1]) {
    const of = orders.filter(record => record.partition === partition)
    const expected = Array.from({ length: perPartition + appended }, (_, n) => n)
    assert.deepEqual(
      of.map(({ offset }) => offset),
      expected,
    )
    assert.deepEqual(
      of.map(({ value }) => Number.parseInt(value ?? '', 10)),
      expected,
    )
    const state = new Map<string, string | null>()
    for (const record of accounts.filter(it => it.partition === partition))
      state.set(record.key, record.value)
    for (let key = 0; key < 10; key++) {
      const last = perPartition - 10 + key
      const value = state.get(`k${key}`)
      assert.equal(
        value === null ? null : Number.parseInt(value ?? '', 10),
        last % 7 === 0 ? null : last,
      )
    }
  }
  const admin = kafka.admin()
  await admin.connect()
  const [offsets] = await patiently(() =>
    admin.fetchOffsets({ groupId: 'billing', topics: ['orders'] }),
  )
  assert.deepEqual(offsets?.partitions.map(({ offset }) => offset).toSorted(), ['11', '12'])
  await admin.disconnect()
}

async function appendOne(kafka: Kafka, n: number): Promise<void> {
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  for (const partition of [0, 1])
    await producer.send({
      topic: 'orders',
      acks: -1,
      messages: [{ partition, key: `k${n}`, value: String(n) }],
    })
  await producer.disconnect()
}

/** What Kafka's own tool says of files; throws where it finds fault. */
function dump(files: readonly string[], ...options: readonly string[]): string {
  const args = ['-cp', kafkaClassPath(), 'kafka.tools.DumpLogSegments', '--files', files.join(',')]
  const said = execFileSync('java', [...args, ...options], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  })
  const faults = said
    .split('\n')
    .filter(line => /mismatch|non-consecutive|isvalid: false|exception|error|invalid/i.test(line))
  assert.deepEqual(faults, [])
  return said
}

/** What is verified, by kind. */
function verify(directory: string): string {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(name => /\d{20}\.(log|index|timeindex|snapshot)$/.test(name))
    .map(name => join(directory, name))
  const kind = (suffix: string) => files.filter(name => name.endsWith(suffix))
  dump(files, '--deep-iteration', '--verify-index-only')
  const sane = dump([...kind('.index'), ...kind('.timeindex')], '--index-sanity-check')
  assert.equal(
    sane.match(/passed sanity check|is empty\./g)?.length,
    kind('.index').length + kind('.timeindex').length,
  )
  dump(
    kind('.log').filter(name => name.includes('__consumer_offsets')),
    '--offsets-decoder',
  )
  const codecsFound = new Set(
    dump(kind('.log'), '--print-data-log').match(/(?<=compresscodec: )\w+/g),
  )
  assert.deepEqual([...codecsFound].sort(), ['gzip', 'lz4', 'none', 'snappy', 'zstd'])
  assert.ok(kind('.snapshot').length > 0 && kind('.index').length > 0)
  assert.ok(files.some(name => /accounts-\d/.test(name)))
  return ['.log', '.index', '.timeindex', '.snapshot']
    .map(suffix => `${kind(suffix).length} ${suffix}`)
    .join(', ')
}

/** Compaction has been at work: there are gaps between offsets, and it is written down how far. */
function compacted(directory: string): boolean {
  const checkpoint = readFileSync(join(directory, 'cleaner-offset-checkpoint'), 'utf8')
  return /^accounts [01] [1-9]\d*$/m.test(checkpoint)
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

try {
  const ours = join(home, 'samsa')
  const first = await startCluster({ dataDir: ours, overrides: config, startTimeoutMs: 300_000 })
  await fill(client(first.bootstrapServers))
  await check(client(first.bootstrapServers), 0)
  await first.stop()
  for (const id of [1, 2, 3])
    say(`DumpLogSegments verifies of broker ${id}: ${verify(join(ours, `broker-${id}`))}`)
  assert.ok([1, 2, 3].some(id => compacted(join(ours, `broker-${id}`))))

  const taken = await startApacheKafka({ home: ours, config })
  await check(client(taken.bootstrap), 0)
  await appendOne(client(taken.bootstrap), perPartition)
  await check(client(taken.bootstrap), 1)
  await taken.stop('in order')
  say('Kafka starts on what Samsa has written, and goes on')
  const back = await startCluster({ dataDir: ours, overrides: config, startTimeoutMs: 300_000 })
  await check(client(back.bootstrapServers), 1)
  await back.stop()
  say('and Samsa on what Kafka has made of it')

  for (const how of ['in order', 'killed'] as const) {
    const theirs = join(home, how)
    const kafka = await startApacheKafka({ home: theirs, config })
    await fill(client(kafka.bootstrap))
    await kafka.stop(how)
    // Kafka's brokers, dead as they may be, have sessions of six seconds, which only brokers of as long ones wait for.
    const overrides = { ...config, 'zookeeper.session.timeout.ms': 6000 }
    const samsa = await startCluster({ dataDir: theirs, overrides, startTimeoutMs: 300_000 })
    await check(client(samsa.bootstrapServers), 0)
    await appendOne(client(samsa.bootstrapServers), perPartition)
    await check(client(samsa.bootstrapServers), 1)
    await samsa.stop()
    for (const id of [1, 2, 3]) verify(join(theirs, `broker-${id}`))
    say(`Samsa starts on what Kafka, ${how}, has left, and goes on`)
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
