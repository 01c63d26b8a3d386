import { expect, test } from 'vitest'
import { errors } from '../../src/error.ts'
import { InitProducerId, Produce } from '../../src/protocol/index.ts'
import { encodeBatch, type NewBatch } from '../../src/records/record.ts'
import { clusterUnderTest, sleep, unique } from './cluster-under-test.ts'
import { told, toldByVersion } from './told.ts'
import { Closed } from './wire.ts'

const cluster = clusterUnderTest()

const text = new TextEncoder()
const batch = (more: Partial<NewBatch> = {}): Uint8Array =>
  encodeBatch({ records: [{ value: text.encode('one') }], timestampMs: Date.now(), ...more })

interface Options {
  readonly version?: number
  readonly acks?: number
  readonly timeoutMs?: number
  readonly brokerId?: number
  readonly transactionalId?: string
  readonly partition?: number
}

const body = (topic: string, records: Uint8Array | null, options: Options = {}) => {
  const { version = 9, acks = -1, timeoutMs = 5000, partition = 0 } = options
  return {
    ...(version >= 3 ? { transactionalId: options.transactionalId ?? null } : {}),
    acks,
    timeoutMs,
    topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
  }
}

const produce = async (topic: string, records: Uint8Array | null, options: Options = {}) => {
  const { version = 9, brokerId = 1 } = options
  // Of its own: what is never answered holds up whatever is asked behind it.
  const connection = await cluster.connect(brokerId)
  const answer = connection.request(Produce, version, body(topic, records, options)).then(
    ({ responses }) => responses.flatMap(it => it.partitionResponses),
    () => [],
  )
  const answered = await Promise.race([answer, sleep(2000).then(() => [])])
  connection.close()
  return answered
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)

const bent = (records: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = Uint8Array.from(records)
  copy[at] = value
  return copy
}

test('a batch is taken in every version from v3 on', async () => {
  const topic = await cluster.createTopic('orders')
  expect(
    await toldByVersion([3, 11], async version => {
      const [answer] = await produce(topic, batch(), { version })
      return { ...answer, baseOffset: answer?.baseOffset === version - 3 }
    }),
  ).toMatchInlineSnapshot(`
    v3–v4
    index: 0, errorCode: NONE, baseOffset: true, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: [], errorMessage: null
    currentLeader:
      leaderId: -1, leaderEpoch: -1
    v5–v11
    index: 0, errorCode: NONE, baseOffset: true, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
    currentLeader:
      leaderId: -1, leaderEpoch: -1
  `)
})

test('each of acks', async () => {
  const topic = await cluster.createTopic('orders', [[1, 2, 3]])
  expect(told(await produce(topic, batch(), { acks: 1 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch(), { acks: -1 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch(), { acks: 2 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_REQUIRED_ACKS, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch(), { acks: -2 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_REQUIRED_ACKS, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  const connection = await cluster.connect(1)
  connection.tell(Produce, 9, body(topic, batch(), { acks: 0 }))
  const { responses } = await connection.request(Produce, 9, body(topic, batch()))
  expect(responses[0]?.partitionResponses[0]?.baseOffset).toBe(3)
})

test('an error under acks=0 closes the connection', async () => {
  const topic = await cluster.createTopic('orders')
  const connection = await cluster.connect(1)
  connection.tell(Produce, 9, body(topic, batch(), { acks: 0, partition: 5 }))
  await connection.ended
  await expect(connection.request(Produce, 9, body(topic, batch()))).rejects.toThrow(Closed)
})

test('where nothing can be produced to', async () => {
  const topic = await cluster.createTopic('orders', [[1, 2]])
  await cluster.coordinator(unique('group'))
  expect(told(await produce(topic, batch(), { partition: 1 }))).toMatchInlineSnapshot(`
    - index: 1, errorCode: UNKNOWN_TOPIC_OR_PARTITION, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch(), { partition: -1 }))).toMatchInlineSnapshot(`
    - index: -1, errorCode: UNKNOWN_TOPIC_OR_PARTITION, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(unique('none'), batch()))).toMatchInlineSnapshot(`
    - index: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce('a/b', batch()))).toMatchInlineSnapshot(`
    - index: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch(), { brokerId: 2 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NOT_LEADER_OR_FOLLOWER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch(), { brokerId: 3 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NOT_LEADER_OR_FOLLOWER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce('__consumer_offsets', batch()))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_TOPIC_EXCEPTION, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('the new leader is told from v10 on', async () => {
  const topic = await cluster.createTopic('orders', [[1]])
  const answer = await cluster.ask(2, Produce, 10, body(topic, batch()))
  expect(told(answer)).toMatchInlineSnapshot(`
    responses:
      - name: orders
        partitionResponses:
          - index: 0, errorCode: NOT_LEADER_OR_FOLLOWER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
            currentLeader:
              leaderId: 1, leaderEpoch: 0
    nodeEndpoints:
      - nodeId: 1, host: 127.0.0.1, port: <port>, rack: null
  `)
})

test('records that cannot be', async () => {
  const topic = await cluster.createTopic('orders')
  expect(told(await produce(topic, new Uint8Array(0)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, joined(batch(), batch())))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, bent(batch(), 70, 9)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: CORRUPT_MESSAGE, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, bent(batch(), 17, 9)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: CORRUPT_MESSAGE, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch().subarray(0, 30)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch({ isControl: true })))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch({ baseOffset: 5 })))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('a magic that there is not', async () => {
  const topic = await cluster.createTopic('orders')
  expect(told(await produce(topic, bent(batch(), 16, 0)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, bent(batch(), 16, 1)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, bent(batch(), 16, 3)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: CORRUPT_MESSAGE, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('batches that are too large', async () => {
  const topic = await cluster.createTopic('small', [[1]], { 'max.message.bytes': '200' })
  const large = batch({ records: [{ value: new Uint8Array(300) }] })
  expect(told(await produce(topic, large))).toMatchInlineSnapshot(`
    - index: 0, errorCode: MESSAGE_TOO_LARGE, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  const segment = await cluster.createTopic('small', [[1]], { 'segment.bytes': '200' })
  expect(told(await produce(segment, large))).toMatchInlineSnapshot(`
    - index: 0, errorCode: RECORD_LIST_TOO_LARGE, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('a compacted topic wants keys', async () => {
  const topic = await cluster.createTopic('keyed', [[1]], { 'cleanup.policy': 'compact' })
  const records = [{ key: text.encode('k'), value: null }, { value: text.encode('v') }, {}]
  expect(told(await produce(topic, batch({ records })))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0
      recordErrors:
        - batchIndex: 1, batchIndexErrorMessage: some
        - batchIndex: 2, batchIndexErrorMessage: some
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(
    told(await produce(topic, batch({ records: records.slice(0, 1) }))),
  ).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('timestamps out of bounds', async () => {
  const topic = await cluster.createTopic('timed', [[1]], {
    'message.timestamp.before.max.ms': '1000',
    'message.timestamp.after.max.ms': '1000',
  })
  const at = (...timestamps: readonly number[]) =>
    batch({ records: timestamps.map(timestamp => ({ timestamp, value: text.encode('v') })) })
  const now = Date.now()
  expect(told(await produce(topic, at(now - 60_000)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_TIMESTAMP, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0
      recordErrors:
        - batchIndex: 0, batchIndexErrorMessage: some
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, at(now + 60_000)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_TIMESTAMP, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0
      recordErrors:
        - batchIndex: 0, batchIndexErrorMessage: some
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, at(now, now - 60_000, now)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_TIMESTAMP, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0
      recordErrors:
        - batchIndex: 1, batchIndexErrorMessage: some
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, at(now)))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('the log’s own time', async () => {
  const topic = await cluster.createTopic('timed', [[1]], {
    'message.timestamp.type': 'LogAppendTime',
  })
  expect(told(await produce(topic, batch({ timestampMs: 1000 })))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: <now>, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('too few replicas in sync', async () => {
  const topic = await cluster.createTopic('safe', [[1]], { 'min.insync.replicas': '2' })
  expect(told(await produce(topic, batch()))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(told(await produce(topic, batch(), { acks: 1 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('a transactional batch without a transactional id', async () => {
  const topic = await cluster.createTopic('orders')
  const records = batch({ isTransactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 })
  expect(told(await produce(topic, records))).toMatchInlineSnapshot(`
    - index: 0, errorCode: TRANSACTIONAL_ID_AUTHORIZATION_FAILED, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('several partitions and topics in one request', async () => {
  const topic = await cluster.createTopic('orders', [[1], [1], [2]])
  const another = await cluster.createTopic('others')
  const answer = await cluster.ask(1, Produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 5000,
    topicData: [
      { name: topic, partitionData: [0, 1, 2, 3].map(index => ({ index, records: batch() })) },
      { name: another, partitionData: [{ index: 0, records: batch() }] },
    ],
  })
  const responses = answer.responses
    .toSorted((a, b) => (a.name < b.name ? 1 : -1))
    .map(it => ({
      ...it,
      partitionResponses: it.partitionResponses.toSorted((a, b) => a.index - b.index),
    }))
  expect(told(responses)).toMatchInlineSnapshot(`
    - name: others
      partitionResponses:
        - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
          currentLeader:
            leaderId: -1, leaderEpoch: -1
    - name: orders
      partitionResponses:
        - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
          currentLeader:
            leaderId: -1, leaderEpoch: -1
        - index: 1, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
          currentLeader:
            leaderId: -1, leaderEpoch: -1
        - index: 2, errorCode: NOT_LEADER_OR_FOLLOWER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
          currentLeader:
            leaderId: -1, leaderEpoch: -1
        - index: 3, errorCode: UNKNOWN_TOPIC_OR_PARTITION, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: []
          currentLeader:
            leaderId: -1, leaderEpoch: -1
  `)
})

const newProducer = () =>
  cluster.ask(1, InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 60_000 })

/** A broker that has just started may have none yet. */
async function producerIdsLoaded(): Promise<void> {
  for (;;) {
    const { errorCode } = await newProducer()
    if (errorCode !== errors.COORDINATOR_LOAD_IN_PROGRESS) return
    await sleep(100)
  }
}

test('a producer id in every version', async () => {
  await producerIdsLoaded()
  expect(
    await toldByVersion([0, 5], async version => {
      const answer = await cluster.ask(1, InitProducerId, version, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
      })
      return { ...answer, producerId: answer.producerId >= 0 }
    }),
  ).toMatchInlineSnapshot(`
    v0–v5
    errorCode: NONE, producerId: true, producerEpoch: 0
  `)
})

test('producer ids that are asked for by another', async () => {
  const ask = (producerId: number, producerEpoch: number) =>
    cluster
      .ask(1, InitProducerId, 4, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
        producerId,
        producerEpoch,
      })
      .then(answer => told({ ...answer, producerId: answer.producerId >= 0 }))
  expect(await ask(5, 3)).toMatchInlineSnapshot(
    `errorCode: NONE, producerId: true, producerEpoch: 0`,
  )
  expect(await ask(5, -1)).toMatchInlineSnapshot(
    `errorCode: INVALID_REQUEST, producerId: false, producerEpoch: -1`,
  )
  expect(await ask(-1, 3)).toMatchInlineSnapshot(
    `errorCode: INVALID_REQUEST, producerId: false, producerEpoch: -1`,
  )
})

test('an empty transactional id', async () => {
  const answer = await cluster.ask(1, InitProducerId, 4, {
    transactionalId: '',
    transactionTimeoutMs: 60_000,
  })
  expect(told(answer)).toMatchInlineSnapshot(
    `errorCode: INVALID_REQUEST, producerId: -1, producerEpoch: -1`,
  )
})

test('sequences', async () => {
  const topic = await cluster.createTopic('counted')
  const { producerId } = await newProducer()
  const send = async (baseSequence: number, count = 1, producerEpoch = 0) =>
    told(
      await produce(
        topic,
        batch({
          records: Array.from({ length: count }, () => ({ value: text.encode('v') })),
          producerId,
          producerEpoch,
          baseSequence,
        }),
      ),
    )
  expect(await send(0)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(1, 3)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(1, 3)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 1, logAppendTimeMs: <now>, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(1, 2)).toMatchInlineSnapshot(`
    - index: 0, errorCode: OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(5)).toMatchInlineSnapshot(`
    - index: 0, errorCode: OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(4)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 4, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(5)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 5, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(6)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 6, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(7)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 7, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(0)).toMatchInlineSnapshot(`
    - index: 0, errorCode: OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(1, 1, 1)).toMatchInlineSnapshot(`
    - index: 0, errorCode: OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(0, 1, 1)).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 8, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(1, 1, 0)).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_PRODUCER_EPOCH, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  expect(await send(-1, 1, 1)).toMatchInlineSnapshot(`
    - index: 0, errorCode: INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: []
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('a sequence that begins anywhere', async () => {
  const topic = await cluster.createTopic('counted')
  const { producerId } = await newProducer()
  const records = batch({ producerId, producerEpoch: 3, baseSequence: 42 })
  expect(told(await produce(topic, records))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  const wrapping = batch({
    records: [{}, {}, {}],
    producerId: producerId + 1000,
    producerEpoch: 0,
    baseSequence: 2 ** 31 - 2,
  })
  expect(told(await produce(topic, wrapping))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 1, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
  const next = batch({ producerId: producerId + 1000, producerEpoch: 0, baseSequence: 1 })
  expect(told(await produce(topic, next))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 4, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})

test('acks=all waits for those in sync no longer than it is told', async () => {
  const topic = await cluster.createTopic('orders', [[1, 2, 3]])
  await sleep(200)
  expect(told(await produce(topic, batch(), { timeoutMs: 5000 }))).toMatchInlineSnapshot(`
    - index: 0, errorCode: NONE, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, recordErrors: [], errorMessage: null
      currentLeader:
        leaderId: -1, leaderEpoch: -1
  `)
})
