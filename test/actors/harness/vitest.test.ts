import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, vi } from 'vitest'
import { expect, test } from '../../../actors/harness/vitest.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('a cluster for each test', () => {
  test.override('clusterOptions', {
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
  })

  test('a record outlives the broker that took it', async ({ cluster }) => {
    const orders = cluster.partition('orders', 0)
    await expect(orders).toHaveLeader()
    const dead = orders.leader
    if (dead === undefined) throw new Error('no leader')
    const others = cluster.brokers.filter(it => it !== dead).map(({ id }) => id)
    await cluster.producer('p').send({ topic: 'orders', value: text('a') })
    dead.kill()
    await expect(dead).toBeInState('killed')
    await expect(orders).toHaveLeaderOtherThan(dead.id)
    await expect(orders).not.toHaveLeader(dead.id)
    await expect(orders).toHaveIsr(others)
    await expect(orders).toBeInState('leader')
    await dead.restart()
    await expect(orders).toHaveIsr([1, 2, 3])
    await expect(dead).toBeInState('running')
  })

  test('faults fire, and are asked after', async ({ cluster, faults }) => {
    const fault = faults.injectError('Produce', 'NOT_ENOUGH_REPLICAS', {
      topic: 'orders',
      times: 2,
    })
    expect(fault).not.toHaveFired()
    await cluster.producer('p').send({ topic: 'orders', value: text('a') })
    expect(fault).toHaveFired()
    expect(fault).toHaveFired(2)
    expect(() => expect(fault).toHaveFired(3)).toThrow(/have fired 3 times; it has fired 2 times/)
    faults.delayOn('Heartbeat', 5, { optional: true })
  })

  test('a group is waited for: its state, and its lag by committed offsets', async ({
    cluster,
  }) => {
    const producer = cluster.producer('p')
    for (const value of ['a', 'b', 'c'])
      await producer.send({ topic: 'orders', value: text(value) })
    const billing = cluster.group('billing')
    const consumer = cluster.consumer('c', {
      groupId: 'billing',
      topics: ['orders'],
      autoOffsetReset: 'earliest',
      autoCommitIntervalMs: 100,
      maxPollRecords: 1,
    })
    let read = 0
    // Reads two of three, and stops.
    consumer.batches.subscribe(batch => {
      read += batch.records.length
      if (read <= 2) batch.ack()
    })
    await expect(billing).toBeInState('Stable')
    await expect(billing).toHaveLag(1)
    await expect(billing).not.toHaveLag(0, { timeoutMs: 500 })
    consumer.kill()
    const rest = cluster.consumer('c2', {
      groupId: 'billing',
      topics: ['orders'],
      autoCommitIntervalMs: 100,
    })
    rest.batches.subscribe(batch => batch.ack())
    await expect(billing).toHaveLag(0, { timeoutMs: 120_000 })
  })

  test('members of a group are waited for, however many', async ({ cluster }) => {
    const join = (name: string) => {
      const consumer = cluster.consumer(name, { groupId: 'three', topics: ['orders'] })
      consumer.batches.subscribe(batch => batch.ack())
      return consumer
    }
    const [first] = [join('a'), join('b'), join('c')]
    const { members, state } = await cluster.group('three').stable({ members: 3 })
    expect(members).toHaveLength(3)
    expect(state).toBe('stable')
    first?.kill()
    await cluster.group('three').stable({ members: 2, timeoutMs: 120_000 })
    const wrong = cluster.group('three').stable({ members: 5, timeoutMs: 100 })
    await expect(wrong).rejects.toThrow(/three/)
  })

  test('what is not so is told with how things stand and with the story', async ({ cluster }) => {
    const orders = cluster.partition('orders', 0)
    const leader = orders.leader?.id ?? 0
    const wrong = expect(orders).toHaveLeader(leader === 1 ? 2 : 1, { timeoutMs: 100 })
    await expect(wrong).rejects.toThrow(
      /expected orders-0 to be led by broker \d within 100 ms of the cluster's clock; it is led by \d, leader epoch 0, ISR \[.*\]\.\nThe last lines of the story about orders-0:\n.*partition\/orders-0/s,
    )
    await expect(expect(orders).not.toHaveIsr([1, 2, 3], { timeoutMs: 100 })).rejects.toThrow(
      /expected orders-0 not to have the ISR/,
    )
    const nobody = cluster.group('nobody')
    await expect(expect(nobody).toHaveLag(0, { timeoutMs: 200 })).rejects.toThrow(
      /expected group nobody to have a lag of 0 .* it has committed nothing and has no partitions/,
    )
    await expect(expect(nobody).toBeInState('stable', { timeoutMs: 100 })).rejects.toThrow(
      /it is unknown/,
    )
  })

  test('each matcher says what it wants to be given', ({ cluster }) => {
    expect(() => expect(cluster).toHaveLeader(1)).toThrow(/toHaveLeader\(\) wants a partition/)
    expect(() => expect(null).toHaveIsr([1])).toThrow(/wants a partition, not null/)
    expect(() => expect(cluster.broker(1)).toHaveLag(0)).toThrow(/wants a group/)
    expect(() => expect(1).toBeInState('x')).toThrow(/a broker, a group or a partition, not number/)
    expect(() => expect(cluster).toHaveFired()).toThrow(/wants a fault/)
  })

  test('a test starts others at a moment of its own', async ({ cluster, startCluster }) => {
    const other = await startCluster({ platform: 'node', brokers: 1, topics: [] })
    expect(other.platform.kind).toBe('node')
    expect(cluster.platform.kind).toBe('memory')
    expect(cluster.brokers).toHaveLength(3)
  })

  test('with fake timers nothing is started, and it is said why', async ({ startCluster }) => {
    vi.useFakeTimers()
    try {
      await expect(startCluster({ brokers: 1 })).rejects.toThrow(/vi.useFakeTimers.*useRealTimers/)
    } finally {
      vi.useRealTimers()
    }
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      await startCluster({ brokers: 1, topics: [] })
    } finally {
      vi.useRealTimers()
    }
  })
})

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

// A vitest within a vitest, on a machine that has others to run.
test('tests that ought to fail do, and say why', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-'))
  const file = join(folder, 'report.json')
  const output = await new Promise<string>(done =>
    execFile(
      process.execPath,
      [
        resolve('node_modules/vitest/vitest.mjs'),
        'run',
        '--config=test/actors/harness/disappointed.config.ts',
        `--outputFile=${file}`,
      ],
      // Not a worker of this run.
      { env: { PATH: process.env.PATH } },
      (_, stdout, stderr) => done(stdout + stderr),
    ),
  )
  if (!existsSync(file)) throw new Error(output)
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  rmSync(folder, { recursive: true })
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const of = (title: string) => results.find(it => it.title === title)
  expect(of('an unfired fault')?.status).toBe('failed')
  expect(of('an unfired fault')?.failureMessages[0]).toMatch(
    /UnfiredFaults: a fault never fired.*injectError Produce NOT_CONTROLLER/s,
  )
  expect(of('an unfired fault that may')?.status).toBe('passed')
  expect(of('a failure of its own')?.failureMessages).toHaveLength(1)
  expect(of('a failure of its own')?.failureMessages[0]).toMatch(
    /expected 1 to be 2.*The last lines of the story:\n.*broker-1/s,
  )
})
