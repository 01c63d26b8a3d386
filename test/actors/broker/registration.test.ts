import { beforeEach, expect, test } from 'vitest'
import {
  ensureChroot,
  ensureTopLevelPaths,
  inspect,
  listBrokers,
  obtainClusterId,
  register,
  remove,
} from '../../../actors/broker/registration.ts'
import { persistentZkPaths } from '../../../src/zookeeper/paths.ts'
import { Ensemble, text, utf8 } from '../zookeeper/ensemble.ts'

let it: Ensemble

beforeEach(async () => {
  it = new Ensemble()
  await it.start()
})

const content = (port: number) => ({
  endpoints: [{ listener: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', host: 'h', port }],
  timestampMs: 1,
  rack: null,
  jmxPort: -1,
})

test('brokers that start together make the same paths, and one cluster id', async () => {
  const clients = ['one', 'two', 'three'].map(name => it.join(name).client)
  await Promise.all(clients.map(client => it.answer(ensureTopLevelPaths(client))))
  for (const path of persistentZkPaths)
    expect(await it.answer((clients[0] as (typeof clients)[0]).exists(path))).not.toBeNull()
  const ids = await Promise.all(
    clients.map((client, i) => it.answer(obtainClusterId(client, `cluster-${i}`))),
  )
  expect(new Set(ids).size).toBe(1)
  const [first] = clients
  expect(first && text((await it.answer(first.getData('/cluster/id'))).data)).toBe(
    `{"version":"1","id":"${ids[0]}"}`,
  )
})

test('a cluster id that nobody can read is said so', async () => {
  const { client } = it.join('one')
  await it.answer(client.create('/cluster', null))
  await it.answer(client.create('/cluster/id', utf8('what')))
  expect(await it.refusal(obtainClusterId(client, 'x'))).toBe('DATAINCONSISTENCY')
})

test('a chroot is made by a client without one', async () => {
  const { client } = it.join('one')
  await it.answer(ensureChroot(client, '/kafka/prod'))
  const { client: rooted } = it.join('two', { chroot: '/kafka/prod' })
  await it.answer(ensureTopLevelPaths(rooted))
  expect(await it.answer(client.exists('/kafka/prod/brokers/ids'))).not.toBeNull()
})

test('a broker’s znode is written in one step; its czxid is the epoch', async () => {
  const { client } = it.join('one')
  await it.answer(ensureTopLevelPaths(client))
  const epoch = await it.answer(register(client, 1, content(9092)))
  const { stat } = await it.answer(client.getData('/brokers/ids/1'))
  expect(stat).toMatchObject({ czxid: epoch, version: 1, ephemeralOwner: client.sessionId })
  expect(await it.answer(inspect(client, 1))).toEqual({
    owner: client.sessionId,
    brokerEpoch: epoch,
    endpoints: ['h:9092'],
  })
  expect(await it.answer(register(client, 1, content(9093)))).toBeNull()
})

test('looking at the znode leaves a watch on it', async () => {
  const [one, two] = [it.join('one'), it.join('two')]
  await it.answer(ensureTopLevelPaths(one.client))
  await it.answer(register(one.client, 1, content(9092)))
  await it.answer(inspect(two.client, 1))
  await it.answer(remove(one.client, 1))
  await it.pass(10)
  expect(two.told).toMatchObject([{ path: '/brokers/ids/1', kind: 'deleted' }])
  expect(await it.answer(inspect(two.client, 1))).toBeNull()
  await it.answer(remove(one.client, 1))
})

test('brokers are listed with what they advertise; what is no broker is left out', async () => {
  const { client } = it.join('one')
  await it.answer(ensureTopLevelPaths(client))
  await it.answer(register(client, 2, content(9093)))
  await it.answer(register(client, 10, content(9101)))
  await it.answer(client.create('/brokers/ids/x', null))
  await it.answer(client.create('/brokers/ids/7', utf8('{}')))
  expect(await it.answer(listBrokers(client))).toEqual([
    { id: 10, endpoints: ['h:9101'] },
    { id: 2, endpoints: ['h:9093'] },
  ])
})
