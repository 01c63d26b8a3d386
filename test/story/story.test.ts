import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/memory.ts'
import type { Line } from '../../story/line.ts'
import { parseLine } from '../../story/line.ts'
import { Recording } from '../../story/recording.ts'
import { emptyStory, fromJson, type Story, tell, toJson } from '../../story/story.ts'

let cluster: Cluster
let lines: readonly Line[]

beforeAll(async () => {
  cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
    traceContexts: true,
  })
  const producer = cluster.producer('shop')
  for (let n = 0; n < 10; n++) await producer.send({ topic: 'orders', value: `${n}` })
  const orders = cluster.partition('orders', 0)
  const dead = orders.leader
  dead?.kill()
  await orders.until(({ leader }) => leader >= 0 && leader !== dead?.id)
  await dead?.restart()
  await orders.until(({ isr }) => isr.length === 3)
  lines = cluster.trace.kept
})

afterAll(() => cluster.stop())

const told = (count: number): Story => {
  const story = emptyStory()
  for (const line of lines.slice(0, count)) tell(story, line)
  return story
}

test('a story has every actor as it is', () => {
  const { actors } = told(lines.length)
  const running = [...actors.values()].filter(({ status }) => status === 'running')
  expect(running.map(({ path }) => path).sort()).toEqual([...cluster.registry.roots.keys()].sort())
  for (const { path, chart, context } of running) {
    const root = cluster.registry.roots.get(path)
    expect(chart).toBe(root?.machine.id)
    expect(context, path).toEqual(root?.getSnapshot().context)
  }
})

test('a story has every znode as ZooKeeper has it', () => {
  const { znodes } = told(lines.length)
  expect(znodes.size).toBeGreaterThan(20)
  for (const { path, data } of znodes.values())
    expect(data ?? '', path).toBe(new TextDecoder().decode(cluster.znode(path) ?? new Uint8Array()))
})

test('a timer has the time at which it is due', () => {
  const story = emptyStory()
  let armed = 0
  for (const line of lines) {
    tell(story, line)
    for (const { event, dueAtMs } of story.actors.get(line.path)?.timers ?? []) {
      armed++
      expect(event).toMatch(/^xstate\.after\./)
      expect(dueAtMs).toBeGreaterThanOrEqual(line.atMs)
    }
  }
  expect(armed).toBeGreaterThan(0)
})

test('going back and forth tells the same story as going on', () => {
  const recording = new Recording()
  for (const line of lines) recording.add(line)
  expect(lines.length).toBeGreaterThan(1000)
  for (const count of [1, 999, 1000, 1001, 57, lines.length, 1500, 0]) {
    const seq = lines[count - 1]?.seq ?? 0
    expect(toJson(recording.at(seq))).toEqual(toJson(told(count)))
  }
  expect(toJson(recording.end)).toEqual(toJson(told(lines.length)))
})

test('a recording that forgets its first lines has told them in what it begins with', () => {
  const recording = new Recording(emptyStory(), 1000)
  for (const line of lines) recording.add(line)
  expect(recording.lines.length).toBeLessThan(2000)
  expect(recording.lines[0]?.seq).toBe(recording.base.seq + 1)
  expect(toJson(recording.base)).toEqual(toJson(told(lines.length - recording.lines.length)))
  expect(toJson(recording.at(recording.end.seq))).toEqual(toJson(told(lines.length)))
})

test('a story survives the way through JSON', () => {
  const story = told(lines.length)
  const there = fromJson(JSON.parse(JSON.stringify(toJson(story))))
  expect(JSON.stringify(toJson(there))).toBe(JSON.stringify(toJson(story)))
})

test('what is no line of a trace is refused', () => {
  expect(parseLine(JSON.stringify(lines[0]))).toEqual(lines[0])
  for (const text of ['{}', '[]', 'null', '{"seq":1}', 'x'])
    expect(() => parseLine(text)).toThrow(SyntaxError)
})
