import { beforeEach, expect, test } from 'vitest'
import { ensureTopLevelPaths } from '../../../actors/broker/registration.ts'
import { ConfigChangesZNode, ConfigZNode } from '../../../src/zookeeper/paths.ts'
import { Ensemble, utf8 } from '../zookeeper/ensemble.ts'
import { LoneBroker } from './lone-broker.ts'

let it: Ensemble
let broker: LoneBroker

beforeEach(async () => {
  it = new Ensemble()
  await it.start()
  broker = new LoneBroker(it)
  await it.answer(ensureTopLevelPaths(broker.world.zookeeper))
})

/** As a tool does: the configuration first, then the note. */
async function write(topic: string, config: Record<string, string>, note = true): Promise<void> {
  const { zookeeper } = broker.world
  const path = ConfigZNode.path('topics', topic)
  const content = ConfigZNode.encode(config)
  if ((await it.answer(zookeeper.exists(path))) === null)
    await it.answer(zookeeper.create(path, content))
  else await it.answer(zookeeper.setData(path, content))
  if (!note) return
  await it.answer(
    zookeeper.create(
      ConfigChangesZNode.sequencePath,
      ConfigChangesZNode.encode(`topics/${topic}`),
      {
        mode: 'persistentSequential',
      },
    ),
  )
}

const notes = () => it.answer(broker.world.zookeeper.getChildren(ConfigChangesZNode.path))

test('all configurations are read at the start', async () => {
  await write('a', { 'retention.ms': '1' }, false)
  await write('b', { 'cleanup.policy': 'compact', 'segment.bytes': '100' }, false)
  await it.answer(broker.topicConfigs.load())
  expect(broker.topicConfigs.get('a')['retention.ms']).toBe(1)
  expect(broker.topicConfigs.get('b')).toMatchObject({
    'cleanup.policy': 'compact',
    'segment.bytes': 100,
    'retention.ms': 604_800_000,
  })
  expect(broker.topicConfigs.overrides('b')).toEqual({
    'cleanup.policy': 'compact',
    'segment.bytes': '100',
  })
  expect(broker.topicConfigs.overrides('c')).toEqual({})
  expect(broker.topicConfigs.get('c')['cleanup.policy']).toBe('delete')
})

test('without topics there is nothing to read', async () => {
  await it.answer(broker.topicConfigs.load())
  expect(broker.changes).toEqual([])
})

test('a change is heard of by its note, and told on', async () => {
  broker.topicConfigs.watch()
  await it.pass(100)
  await write('a', { 'retention.ms': '1' })
  await it.pass(100)
  expect(broker.topicConfigs.get('a')['retention.ms']).toBe(1)
  await write('a', { 'retention.ms': '2' })
  await write('b', { 'retention.ms': '3' })
  await it.pass(100)
  expect(broker.topicConfigs.get('a')['retention.ms']).toBe(2)
  expect(broker.changes).toEqual(['a', 'a', 'b'].map(topic => ({ kind: 'topicConfig', topic })))
})

test('what a change takes back is the default again', async () => {
  broker.topicConfigs.watch()
  await write('a', { 'retention.ms': '1' })
  await write('a', {})
  await it.pass(100)
  expect(broker.topicConfigs.get('a')['retention.ms']).toBe(604_800_000)
})

test('notes of before the start are carried out too, and notes of other entities passed over', async () => {
  await write('a', { 'retention.ms': '1' })
  await it.answer(
    broker.world.zookeeper.create(ConfigChangesZNode.sequencePath, utf8('nonsense'), {
      mode: 'persistentSequential',
    }),
  )
  await it.answer(
    broker.world.zookeeper.create(
      ConfigChangesZNode.sequencePath,
      ConfigChangesZNode.encode('brokers/1'),
      { mode: 'persistentSequential' },
    ),
  )
  broker.topicConfigs.watch()
  await it.pass(100)
  expect(broker.topicConfigs.get('a')['retention.ms']).toBe(1)
  expect(it.failures).toEqual([])
})

test('notes are swept when they are old', async () => {
  broker.topicConfigs.watch()
  await write('a', { 'retention.ms': '1' })
  await it.pass(10 * 60_000)
  await write('a', { 'retention.ms': '2' })
  await it.pass(6 * 60_000)
  expect(await notes()).toHaveLength(2)
  await write('a', { 'retention.ms': '3' })
  await it.pass(100)
  expect(await notes()).toHaveLength(2)
  expect(broker.topicConfigs.get('a')['retention.ms']).toBe(3)
})

test('what cannot be understood is passed over with a note; the rest holds', async () => {
  await write('a', { 'retention.ms': 'soon', 'no.such.key': '1', 'segment.bytes': '100' }, false)
  await it.answer(broker.world.zookeeper.create(ConfigZNode.path('topics', 'b'), utf8('{')))
  await it.answer(broker.topicConfigs.load())
  expect(broker.topicConfigs.get('a')).toMatchObject({
    'retention.ms': 604_800_000,
    'segment.bytes': 100,
  })
  expect(broker.topicConfigs.overrides('b')).toEqual({})
  expect(it.lines('note').map(({ type }) => type)).toEqual([
    'topic configuration ignored',
    'topic configuration ignored',
    'topic configuration unreadable',
  ])
})

test('changes of while the session was gone are found in the next one', async () => {
  broker.topicConfigs.watch()
  await it.pass(100)
  const { zookeeper } = broker.world
  const other = it.join('tool')
  it.zookeeper.expireSession(zookeeper.sessionId)
  await it.pass(500)
  expect(zookeeper.state).toBe('expired')
  await it.answer(
    other.client.create(
      ConfigZNode.path('topics', 'a'),
      ConfigZNode.encode({ 'retention.ms': '9' }),
    ),
  )
  await it.answer(
    other.client.create(ConfigChangesZNode.sequencePath, ConfigChangesZNode.encode('topics/a'), {
      mode: 'persistentSequential',
    }),
  )
  zookeeper.reopen()
  await it.pass(500)
  broker.topicConfigs.watch()
  await it.pass(100)
  expect(broker.topicConfigs.get('a')['retention.ms']).toBe(9)
  expect(it.failures).toEqual([])
})
