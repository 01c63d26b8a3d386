/** DescribeLogDirs where there is a directory, and where its disk has failed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startCluster } from '../../actors/node.ts'
import { errors } from '../../src/error.ts'
import { simulatedPlatform } from '../../src/platform/simulated.ts'
import { DescribeLogDirs } from '../../src/protocol/index.ts'
import { Connection } from '../contract/wire.ts'
import { WholeCluster } from './broker/whole-cluster.ts'

const topics = [{ name: 'orders', partitions: 1, replicationFactor: 1 }]

test('the directory, what is in it, and what its volume has', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'samsa-log-dirs-'))
  try {
    await using cluster = await startCluster({ dataDir, brokers: 1, topics })
    const producer = cluster.producer('writer')
    await producer.send({ topic: 'orders', partition: 0, value: 'x'.repeat(1000) })
    await producer.close()
    const connection = await Connection.open(cluster.bootstrapServers)
    const answer = await connection.request(DescribeLogDirs, 4, { topics: null })
    connection.close()
    const { logDir, totalBytes = 0, usableBytes = 0, topics: found } = answer.results[0] ?? {}
    expect(logDir).toBe(join(dataDir, 'broker-1'))
    expect(usableBytes).toBeGreaterThan(0)
    expect(totalBytes).toBeGreaterThan(usableBytes)
    const size = found?.find(({ name }) => name === 'orders')?.partitions[0]?.partitionSize
    expect(size).toBeGreaterThan(1000)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('a failed disk is KAFKA_STORAGE_ERROR', async () => {
  const platform = simulatedPlatform({ seed: 5, disks: 'torn' })
  await using whole = await WholeCluster.start({ platform, topics })
  const { leader = 0 } = whole.cluster.partition('orders', 0).state ?? {}
  platform.tornDisk(`broker-${leader}`)?.fail('EIO')
  const producer = whole.cluster.producer('writer')
  producer.send({ topic: 'orders', partition: 0, value: 'x' }).catch(() => {})
  await whole.cluster.partition('orders', 0).until(state => state.leader === -1)
  const answer = await whole.ask(leader, DescribeLogDirs, { topics: null })
  expect(answer.results).toMatchObject([{ errorCode: errors.KAFKA_STORAGE_ERROR, topics: [] }])
})
