/** kcat 1.7.1 with librdkafka, unmodified, over TCP: where it is installed (CI installs it). */
import { spawn, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/node.ts'
import { eventually } from './eventually.ts'

const installed = spawnSync('kcat', ['-V']).status === 0

describe.skipIf(!installed)('kcat', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({
      topics: [{ name: 'orders', partitions: 6, replicationFactor: 3 }],
    })
  })
  afterAll(() => cluster?.stop())

  /** Runs kcat to its end; answers what it printed. */
  const kcat = (args: string[], input = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn('kcat', ['-b', cluster.bootstrapServers, ...args])
      let out = ''
      let err = ''
      child.stdout.on('data', chunk => {
        out += chunk
      })
      child.stderr.on('data', chunk => {
        err += chunk
      })
      child.on('close', code =>
        code === 0 ? resolve(out) : reject(new Error(`kcat ${args.join(' ')}: ${code}\n${err}`)),
      )
      child.stdin.end(input)
    })

  test('lists three brokers, the controller and six partitions', async () => {
    const { brokers, topics, controllerid } = JSON.parse(await kcat(['-L', '-J']))
    expect(brokers.map(({ id }: { id: number }) => id).sort()).toEqual([1, 2, 3])
    expect(controllerid).toBe(cluster.controller?.id)
    const orders = topics.find(({ topic }: { topic: string }) => topic === 'orders')
    expect(orders.partitions).toHaveLength(6)
    for (const { replicas, isrs } of orders.partitions) {
      expect(replicas).toHaveLength(3)
      expect(isrs).toHaveLength(3)
    }
  })

  test('makes a topic by asking for it, and produces to it', async () => {
    await kcat(['-P', '-t', 'made-by-kcat', '-X', 'request.required.acks=-1'], 'hello\n')
    expect(await kcat(['-C', '-t', 'made-by-kcat', '-o', 'beginning', '-e', '-q'])).toBe('hello\n')
  })

  const lines = Array.from({ length: 500 }, (_, i) => `line-${i}`)

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'produces with codec %s and reads it back in a group, checksums verified',
    async codec => {
      const topic = `codec-${codec}`
      await kcat(['-P', '-t', topic, '-z', codec, '-X', 'acks=all'], `${lines.join('\n')}\n`)
      const consumer = spawn('kcat', [
        ...['-b', cluster.bootstrapServers, '-q', '-u', '-X', 'check.crcs=true'],
        ...['-X', 'auto.offset.reset=earliest', '-X', 'session.timeout.ms=6000'],
        ...['-G', `group-${codec}`, topic],
      ])
      let out = ''
      consumer.stdout.on('data', chunk => {
        out += chunk
      })
      await eventually(
        () => out.split('\n').length > lines.length,
        () => out.slice(-200),
      )
      consumer.kill('SIGTERM')
      expect(out.trim().split('\n').sort()).toEqual([...lines].sort())
      await new Promise(resolve => consumer.on('close', resolve))
    },
  )

  test('an idempotent producer writes on while the leader is killed', async () => {
    const orders = cluster.partition('orders', 3)
    const producer = spawn('kcat', [
      ...['-b', cluster.bootstrapServers, '-P', '-t', 'orders', '-p', '3', '-X', 'acks=all'],
      ...['-X', 'enable.idempotence=true', '-X', 'queue.buffering.max.ms=5'],
    ])
    const end = (state = orders.state): number =>
      Math.max(...(state?.replicaStates.map(({ logEndOffset }) => logEndOffset ?? 0) ?? [0]))
    let sent = 0
    const send = (count: number): void => {
      // kcat reads its input by the block: short lines would stay with it.
      for (const stop = sent + count; sent < stop; sent++)
        producer.stdin.write(`${String(sent).padEnd(200)}\n`)
    }
    send(200)
    await eventually(() => end() >= 100)
    const dead = orders.leader
    dead?.kill()
    send(200)
    await orders.until(({ leader }) => leader >= 0 && leader !== dead?.id)
    send(200)
    producer.stdin.end()
    expect(await new Promise(resolve => producer.on('close', resolve))).toBe(0)
    const read = await kcat(['-C', '-t', 'orders', '-p', '3', '-o', 'beginning', '-e', '-q'])
    expect(read.trim().split('\n').map(Number)).toEqual(Array.from({ length: 600 }, (_, i) => i))
    await dead?.restart()
    await orders.until(({ isr }) => isr.length === 3)
  })
})
