import { expect, test } from 'vitest'
import { noUuid } from '../../src/ids.ts'
import { DescribeCluster, FindCoordinator, Metadata } from '../../src/protocol/index.ts'
import { clusterUnderTest, unique } from './cluster-under-test.ts'
import { told, toldByVersion } from './told.ts'

const cluster = clusterUnderTest()

const normal = { allowAutoTopicCreation: false }
const uuid = 'AAAAAAAAAAAAAAAAAAAAAQ'

test('a topic in every version', async () => {
  const topic = await cluster.createTopic('orders', [[1, 2, 3]])
  const answer = await toldByVersion([0, 12], async version => {
    const { topics } = await cluster.ask(1, Metadata, version, {
      topics: [{ name: topic }],
      ...(version >= 4 ? normal : {}),
    })
    return { topics }
  })
  expect(answer).toMatchInlineSnapshot(`
    v0–v6
    topics:
      - errorCode: NONE, name: orders, topicId: none, isInternal: false, topicAuthorizedOperations: -2147483648
        partitions:
          - errorCode: NONE, partitionIndex: 0, leaderId: 1, leaderEpoch: -1, replicaNodes: [1, 2, 3], isrNodes: [1, 2, 3], offlineReplicas: []
    v7–v9
    topics:
      - errorCode: NONE, name: orders, topicId: none, isInternal: false, topicAuthorizedOperations: -2147483648
        partitions:
          - errorCode: NONE, partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1, 2, 3], isrNodes: [1, 2, 3], offlineReplicas: []
    v10–v12
    topics:
      - errorCode: NONE, name: orders, topicId: <uuid>, isInternal: false, topicAuthorizedOperations: -2147483648
        partitions:
          - errorCode: NONE, partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1, 2, 3], isrNodes: [1, 2, 3], offlineReplicas: []
  `)
})

test('the cluster in every version', async () => {
  const answer = await toldByVersion([1, 12], async version => {
    const {
      topics: _,
      controllerId,
      brokers,
      ...rest
    } = await cluster.ask(1, Metadata, version, {
      topics: [],
      ...(version >= 4 ? normal : {}),
    })
    const ids = brokers.map(broker => broker.nodeId).sort()
    return { ...rest, controller: ids.includes(controllerId), ids, rack: brokers[0]?.rack ?? null }
  })
  expect(answer).toMatchInlineSnapshot(`
    v1–v12
    clusterId: <id>, clusterAuthorizedOperations: -2147483648, controller: true, ids: [1, 2, 3], rack: null
  `)
})

test('topics that there are not', async () => {
  const names = [unique('none'), '', '.', '..', 'a/b', 'x'.repeat(250), 'x'.repeat(249)]
  const answer = await cluster.ask(1, Metadata, 12, {
    topics: names.map(name => ({ name })),
    ...normal,
  })
  const byName = answer.topics
    .toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))
    .map(({ name, ...rest }) => ({ ...rest, name: name?.slice(0, 6) }))
  expect(told(byName)).toMatchInlineSnapshot(`
    - errorCode: INVALID_TOPIC_EXCEPTION, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648, name: ''
    - errorCode: INVALID_TOPIC_EXCEPTION, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648, name: .
    - errorCode: INVALID_TOPIC_EXCEPTION, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648, name: ..
    - errorCode: INVALID_TOPIC_EXCEPTION, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648, name: a/b
    - errorCode: UNKNOWN_TOPIC_OR_PARTITION, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648, name: none_x
    - errorCode: UNKNOWN_TOPIC_OR_PARTITION, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648, name: xxxxxx
    - errorCode: INVALID_TOPIC_EXCEPTION, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648, name: xxxxxx
  `)
})

test('topics by id, by both, by nothing', async () => {
  const topic = await cluster.createTopic('orders')
  const { topics } = await cluster.metadata([topic])
  const topicId = topics[0]?.topicId ?? noUuid
  const ask = (asked: { name: string | null; topicId: string }, version = 12) =>
    cluster
      .ask(1, Metadata, version, { topics: [asked], ...normal })
      .then(it => ({ topics: it.topics }))
  expect(told(await ask({ name: null, topicId }))).toMatchInlineSnapshot(`
    topics:
      - errorCode: NONE, name: orders, topicId: <uuid>, isInternal: false, topicAuthorizedOperations: -2147483648
        partitions:
          - errorCode: NONE, partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], offlineReplicas: []
  `)
  expect(told(await ask({ name: null, topicId: uuid }))).toMatchInlineSnapshot(`
    topics:
      - errorCode: UNKNOWN_TOPIC_ID, name: null, topicId: <uuid>, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648
  `)
})

test('a name and an id at once', async () => {
  const topic = await cluster.createTopic('orders')
  const { topics } = await cluster.metadata([topic])
  const topicId = topics[0]?.topicId ?? noUuid
  const answer = await cluster.ask(1, Metadata, 12, {
    topics: [{ name: topic, topicId }],
    ...normal,
  })
  expect(told(answer.topics)).toMatchInlineSnapshot(`
    - errorCode: NONE, name: orders, topicId: <uuid>, isInternal: false, topicAuthorizedOperations: -2147483648
      partitions:
        - errorCode: NONE, partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], offlineReplicas: []
  `)
})

test('neither a name nor an id', async () => {
  const connection = await cluster.connect(1)
  const answer = await connection
    .request(Metadata, 12, { topics: [{ name: null, topicId: noUuid }], ...normal })
    .then(
      ({ topics }) => told({ topics }),
      error => told(String(error)),
    )
  expect(answer).toMatchInlineSnapshot(`
    topics:
      - errorCode: UNKNOWN_SERVER_ERROR, name: '', topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648
  `)
})

test('null names before v12 are refused', async () => {
  const connection = await cluster.connect(1)
  const answer = await connection
    .request(Metadata, 10, { topics: [{ name: null, topicId: uuid }], ...normal })
    .then(
      ({ topics }) => told({ topics }),
      error => told(String(error)),
    )
  expect(answer).toMatchInlineSnapshot(`
    topics:
      - errorCode: INVALID_REQUEST, name: '', topicId: <uuid>, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648
  `)
})

test('what is allowed', async () => {
  const topic = await cluster.createTopic('orders')
  const answer = await cluster.ask(1, Metadata, 10, {
    topics: [{ name: topic }],
    ...normal,
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: true,
  })
  expect(answer.topics[0]?.topicAuthorizedOperations).toMatchInlineSnapshot(`3576`)
  expect(answer.clusterAuthorizedOperations).toMatchInlineSnapshot(`8096`)
})

test('a topic is made by being asked for', async () => {
  const name = unique('auto')
  const first = await cluster.ask(1, Metadata, 12, {
    topics: [{ name }],
    allowAutoTopicCreation: true,
  })
  expect(told(first.topics)).toMatchInlineSnapshot(
    `- errorCode: LEADER_NOT_AVAILABLE, name: auto, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648`,
  )
  await cluster.leader(name)
})

test('a topic whose name cannot be is not made', async () => {
  const answer = await cluster.ask(1, Metadata, 12, {
    topics: [{ name: 'a/b' }],
    allowAutoTopicCreation: true,
  })
  expect(told(answer.topics)).toMatchInlineSnapshot(
    `- errorCode: INVALID_TOPIC_EXCEPTION, name: a/b, topicId: none, isInternal: false, partitions: [], topicAuthorizedOperations: -2147483648`,
  )
})

test('DescribeCluster', async () => {
  const answer = await toldByVersion([0, 1], async version => {
    const { brokers, controllerId, ...rest } = await cluster.ask(1, DescribeCluster, version, {
      includeClusterAuthorizedOperations: true,
    })
    const ids = brokers.map(it => it.brokerId).sort()
    return { ...rest, ids, controller: ids.includes(controllerId), rack: brokers[0]?.rack ?? null }
  })
  expect(answer).toMatchInlineSnapshot(`
    v0–v1
    errorCode: NONE, errorMessage: null, endpointType: 1, clusterId: <id>, clusterAuthorizedOperations: 8096, ids: [1, 2, 3], controller: true, rack: null
  `)
  const controllers = await cluster.ask(1, DescribeCluster, 1, {
    includeClusterAuthorizedOperations: false,
    endpointType: 2,
  })
  expect(told({ ...controllers, controllerId: 0 })).toMatchInlineSnapshot(
    `errorCode: MISMATCHED_ENDPOINT_TYPE, endpointType: 1, clusterId: <id>, controllerId: 0, brokers: [], clusterAuthorizedOperations: -2147483648`,
  )
})

test('a coordinator in every version', async () => {
  const group = unique('group')
  await cluster.coordinator(group)
  const answer = await toldByVersion([0, 6], async version => {
    const found = await cluster.ask(
      1,
      FindCoordinator,
      version,
      version < 4 ? { key: group } : { coordinatorKeys: [group] },
    )
    const coordinators = found.coordinators.map(it => ({ ...it, nodeId: it.nodeId > 0 }))
    return { ...found, nodeId: found.nodeId > 0, coordinators }
  })
  expect(answer).toMatchInlineSnapshot(`
    v0–v3
    errorCode: NONE, errorMessage: some, nodeId: true, host: 127.0.0.1, port: <port>, coordinators: []
    v4–v6
    errorCode: NONE, errorMessage: some, nodeId: false, host: '', port: <port>
    coordinators:
      - key: group, nodeId: true, host: 127.0.0.1, port: <port>, errorCode: NONE, errorMessage: some
  `)
})

test('coordinators of what has none', async () => {
  const ask = (keyType: number, coordinatorKeys: readonly string[]) =>
    cluster.ask(1, FindCoordinator, 6, { keyType, coordinatorKeys }).then(answer => ({
      ...answer,
      coordinators: answer.coordinators.map(it => ({ ...it, nodeId: it.nodeId > 0 })),
    }))
  expect(told(await ask(0, ['']))).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some, nodeId: 0, host: '', port: <port>
    coordinators:
      - key: '', nodeId: true, host: 127.0.0.1, port: <port>, errorCode: NONE, errorMessage: some
  `)
  expect(told(await ask(0, []))).toMatchInlineSnapshot(
    `errorCode: NONE, errorMessage: some, nodeId: 0, host: '', port: <port>, coordinators: []`,
  )
})

test('coordinators of a type that there is not', async () => {
  const connection = await cluster.connect(1)
  const ask = (keyType: number, version: number) =>
    connection
      .request(FindCoordinator, version, {
        keyType,
        ...(version < 4 ? { key: 'g' } : { coordinatorKeys: ['g'] }),
      })
      .then(told, error => told(String(error)))
  expect(await ask(2, 5)).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some, nodeId: 0, host: '', port: <port>
    coordinators:
      - key: g, nodeId: -1, host: '', port: <port>, errorCode: INVALID_REQUEST
  `)
  expect(await ask(2, 6)).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some, nodeId: 0, host: '', port: <port>
    coordinators:
      - key: g, nodeId: -1, host: '', port: <port>, errorCode: COORDINATOR_NOT_AVAILABLE
  `)
  expect(await ask(7, 3)).toMatchInlineSnapshot(
    `errorCode: INVALID_REQUEST, nodeId: -1, host: '', port: <port>, coordinators: []`,
  )
  expect(await ask(7, 4)).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some, nodeId: 0, host: '', port: <port>
    coordinators:
      - key: g, nodeId: -1, host: '', port: <port>, errorCode: INVALID_REQUEST
  `)
})
