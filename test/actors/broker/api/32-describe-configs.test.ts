import { beforeEach, expect, test } from 'vitest'
import { describeConfigs } from '../../../../actors/broker/api/32-describe-configs.ts'
import { ensureTopLevelPaths } from '../../../../actors/broker/registration.ts'
import { errors } from '../../../../src/error.ts'
import { DescribeConfigs } from '../../../../src/protocol/index.ts'
import { ConfigZNode } from '../../../../src/zookeeper/paths.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

let ensemble: Ensemble
let broker: LoneBroker

beforeEach(async () => {
  ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble, 1, { 'log.retention.hours': 24 })
  const { zookeeper } = broker.world
  await ensemble.answer(ensureTopLevelPaths(zookeeper))
  const content = ConfigZNode.encode({ 'cleanup.policy': 'compact' })
  await ensemble.answer(zookeeper.create(ConfigZNode.path('topics', 'orders'), content))
  broker.learn({ topics: { orders: [{}] } })
})

const ask = async (
  version: number,
  resourceType: number,
  resourceName: string,
  configurationKeys: string[] | null = null,
  more = {},
) => {
  const { results } = await broker.ask(DescribeConfigs, describeConfigs, version, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    ...more,
  })
  return results[0]
}

test('a topic’s own value comes before the broker’s, that before the default', async () => {
  const result = await ask(4, 2, 'orders', ['cleanup.policy', 'retention.ms', 'segment.ms'], {
    includeSynonyms: true,
    includeDocumentation: true,
  })
  expect(result).toMatchObject({ errorCode: 0, resourceType: 2, resourceName: 'orders' })
  const byName = Object.fromEntries((result?.configs ?? []).map(it => [it.name, it]))
  expect(byName['cleanup.policy']).toEqual({
    name: 'cleanup.policy',
    value: 'compact',
    readOnly: false,
    isDefault: false,
    configSource: 1,
    isSensitive: false,
    synonyms: [
      { name: 'cleanup.policy', value: 'compact', source: 1 },
      { name: 'log.cleanup.policy', value: 'delete', source: 5 },
    ],
    configType: 7,
    documentation: 'delete, compact or both.',
  })
  // By hours, of which Kafka says nothing as long as no milliseconds are set.
  expect(byName['retention.ms']).toMatchObject({
    value: '86400000',
    configSource: 5,
    synonyms: [],
  })
  expect(byName['segment.ms']).toMatchObject({ value: '604800000', configSource: 5 })
})

test('what is not asked for is left out', async () => {
  const result = await ask(3, 2, 'orders', ['flush.ms'])
  expect(result?.configs).toMatchObject([
    { value: '9223372036854775807', synonyms: [], documentation: null, configType: 5 },
  ])
  expect((await ask(1, 2, 'orders'))?.configs.length).toBeGreaterThan(15)
  expect((await ask(1, 2, 'orders', []))?.configs.length).toBeGreaterThan(15)
})

test('v0 could say which values are defaults, and does not, as in Kafka', async () => {
  const result = await ask(0, 2, 'orders', ['cleanup.policy', 'flush.ms'])
  expect(result?.configs.map(({ name, isDefault }) => [name, isDefault])).toEqual([
    ['cleanup.policy', false],
    ['flush.ms', false],
  ])
})

test('a configuration written a moment ago is told, note or no note', async () => {
  const content = ConfigZNode.encode({ 'retention.ms': '5' })
  await ensemble.answer(
    broker.world.zookeeper.setData(ConfigZNode.path('topics', 'orders'), content),
  )
  expect((await ask(2, 2, 'orders', ['retention.ms', 'cleanup.policy']))?.configs).toMatchObject([
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'retention.ms', value: '5', configSource: 1 },
  ])
})

test('a broker tells its own configuration and no other’s', async () => {
  const own = await ask(2, 4, '1', ['log.retention.hours', 'num.partitions'])
  expect(own?.configs).toMatchObject([
    { name: 'num.partitions', value: '1', configSource: 5, readOnly: true },
    { name: 'log.retention.hours', value: '24', configSource: 4 },
  ])
  expect(await ask(2, 4, '2')).toMatchObject({ errorCode: errors.INVALID_REQUEST, configs: [] })
  expect(await ask(2, 4, '')).toMatchObject({ errorCode: errors.NONE, configs: [] })
})

test('what is not there is refused', async () => {
  expect(await ask(2, 2, 'nothing')).toMatchObject({
    errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION,
  })
  expect(await ask(2, 2, 'not a name')).toMatchObject({
    errorCode: errors.INVALID_TOPIC_EXCEPTION,
  })
  expect(await ask(2, 8, '1')).toMatchObject({ errorCode: errors.INVALID_REQUEST })
  const none = await broker.ask(DescribeConfigs, describeConfigs, 2, { resources: [] })
  expect(none.results).toEqual([])
})
