import { expect, test } from 'vitest'
import type { KafkaError } from '../../../actors/client/kafka-error.ts'
import { startProducer } from '../../../actors/client/producer.ts'
import type { ProducerConfig, ProducerEvent } from '../../../actors/client/producer-config.ts'
import { errors } from '../../../src/error.ts'
import { InitProducerId, Metadata, Produce } from '../../../src/protocol/index.ts'
import { RecordBatch, viewOf } from '../../../src/records/batch.ts'
import { answerOf, clientWorld } from './client-world.ts'
import { FakeCluster } from './fake-cluster.ts'

const start = (cluster: FakeCluster, config: Partial<ProducerConfig> = {}) => {
  const { world, failures, trace } = clientWorld(cluster.platform, 'producer-1')
  const producer = startProducer(world, { bootstrapServers: cluster.bootstrapServers, ...config })
  return { producer, failures, trace, world }
}

const batchesOf = (cluster: FakeCluster) =>
  cluster.askedOf(Produce).flatMap(({ body, brokerId }) =>
    body.topicData.flatMap(({ name, partitionData }) =>
      partitionData.map(({ index, records }) => {
        const batch = new RecordBatch(viewOf(records as Uint8Array))
        const { producerId, producerEpoch, baseSequence, recordCount } = batch
        return { brokerId, name, index, producerId, producerEpoch, baseSequence, recordCount }
      }),
    ),
  )

test('a record is written where its key says, and its answer tells where', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 3)
  const { producer, failures } = start(cluster)
  const answer = producer.send({ topic: 'orders', key: 'k1', value: 'v1', headers: { h: 'x' } })
  const metadata = await answerOf(cluster.platform, answer)
  expect(metadata).toMatchObject({ topic: 'orders', offset: 0 })
  const [record] = cluster.records('orders', metadata.partition)
  expect(new TextDecoder().decode(record?.value ?? undefined)).toBe('v1')
  expect(record?.headers.map(({ key }) => key)).toEqual(['h'])
  expect(await answerOf(cluster.platform, answer)).toEqual(metadata)
  await answerOf(cluster.platform, producer.close())
  expect(failures).toEqual([])
})

test('records of one turn travel in one batch, and several partitions of a leader in one request', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2, [1])
  const { producer } = start(cluster)
  for (let i = 0; i < 10; i++) producer.send({ topic: 'orders', partition: i % 2, value: `${i}` })
  await answerOf(cluster.platform, producer.flush())
  expect(cluster.values('orders', 0)).toEqual(['0', '2', '4', '6', '8'])
  expect(cluster.askedOf(Produce)).toHaveLength(1)
})

test('each API is asked in the highest version both have', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  cluster.maxVersions.set('Produce', 7)
  cluster.maxVersions.set('Metadata', 5)
  const { producer } = start(cluster)
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: 'v' }))
  expect(cluster.askedOf(Produce)[0]?.version).toBe(7)
  expect(cluster.askedOf(Metadata)[0]?.version).toBe(5)
  expect(cluster.askedOf(InitProducerId)[0]?.version).toBe(5)
})

test('an open batch lingers, a full one does not', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const { producer } = start(cluster, { lingerMs: 100, batchSize: 200 })
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: 'warm up' }))
  const beganAtMs = cluster.platform.clock.now()
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: 'alone' }))
  expect(cluster.platform.clock.now() - beganAtMs).toBeGreaterThanOrEqual(100)
  const fullAtMs = cluster.platform.clock.now()
  producer.send({ topic: 'orders', value: 'x'.repeat(100) })
  const first = producer.send({ topic: 'orders', value: 'x'.repeat(100) })
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: 'x'.repeat(300) }))
  await answerOf(cluster.platform, first)
  expect(cluster.platform.clock.now() - fullAtMs).toBeLessThan(100)
})

test('records wait for a topic that is being created, in their order', async () => {
  const cluster = new FakeCluster()
  const { producer } = start(cluster)
  const first = producer.send({ topic: 'later', partition: 0, value: '1' })
  const second = producer.send({ topic: 'later', partition: 0, value: '2' })
  await cluster.platform.stepping?.advance(1000)
  cluster.topic('later', 1)
  expect(await answerOf(cluster.platform, first)).toMatchObject({ offset: 0 })
  expect(await answerOf(cluster.platform, second)).toMatchObject({ offset: 1 })
})

test('a topic that never comes fails its records after maxBlockMs', async () => {
  const cluster = new FakeCluster()
  const { producer } = start(cluster, { maxBlockMs: 3000 })
  const error = await answerOf(
    cluster.platform,
    producer.send({ topic: 'never', value: '' }),
  ).catch((caught: KafkaError) => caught)
  expect(error).toMatchObject({ name: 'REQUEST_TIMED_OUT', retriable: true })
})

test('when the leader moves, batches follow it in order and are written once', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer, failures } = start(cluster)
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  cluster.elect('orders', 0, 2)
  for (let i = 1; i <= 5; i++) {
    producer.send({ topic: 'orders', value: `${i}` })
    await cluster.platform.stepping?.advance(0)
  }
  await answerOf(cluster.platform, producer.flush())
  expect(cluster.values('orders', 0)).toEqual(['0', '1', '2', '3', '4', '5'])
  expect(new Set(batchesOf(cluster).map(({ brokerId }) => brokerId))).toEqual(new Set([1, 2]))
  expect(failures).toEqual([])
})

test('a batch whose answer was lost is sent again under its number, and recognized', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer } = start(cluster)
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  cluster.next(Produce, ({ body }) => {
    for (const { name, partitionData } of body.topicData)
      for (const { index, records } of partitionData)
        cluster.append(1, name, index, records as Uint8Array)
    return 'close'
  })
  const answer = producer.send({ topic: 'orders', value: '1' })
  expect(await answerOf(cluster.platform, answer)).toMatchObject({ offset: 1 })
  expect(cluster.values('orders', 0)).toEqual(['0', '1'])
  expect(batchesOf(cluster).map(({ baseSequence }) => baseSequence)).toEqual([0, 1, 1])
})

test('without idempotence the same loss leaves a duplicate', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer } = start(cluster, { enableIdempotence: false })
  cluster.next(Produce, ({ body }) => {
    for (const { name, partitionData } of body.topicData)
      for (const { index, records } of partitionData)
        cluster.append(1, name, index, records as Uint8Array)
    return 'close'
  })
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  expect(cluster.values('orders', 0)).toEqual(['0', '0'])
  expect(cluster.askedOf(InitProducerId)).toEqual([])
})

test('at most so many requests are under way to a broker', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer } = start(cluster, { maxInFlightRequestsPerConnection: 2 })
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: 'first' }))
  let underWay = 0
  let most = 0
  cluster.on(Produce, ({ body }) => answer => {
    most = Math.max(most, ++underWay)
    cluster.platform.clock.setTimeout(() => {
      underWay--
      const records = body.topicData[0]?.partitionData[0]?.records as Uint8Array
      const appended = cluster.append(1, 'orders', 0, records)
      answer({ responses: [{ name: 'orders', partitionResponses: [{ index: 0, ...appended }] }] })
    }, 20)
  })
  for (let i = 0; i < 10; i++) {
    producer.send({ topic: 'orders', value: `${i}` })
    await cluster.platform.stepping?.advance(2)
  }
  await answerOf(cluster.platform, producer.flush())
  expect(most).toBe(2)
  expect(cluster.values('orders', 0)).toHaveLength(11)
})

test('a batch given up leaves a gap, which the next epoch closes', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer, failures } = start(cluster)
  const identities: unknown[] = []
  producer.events.subscribe(event => identities.push(event))
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  cluster.next(Produce, () => ({
    responses: [
      {
        name: 'orders',
        partitionResponses: [
          { index: 0, errorCode: errors.INVALID_RECORD, baseOffset: -1, errorMessage: 'no good' },
        ],
      },
    ],
  }))
  const refused = producer.send({ topic: 'orders', value: 'bad' })
  const error = await answerOf(cluster.platform, refused).catch((caught: KafkaError) => caught)
  expect(error).toMatchObject({ name: 'INVALID_RECORD', message: 'no good', retriable: false })
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '1' }))
  expect(cluster.values('orders', 0)).toEqual(['0', '1'])
  expect(
    batchesOf(cluster).map(({ producerEpoch, baseSequence }) => [producerEpoch, baseSequence]),
  ).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
  ])
  expect(failures).toEqual([])
})

test('a leader that has lost the count gets the batch again from 0 in the next epoch', async () => {
  const cluster = new FakeCluster()
  const topic = cluster.topic('orders', 1, [1])
  const { producer } = start(cluster)
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  for (const state of topic.partitions[0]?.sequences.values() ?? []) state.next = 7
  expect(
    await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '1' })),
  ).toMatchObject({ offset: 1 })
  expect(producer.producerEpoch).toBe(1)
})

test('a batch that is too large is divided until it fits', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer, failures } = start(cluster)
  cluster.on(Produce, ({ body }) => {
    const records = body.topicData[0]?.partitionData[0]?.records as Uint8Array
    if (new RecordBatch(viewOf(records)).recordCount <= 2) return undefined
    const partitionResponses = [{ index: 0, errorCode: errors.MESSAGE_TOO_LARGE, baseOffset: -1 }]
    return { responses: [{ name: 'orders', partitionResponses }] }
  })
  for (let i = 0; i < 7; i++) producer.send({ topic: 'orders', value: `${i}` })
  await answerOf(cluster.platform, producer.flush())
  expect(cluster.values('orders', 0)).toEqual(['0', '1', '2', '3', '4', '5', '6'])
  expect(failures).toEqual([])
})

test('a record is failed when its time is over, and the next one is written', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer, failures } = start(cluster, { deliveryTimeoutMs: 2000, requestTimeoutMs: 1000 })
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  cluster.kill(1)
  const beganAtMs = cluster.platform.clock.now()
  const error = await answerOf(
    cluster.platform,
    producer.send({ topic: 'orders', value: 'lost' }),
  ).catch((caught: KafkaError) => caught)
  expect(error).toMatchObject({ name: 'REQUEST_TIMED_OUT' })
  expect(cluster.platform.clock.now() - beganAtMs).toBeLessThan(2300)
  cluster.elect('orders', 0, 2)
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '1' }))
  expect(cluster.values('orders', 0)).toEqual(['0', '1'])
  expect(failures).toEqual([])
})

test('a broker that stays silent is given up with its connection', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer } = start(cluster, { requestTimeoutMs: 1000 })
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  cluster.next(Produce, () => null)
  const answer = producer.send({ topic: 'orders', value: '1' })
  expect(await answerOf(cluster.platform, answer)).toMatchObject({ offset: 1 })
})

test('acks=0 is answered by nobody, and not waited for', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const { producer } = start(cluster, { acks: 0 })
  const answer = producer.send({ topic: 'orders', value: '0' })
  expect(await answerOf(cluster.platform, answer)).toMatchObject({ offset: -1 })
  await cluster.platform.stepping?.advance(10)
  expect(cluster.values('orders', 0)).toEqual(['0'])
})

test('a fenced producer fails all that waits, and everything after', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2, [1])
  const { producer, failures } = start(cluster)
  const told: string[] = []
  producer.events.subscribe(({ type }) => told.push(type))
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  cluster.next(Produce, () => ({
    responses: [
      {
        name: 'orders',
        partitionResponses: [0, 1].map(index => ({
          index,
          errorCode: errors.PRODUCER_FENCED,
          baseOffset: -1,
        })),
      },
    ],
  }))
  const caught = (answer: ReturnType<typeof producer.send>) =>
    answerOf(cluster.platform, answer).catch((error: KafkaError) => error.name)
  const answers = [0, 1].map(partition => producer.send({ topic: 'orders', partition, value: 'x' }))
  expect(await Promise.all(answers.map(caught))).toEqual(['PRODUCER_FENCED', 'PRODUCER_FENCED'])
  expect(await caught(producer.send({ topic: 'orders', value: 'y' }))).toBe('PRODUCER_FENCED')
  expect(producer.state).toBe('failed')
  await answerOf(cluster.platform, producer.close())
  expect(failures).toEqual([])
  expect(told).toEqual(['identified', 'fenced', 'failed', 'closed'])
})

test('an id is asked for until a broker has one to give', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const refusal = () => ({
    throttleTimeMs: 0,
    errorCode: errors.COORDINATOR_NOT_AVAILABLE,
    producerEpoch: -1,
  })
  cluster.next(InitProducerId, refusal, refusal)
  const { producer } = start(cluster)
  await answerOf(cluster.platform, producer.send({ topic: 'orders', value: '0' }))
  expect(cluster.askedOf(InitProducerId)).toHaveLength(3)
})

test('a record beyond a bound is refused at once', async () => {
  const cluster = new FakeCluster()
  const { producer } = start(cluster, { maxRequestSize: 1000, bufferMemory: 1500 })
  const caught = (answer: ReturnType<typeof producer.send>) =>
    answerOf(cluster.platform, answer).catch((error: KafkaError) => error.name)
  const value = new Uint8Array(900)
  expect(await caught(producer.send({ topic: 'orders', value: new Uint8Array(1000) }))).toBe(
    'MESSAGE_TOO_LARGE',
  )
  producer.send({ topic: 'orders', value })
  expect(await caught(producer.send({ topic: 'orders', value }))).toBe('BUFFER_EXHAUSTED')
})

test('refused for want of room it says when there is some again; whoever waits for that loses nothing', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const { producer } = start(cluster, { bufferMemory: 2000, batchSize: 200 })
  const told: ProducerEvent[] = []
  producer.events.subscribe(event => {
    if (event.type === 'available') told.push(event)
  })
  const all = Array.from({ length: 100 }, (_, i) => String(i).padStart(100, '.'))
  let next = 0
  let refusals = 0
  // Sends until it is refused, then waits for the event.
  const send = (): void => {
    let isRefused = false
    while (next < all.length && !isRefused)
      producer.send({ topic: 'orders', value: all[next++] as string }).subscribe({
        error: (error: KafkaError) => {
          expect(error).toMatchObject({ name: 'BUFFER_EXHAUSTED', retriable: true })
          isRefused = true
          refusals++
          next--
        },
      })
  }
  producer.events.subscribe(({ type }) => {
    if (type === 'available') send()
  })
  send()
  expect(refusals).toBe(1)
  expect(producer.availableBytes).toBeLessThan(200)
  await cluster.platform.stepping?.advance(5000)
  expect(cluster.values('orders', 0)).toEqual(all)
  expect(told.length).toBe(refusals)
  for (const event of told) expect(event).toMatchObject({ availableBytes: expect.any(Number) })
  expect(producer.availableBytes).toBe(2000)
})

test('close waits for what is under way; nothing is taken after it', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const { producer, failures } = start(cluster, { lingerMs: 60_000 })
  const answer = producer.send({ topic: 'orders', value: '0' })
  await answerOf(cluster.platform, producer.close())
  expect(cluster.values('orders', 0)).toEqual(['0'])
  expect(await answerOf(cluster.platform, answer)).toMatchObject({ offset: 0 })
  const late = answerOf(cluster.platform, producer.send({ topic: 'orders', value: '1' }))
  await expect(late).rejects.toMatchObject({ name: 'CLIENT_CLOSED' })
  expect(failures).toEqual([])
})

test('without a key records keep to one partition until a batch is full', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 6)
  const { producer } = start(cluster, { batchSize: 1000 })
  for (let i = 0; i < 200; i++) producer.send({ topic: 'orders', value: 'x'.repeat(80) })
  await answerOf(cluster.platform, producer.flush())
  const counts = [0, 1, 2, 3, 4, 5].map(at => cluster.values('orders', at).length)
  expect(counts.reduce((a, b) => a + b)).toBe(200)
  expect(counts.filter(count => count > 0).length).toBeGreaterThan(3)
})
