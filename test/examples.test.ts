/** The examples as a user runs them: each tells its story and ends by itself. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

const run = async (example: string): Promise<string> => {
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [tsx, join('examples', example)], {
    cwd: root,
  })
  return stdout
}

test('kill-the-leader: ZooKeeper deletes the ephemeral, the chart elects, nothing acknowledged is lost', async () => {
  const story = await run('kill-the-leader.ts')
  const inOrder = [
    /story +orders-0: broker (\d) leads \(leader epoch 0\)/,
    /broker-\d +killed/,
    /zookeeper +deleted ephemeral \/brokers\/ids\/\d/,
    /zookeeper\/session\/0x\w+ +open\.detached → expiring/,
    /controller\/leader-election +settled → electing/,
    /zookeeper +changed \/brokers\/topics\/orders\/partitions\/0\/state/,
    /partition\/orders-0 +follower\.\w+ → leader\.isrCommitted/,
    /story +orders-0: broker (\d) leads \(leader epoch 1\).*stands at offset 20/,
    /created ephemeral \/brokers\/ids\/\d/,
    /story +30 acknowledged, 30 read: each once, in order/,
  ]
  let rest = story
  for (const line of inOrder) {
    expect(rest).toMatch(line)
    rest = rest.slice(rest.search(line))
  }
})

test('kill-the-leader tells the same story every time, to the millisecond', async () => {
  const [first, second] = await Promise.all([run('kill-the-leader.ts'), run('kill-the-leader.ts')])
  expect(first).toBe(second)
})

test('rebalance: six partitions among two, three, seven; one is idle; one leaves, one dies', async () => {
  const story = await run('rebalance.ts')
  expect(story).toMatch(/member-1 reads 0, 1, 2\n.*member-2 reads 3, 4, 5/)
  expect(story).toMatch(/member-3 reads 4, 5/)
  expect(story).toMatch(/member-7 reads nothing: it is idle/)
  expect(story).toMatch(/member-1 leaves in good order[\s\S]*member-7 reads 5/)
  expect(story).toMatch(
    /member-2 dies without a word[\s\S]*stable → preparingRebalance[\s\S]*member-3 reads 0, 1/,
  )
})

test('in-your-app: cluster, producer and consumer as actors of an app ship every order once', async () => {
  const story = await run('in-your-app.ts')
  expect(story).toMatch(/cluster\.broker 1 killed/)
  expect(story).toMatch(/20 placed, 20 shipped, each once/)
})

test('leader-latch: three lose their leader one after another, and each time one is told', async () => {
  const story = await run('leader-latch.ts')
  const inOrder = [
    /story +anna leads\n/,
    /story +anna dies without a word/,
    /zookeeper +deleted …latch-0000000000/,
    /session\/0x\w+ +open\.detached → expiring/,
    /client\/bert\/zookeeper-client +is told: deleted …latch-0000000000/,
    /story +bert leads\n/,
    /session\/0x\w+ +open\.attached → expiring/,
    /story +cleo leads\n/,
    /bert\/leader-latch\S+ +standing\.looking → standing\.enrolling/,
    /cleo\/leader-latch\S+ +leaving\.deleting → left/,
    /story +they led one after another: anna, bert, cleo, bert/,
  ]
  let rest = story
  for (const line of inOrder) {
    expect(rest).toMatch(line)
    rest = rest.slice(rest.search(line))
  }
  // No herd: cleo hears nothing of anna's end.
  expect(story).not.toMatch(/cleo\/zookeeper-client +is told: deleted …latch-0000000000/)
})

test('every example is run by a test', () => {
  const tests = ['kill-the-leader.ts', 'rebalance.ts', 'leader-latch.ts', 'in-your-app.ts']
  expect(readdirSync(join(root, 'examples')).filter(name => !tests.includes(name))).toEqual([])
})
