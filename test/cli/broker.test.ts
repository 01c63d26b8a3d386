/** `samsa broker`, `samsa zookeeper` and `samsa up --zookeeper`: what they say, and what they refuse. */
import { createServer } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import type { ClusterState } from '../../actors/cluster-state.ts'
import { killSamsas, readyLine, runSamsa, startSamsa } from './samsa-process.ts'

// Each process begins cold, and some wait for sessions to end.
vi.setConfig({ testTimeout: 120_000 })
afterEach(killSamsas)

const refused = async (...args: string[]): Promise<string> => {
  const { code, err } = await runSamsa(...args)
  expect(code).toBe(1)
  return err
}

async function zookeeper(...args: string[]) {
  const process = startSamsa('zookeeper', '--json', '--port', '0', ...args)
  const { zookeeper: connect } = await readyLine<{ zookeeper: string }>(process)
  return { process, connect }
}

interface Ready {
  bootstrapServers: string
  zookeeper: string
  clusterId: string
  control: string
}

test('a broker says where it is in one line, and ends in good order; its id is refused while it lives', async () => {
  const { process: server, connect } = await zookeeper()
  const options = ['--id', '4', '--zookeeper', `${connect}/kafka`, '--port', '0']
  const broker = startSamsa('broker', '--json', '--control-port', '0', ...options)
  const ready = await readyLine<Ready>(broker)
  expect(ready).toEqual({
    ready: true,
    broker: 4,
    bootstrapServers: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    zookeeper: `${connect}/kafka`,
    clusterId: expect.stringMatching(/^[\w-]{22}$/),
    control: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  })
  const state = JSON.parse(
    (await runSamsa('state', '--json', '--control', ready.control)).out,
  ) as ClusterState
  expect(state).toMatchObject({ controller: 4, clusterId: ready.clusterId })

  expect(await refused('broker', ...options)).toContain(
    `samsa: broker 4: a live broker at ${ready.bootstrapServers}`,
  )

  const { code, err } = await broker.end('SIGTERM')
  expect(code).toBe(0)
  expect(err).toBe('broker-4: stopping\nbroker-4: stopped\n')
  expect((await server.end('SIGINT')).code).toBe(0)
})

test('up on a ZooKeeper of its own process takes up the cluster that it finds there', async () => {
  const { connect } = await zookeeper()
  const up = (...args: string[]) =>
    startSamsa(
      ...['up', '--json', '--zookeeper', `${connect}/a/b`, '--port', '0'],
      ...['--control-port', '0', '--brokers', '1', ...args],
    )
  const stateOf = async ({ control }: Ready): Promise<ClusterState> =>
    JSON.parse((await runSamsa('state', '--json', '--control', control)).out)
  const first = up('--topic', 'orders:2:1')
  const ready = await readyLine<Ready>(first)
  expect(ready.zookeeper).toBe(`${connect}/a/b`)
  const { clusterId } = await stateOf(ready)
  expect((await first.end('SIGINT')).code).toBe(0)

  const second = up()
  const after = await stateOf(await readyLine<Ready>(second))
  expect(after.clusterId).toBe(clusterId)
  expect(after.partitions.map(({ topic, leader }) => [topic, leader])).toEqual([
    ['orders', 1],
    ['orders', 1],
  ])
})

test('what cannot be is said with what, why and what to do', async () => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const lines = await Promise.all([
    refused('broker'),
    refused('broker', '--id', '4', '--zookeeper', 'zoo:keeper'),
    refused('zookeeper', '--port', String(port)),
    refused('zookeeper', '--port', '0', '--override', 'tickTme=100'),
    refused('up', '--zookeeper', '127.0.0.1:1', '--zookeeper-port', '0'),
  ])
  taken.close()
  const expected = [
    "required option '--id <n>' not specified",
    'samsa: zoo:keeper: "zoo:keeper" is no server; host:port is expected',
    `samsa: port ${port} is taken: end what listens there, or choose another with --port`,
    'samsa: Unknown configuration tickTme',
    "option '--zookeeper <connect>' cannot be used with option '--zookeeper-port <port>'",
  ]
  for (const [at, text] of expected.entries()) expect(lines[at]).toContain(text)
})
