/** The command as a user runs it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { ClusterState } from '../../actors/cluster-state.ts'
import type { TraceEntry } from '../../actors/trace.ts'
import { killSamsas, runSamsa as run, startSamsa as start } from './samsa-process.ts'

afterEach(killSamsas)

const anyPorts = ['--port', '0', '--zookeeper-port', '0', '--control-port', '0']

async function up(...args: string[]) {
  const cluster = start('up', '--json', ...anyPorts, ...args)
  const ready = JSON.parse(await cluster.firstLine) as {
    ready: boolean
    bootstrapServers: string
    zookeeper: string
    control: string
  }
  const state = async (): Promise<ClusterState> =>
    JSON.parse((await run('state', '--json', '--control', ready.control)).out)
  return { ...cluster, ready, state }
}

test('up says where it is in one line; state and faults reach it; Ctrl-C ends it within a second', async () => {
  const { child, ended, ready, state } = await up('--topic', 'orders:2:3')
  expect(ready.ready).toBe(true)
  expect(ready.bootstrapServers.split(',')).toHaveLength(3)
  expect(ready.zookeeper).toMatch(/^127\.0\.0\.1:\d+$/)

  const before = await state()
  expect(before.brokers.map(({ id, state }) => [id, state])).toEqual([
    [1, 'running'],
    [2, 'running'],
    [3, 'running'],
  ])
  expect(before.controller).toBeTypeOf('number')
  expect(
    before.partitions.map(({ topic, partition, replicas }) => [topic, partition, replicas.length]),
  ).toEqual([
    ['orders', 0, 3],
    ['orders', 1, 3],
  ])
  expect(before.partitions[0]?.replicaStates.map(({ broker }) => broker).sort()).toEqual([1, 2, 3])

  const killed = await run('fault', 'kill', '2', '--control', ready.control)
  expect(killed).toMatchObject({ code: 0, out: 'broker 2: killed\n' })
  expect((await state()).brokers[1]?.state).toBe('killed')
  const again = await run('fault', 'kill', '2', '--control', ready.control)
  expect(again.code).toBe(1)
  expect(again.err).toBe(
    'samsa: cannot kill broker 2: it is killed, not starting or running or paused or stopping\n',
  )
  const restarted = await run('fault', 'restart', '2', '--control', ready.control)
  expect(restarted).toMatchObject({ code: 0, out: 'broker 2: running\n' })
  expect((await run('fault', 'list', '--control', ready.control)).out).toContain(
    'broker 2: running',
  )
  const nobody = await run('fault', 'kill', '9', '--control', ready.control)
  expect(nobody.err).toBe('samsa: No broker 9: the brokers are 1, 2, 3\n')
  expect((await run('state', '--control', ready.control)).out).toMatch(/PARTITION +LEADER/)

  const pressedAt = performance.now()
  child.kill('SIGINT')
  expect((await ended).code).toBe(0)
  expect(performance.now() - pressedAt).toBeLessThan(1000)
})

test('fault cuts a broker off, and Ctrl-C ends the cluster all the same', async () => {
  const { child, ended, ready, state } = await up('--topic', 'orders:1:3')
  const leader = (await state()).partitions[0]?.leader
  const fault = (...args: string[]) => run('fault', ...args, '--control', ready.control)
  expect((await fault('latency', '5', '--between', `${leader},zookeeper`)).out).toBe(
    `stands: latency 5 ms broker-${leader} ↔ zookeeper (fired 0)\n`,
  )
  expect((await fault('isolate', `${leader}`)).out).toContain(`stands: isolate broker-${leader} `)
  await expect
    .poll(async () => (await state()).partitions[0]?.leader, { timeout: 20_000, interval: 200 })
    .not.toBe(leader)
  expect((await fault('list')).out).toMatch(/isolate +cuts the lines[\s\S]*stands: isolate/)
  expect((await fault('partition', '1', '2,9')).err).toContain('no node broker-9')
  child.kill('SIGINT')
  expect((await ended).code).toBe(0)
})

test('the whole story goes into a file, down to what Ctrl-C ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'samsa-'))
  const file = join(folder, 'story.ndjson')
  const { child, ended } = await up('--brokers', '1', '--topic', 'orders:1:1', '--trace', file)
  child.kill('SIGINT')
  expect((await ended).code).toBe(0)
  const lines = (await readFile(file, 'utf8')).split('\n')
  expect(lines.pop()).toBe('')
  const story = lines.map(line => JSON.parse(line) as TraceEntry)
  expect(story.map(({ seq }) => seq)).toEqual(story.map((_, at) => at + 1))
  expect(story).toContainEqual(
    expect.objectContaining({ kind: 'state', path: 'broker-1/partition/orders-0' }),
  )
  expect(story.at(-1)).toMatchObject({ kind: 'actor', type: 'stopped' })
  await rm(folder, { recursive: true })

  const nowhere = await run('up', ...anyPorts, '--trace', file)
  expect(nowhere.code).toBe(1)
  expect(nowhere.err).toContain(`no such file or directory, open '${file}'`)
})

test('inspect follows one chart fact by fact, to its end', async () => {
  const { ready } = await up('--brokers', '1')
  const actor = 'broker-1'
  const followed = start('inspect', '--actor', actor, '--stately', '--control', ready.control)
  expect(await followed.firstLine).toBe('running.connected')
  const page = await followed.errMatch(/Open (http:\/\/127\.0\.0\.1:\d+\/) /)
  expect(await (await fetch(page)).text()).toContain(actor)
  await run('fault', 'stop', '1', '--control', ready.control)
  const { code, out, err } = await followed.ended
  expect(code).toBe(0)
  expect(out).toMatch(/^shutdown\.requested → /m)
  expect(err).toContain(`${actor} has stopped.`)

  const nobody = await run('inspect', '--actor', 'broker-9', '--control', ready.control)
  expect(nobody.code).toBe(1)
  expect(nobody.err).toContain('No actor broker-9 is running')
})

test('a taken port is a clear error naming it', async () => {
  const taken: Server = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  for (const option of ['--port', '--zookeeper-port', '--control-port']) {
    const others = ['--port', '--zookeeper-port', '--control-port'].flatMap(name => [
      name,
      name === option ? String(port) : '0',
    ])
    const { code, err } = await run('up', '--brokers', '1', ...others)
    expect(err).toContain(`port ${port} is taken`)
    expect(code).toBe(1)
  }
  taken.close()
})

test('what cannot be is said with what, why and what to do', async () => {
  const refused = async (...args: string[]): Promise<string> => {
    const { code, err } = await run(...args)
    expect(code).toBe(1)
    return err
  }
  expect(await refused('up', ...anyPorts, '--override', 'num.partitons=3')).toContain(
    'Unknown configuration num.partitons',
  )
  expect(await refused('up', ...anyPorts, '--override', 'num.partitions=many')).toContain(
    'Invalid value many for configuration num.partitions',
  )
  expect(await refused('up', '--brokers', '0')).toContain('a whole number from 1 to 100')
  expect(await refused('up', '--topic', 'orders:x')).toContain('partitions must be a whole number')
  expect(await refused('up', '--profile', 'slow')).toContain('Allowed choices are fast, kafka')
  expect(await refused('state', '--control', 'http://127.0.0.1:1')).toContain(
    'start one with "samsa up"',
  )
  expect(await refused('fault', 'kill', 'two')).toContain('a broker is a number')
  expect(await refused('machines', 'show', 'nothing')).toContain('there is no chart nothing')
})

test('machines are listed, and shown as a module of their own, Mermaid, JSON or a picture', async () => {
  const list = (await run('machines', 'list')).out
  for (const name of [
    'broker',
    'controller',
    'leader-election',
    'partition-replica',
    'consumer-group',
  ])
    expect(list).toMatch(new RegExp(`^${name} `, 'm'))
  const mermaid = (await run('machines', 'show', 'leader-election', '--format', 'mermaid')).out
  expect(mermaid).toMatch(/^stateDiagram-v2\n/)
  expect(mermaid).toContain('electing')
  const module = (await run('machines', 'show', 'leader-election')).out
  expect(module).toContain('export const machine = createMachine({')
  expect((await run('machines', 'show', 'session', '--format', 'svg')).out).toMatch(/^<svg /)
  const json = (await run('machines', 'show', 'session', '--format', 'json')).out
  expect(JSON.parse(json)).toMatchObject({ id: 'session', initial: 'arriving' })
})
