import { beforeEach, expect, test } from 'vitest'
import { describeCluster } from '../../../../actors/broker/api/60-describe-cluster.ts'
import { errors } from '../../../../src/error.ts'
import { DescribeCluster } from '../../../../src/protocol/index.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

let broker: LoneBroker

beforeEach(async () => {
  const ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble)
  broker.learn()
})

const cluster = (version: number, request: object = {}) =>
  broker.ask(DescribeCluster, describeCluster, version, {
    includeClusterAuthorizedOperations: false,
    ...request,
  })

test('DescribeCluster tells brokers and controller', async () => {
  for (const version of [0, 1])
    expect(await cluster(version)).toMatchObject({
      errorCode: 0,
      clusterId: 'the-cluster',
      controllerId: 1,
      brokers: [1, 2, 3].map(id => ({ brokerId: id, host: `h${id}`, port: 9091 + id, rack: null })),
      clusterAuthorizedOperations: -2_147_483_648,
    })
  expect(await cluster(1, { includeClusterAuthorizedOperations: true })).toMatchObject({
    clusterAuthorizedOperations: 8096,
  })
})

test('controllers have no endpoint of their own here', async () => {
  expect(await cluster(1, { endpointType: 2 })).toMatchObject({
    errorCode: errors.MISMATCHED_ENDPOINT_TYPE,
  })
  expect(await cluster(1, { endpointType: 7 })).toMatchObject({
    errorCode: errors.UNSUPPORTED_ENDPOINT_TYPE,
  })
})
