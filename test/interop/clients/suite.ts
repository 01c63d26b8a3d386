import { afterAll, afterEach, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { type Cluster, startCluster } from '../../../actors/node.ts'
import { eventually } from '../eventually.ts'
import type { ClientProcess } from './client-process.ts'
import { type ClientUnderTest, type Feature, features } from './clients-under-test.ts'
import type { Codec } from './driver-loop.ts'

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => String(from + i))

const all = (...members: readonly ClientProcess[]): number[] =>
  members.flatMap(({ assignment }) => assignment ?? []).sort((a, b) => a - b)

/**
 * Holds one client, unmodified, over TCP, to every feature that it has. Each process of it is one client of the group, and dies by
 * SIGKILL. The name of each test ends with the feature: the table of the documentation is made of them.
 */
export function clientSuite(client: ClientUnderTest): void {
  describe.skipIf(!client.isInstalled())(client.name, () => {
    let cluster: Cluster
    let processes: ClientProcess[] = []

    beforeAll(async () => {
      cluster = await startCluster()
    })
    afterEach(async () => {
      await Promise.all(processes.map(process => process.kill()))
      processes = []
    })
    afterAll(() => cluster?.stop())

    const start = (): ClientProcess => {
      const started = client.start(cluster.bootstrapServers)
      processes.push(started)
      return started
    }
    /** A client's property that is tested, where it has it. */
    const holds = (feature: Feature, run: (context: TestContext) => Promise<void>): void => {
      if (client.lacks[feature] === undefined) test(features[feature], { timeout: 60_000 }, run)
    }
    const join = async (
      groupId: string,
      topic: string,
      options: { instanceId?: string; cooperative?: boolean; sessionTimeoutMs?: number } = {},
    ): Promise<ClientProcess> => {
      const member = start()
      await member.ask('join', { groupId, topic, ...options })
      return member
    }
    const makeTopic = async (topic: string, partitions: number): Promise<void> => {
      const admin = cluster.admin(`for-${topic}`)
      await admin.createTopics([{ name: topic, numPartitions: partitions }])
      admin.close()
      for (let p = 0; p < partitions; p++)
        await cluster.partition(topic, p).until(({ isr }) => isr.length === 3)
    }
    const produce = async (topic: string, partition: number, values: readonly string[]) => {
      await using producer = cluster.producer(`for-${topic}-${++produced}`)
      await Promise.all(values.map(value => producer.send({ topic, partition, value })))
    }
    let produced = 0
    /** Waits until these members share all partitions, so many each. */
    const sharing = (members: readonly ClientProcess[], shares: readonly number[]): Promise<void> =>
      eventually(
        () =>
          all(...members).join() === numbers(0, 6).join() &&
          members.map(({ assignment }) => assignment?.length ?? -1).join() === shares.join(),
        () => JSON.stringify(members.map(({ assignments }) => assignments)),
        40_000,
      )

    holds('topics', async ({ task }) => {
      const some = start()
      Object.assign(task.meta, { client: client.name, version: await some.ask('version') })
      await some.ask('createTopic', { topic: 'made', partitions: 1 })
      const made = cluster.partition('made', 0)
      await made.until(({ leader, isr }) => leader > 0 && isr.length === 3)
    })

    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const satisfies Codec[])
      holds(codec, async () => {
        const topic = `codec-${codec}`
        await makeTopic(topic, 1)
        const values = numbers(0, 500).map(value => value.padEnd(50, '.'))
        // Producer and consumer of one process.
        const client = start()
        await client.ask('produce', { topic, partition: 0, codec, values })
        await client.ask('join', { topic, groupId: `of-${topic}` })
        await eventually(
          () => client.records.length >= values.length,
          () => `${client.records.length} records`,
        )
        expect(client.records.map(({ value }) => value)).toEqual(values)
        expect(client.records[0]?.offset).toBe(0)
      })

    holds('group', async () => {
      await makeTopic('shared', 6)
      const [a, b] = [await join('three', 'shared'), await join('three', 'shared')]
      const c = await join('three', 'shared')
      await sharing([a, b, c], [2, 2, 2])
      await cluster.group('three').stable({ members: 3 })
      await a.ask('leave')
      await sharing([b, c], [3, 3])
      await b.kill()
      await sharing([c], [6])
      await cluster.group('three').stable({ members: 1 })
      await produce('shared', 5, ['last'])
      await eventually(() => c.records.some(({ value }) => value === 'last'))
    })

    holds('commits', async () => {
      await makeTopic('committed', 1)
      await produce('committed', 0, numbers(0, 20))
      const first = await join('restarted', 'committed')
      await eventually(() => first.records.length === 20)
      await first.ask('commit')
      const admin = cluster.admin('commits')
      const at = async () => (await admin.listGroupOffsets('restarted'))[0]?.offset
      for (const end = performance.now() + 20_000; (await at()) !== 20; )
        if (performance.now() > end) throw new Error(`committed is ${await at()}`)
      admin.close()
      await first.kill()
      await produce('committed', 0, numbers(20, 25))
      const second = await join('restarted', 'committed')
      await eventually(() => second.records.length >= 5)
      expect(second.records.map(({ value }) => value)).toEqual(numbers(20, 25))
    })

    holds('static', async () => {
      await makeTopic('kept', 6)
      const as = (instanceId: string) =>
        join('static', 'kept', { instanceId, sessionTimeoutMs: 20_000 })
      const [a, b] = [await as('a'), await as('b')]
      await sharing([a, b], [3, 3])
      await cluster.group('static').stable({ members: 2 })
      const { generationId } = cluster.group('static').state ?? {}
      const [had, told] = [a.assignment, b.assignments.length]
      await a.kill()
      const again = await as('a')
      await eventually(
        () => again.assignment?.length === 3,
        () => JSON.stringify(again.assignments),
      )
      expect(again.assignment).toEqual(had)
      expect(cluster.group('static').state).toMatchObject({ generationId, state: 'stable' })
      expect(b.assignments.length).toBe(told)
    })

    holds('cooperative', async () => {
      await makeTopic('handed', 6)
      const cooperatively = { cooperative: true }
      const a = await join('cooperative', 'handed', cooperatively)
      const b = await join('cooperative', 'handed', cooperatively)
      await sharing([a, b], [3, 3])
      const [hadA, hadB] = [a.assignment ?? [], b.assignment ?? []]
      const [toldA, toldB] = [a.assignments.length, b.assignments.length]
      const c = await join('cooperative', 'handed', cooperatively)
      await sharing([a, b, c], [2, 2, 2])
      // What a member keeps it had all the while.
      for (const [member, had, told] of [[a, hadA, toldA] as const, [b, hadB, toldB] as const]) {
        const kept = member.assignment ?? []
        expect(had).toEqual(expect.arrayContaining([...kept]))
        for (const between of member.assignments.slice(told))
          expect(between).toEqual(expect.arrayContaining([...kept]))
      }
    })

    holds('failover', async () => {
      await makeTopic('stream', 1)
      const stream = cluster.partition('stream', 0)
      const reader = await join('reading', 'stream', { sessionTimeoutMs: 20_000 })
      const writer = start()
      await writer.ask('write', { topic: 'stream', from: 0, to: 100 })
      await eventually(() => reader.records.length >= 50)
      const writing = writer.ask('write', { topic: 'stream', from: 100, to: 200 })
      const dead = stream.leader
      dead?.kill()
      await writing
      await writer.ask('write', { topic: 'stream', from: 200, to: 300, isLast: true })
      await stream.until(({ leader }) => leader >= 0 && leader !== dead?.id)
      await eventually(
        () => reader.records.some(({ value }) => value === '299'),
        () => `read up to ${reader.records.at(-1)?.value}`,
      )
      await dead?.restart()
      await stream.until(({ isr }) => isr.length === 3)
      const again = await join('reading-again', 'stream')
      await eventually(() => again.records.at(-1)?.value === '299')
      const once = (read: readonly string[]) => [...new Set(read)]
      const written = again.records.map(({ value }) => value)
      expect(client.isIdempotent ? written : once(written)).toEqual(numbers(0, 300))
      // Its group's coordinator may have died with the leader: what it had not committed it may read twice, but skips nothing.
      expect(once(reader.records.map(({ value }) => value))).toEqual(numbers(0, 300))
    })

    holds('admin', async () => {
      await makeTopic('administered', 2)
      await produce('administered', 0, numbers(0, 5))
      const [topic, groupId] = ['administered', 'administered-group']
      const admin = cluster.admin('administers')
      await admin.alterGroupOffsets(groupId, [{ topic, partition: 0, offset: 1 }])
      admin.close()
      const answers = await start().ask('admin', { topic, groupId })
      const wanted = {
        brokers: [1, 2, 3],
        controller: cluster.controller?.id,
        partitions: 4,
        retentionMs: '123456',
        listsGroup: true,
        groupState: 'Empty',
        committed: 3,
        beginning: 2,
        end: 5,
        groupIsLeft: false,
        topicIsLeft: false,
      }
      for (const [name, answer] of Object.entries(answers))
        expect([name, answer]).toEqual([name, wanted[name as keyof typeof wanted]])
      expect(Object.keys(answers).length).toBeGreaterThanOrEqual(3)
    })
  })
}
