import { beforeEach, expect, test } from 'vitest'
import { openAcl } from '../../../src/zookeeper/acl.ts'
import { type Change, DataTree } from '../../../src/zookeeper/data-tree.ts'
import { type Notification, Watches } from '../../../src/zookeeper/watches.ts'

let watches: Watches

beforeEach(() => {
  watches = new Watches()
})

const change = (kind: Change['kind'], path: string): Change => ({
  kind,
  path,
  ephemeralOwner: '0x0',
})
const created = (path: string): Change[] => [
  change('created', path),
  change('childrenChanged', path.slice(0, path.lastIndexOf('/')) || '/'),
]
const deleted = (path: string): Change[] => [
  change('deleted', path),
  change('childrenChanged', path.slice(0, path.lastIndexOf('/')) || '/'),
]
const written = (path: string): Change[] => [change('dataChanged', path)]

const told = (notifications: readonly Notification[]): string[] =>
  notifications.map(({ watcher, kind, path }) => `${watcher} ${kind} ${path}`)
const fire = (changes: readonly Change[]): string[] => told(watches.fire(changes))

test('a data watch tells of creation, writing or deletion, once', () => {
  for (const changes of [created('/a'), written('/a'), deleted('/a')]) {
    watches.add('data', '/a', 1)
    watches.add('data', '/a', 1)
    expect(fire(changes)).toEqual([`1 ${changes[0]?.kind} /a`])
    expect(fire(changes)).toEqual([])
  }
  expect(watches.size).toBe(0)
})

test('a child watch tells of children that come and go, and of the end of the node', () => {
  watches.add('child', '/a', 1)
  expect(fire(written('/a'))).toEqual([])
  expect(fire(created('/a/b'))).toEqual(['1 childrenChanged /a'])
  watches.add('child', '/a', 1)
  expect(fire(deleted('/a'))).toEqual(['1 deleted /a'])
})

test('who watches both data and children hears of a deletion once', () => {
  watches.add('data', '/a', 1)
  watches.add('child', '/a', 1)
  watches.add('child', '/a', 2)
  watches.add('child', '/', 1)
  expect(fire(deleted('/a'))).toEqual(['1 deleted /a', '2 deleted /a', '1 childrenChanged /'])
})

test('a persistent watch tells of all four and stays', () => {
  watches.addPersistent('/a', 1, 'persistent')
  for (let round = 0; round < 2; round++)
    expect(
      fire([...created('/a'), ...created('/a/b'), ...written('/a'), ...deleted('/a')]),
    ).toEqual(['1 created /a', '1 childrenChanged /a', '1 dataChanged /a', '1 deleted /a'])
})

test('a recursive watch tells of the node and all below it, and not of changed children', () => {
  watches.addPersistent('/a', 1, 'recursive')
  expect(
    fire([...created('/a'), ...created('/a/b'), ...written('/a/b/c'), ...deleted('/ab')]),
  ).toEqual(['1 created /a', '1 created /a/b', '1 dataChanged /a/b/c'])
  watches.addPersistent('/', 2, 'recursive')
  expect(fire(written('/x'))).toEqual(['2 dataChanged /x'])
})

test('a standard watch beside a persistent one goes by itself', () => {
  watches.addPersistent('/a', 1, 'persistent')
  watches.add('data', '/a', 1)
  expect(fire(written('/a'))).toEqual(['1 dataChanged /a'])
  expect(fire(written('/a'))).toEqual(['1 dataChanged /a'])
})

test('watches are found and removed by type', () => {
  expect(watches.remove('/a', 1, 3)).toBe(false)
  watches.add('data', '/a', 1)
  watches.add('child', '/a', 1)
  expect([1, 2, 3].map(type => watches.has('/a', 1, type as 1 | 2 | 3))).toEqual([true, true, true])
  expect(watches.remove('/a', 1, 2)).toBe(true)
  expect(watches.has('/a', 1, 2)).toBe(false)
  expect(watches.has('/a', 1, 3)).toBe(true)
  expect(watches.remove('/a', 1, 3)).toBe(true)
  expect(watches.size).toBe(0)
})

test('a connection that is gone watches nothing', () => {
  watches.add('data', '/a', 1)
  watches.add('child', '/b', 1)
  watches.addPersistent('/c', 1, 'recursive')
  watches.add('data', '/a', 2)
  expect(watches.pathsOf(1)).toEqual(['/a', '/c', '/b'])
  expect(watches.watchersOf('/a')).toEqual([1, 2])
  watches.forget(1)
  expect(watches.watchers).toEqual([2])
  expect(watches.paths).toEqual(['/a'])
  expect(watches.size).toBe(1)
})

test('who comes back is told what it missed, and watches the rest', () => {
  const tree = new DataTree()
  for (const [index, path] of ['/same', '/changed', '/new', '/parent', '/parent/child'].entries())
    tree.apply({
      zxid: index + 1,
      atMs: 0,
      session: '0x1',
      txn: {
        type: 'create',
        path,
        data: null,
        acl: openAcl,
        ownership: { kind: 'persistent' },
        parentCversion: 1,
      },
    })
  const txn = { type: 'setData', path: '/changed', data: null, version: 1 } as const
  tree.apply({ zxid: 6, atMs: 0, session: '0x1', txn })
  const missed = watches.restore(tree, 1, {
    relativeZxid: 4,
    data: ['/same', '/changed', '/gone'],
    exist: ['/new', '/never'],
    child: ['/same', '/parent', '/gone'],
    persistent: ['/p'],
    persistentRecursive: ['/r'],
  })
  expect(told(missed)).toEqual([
    '1 dataChanged /changed',
    '1 deleted /gone',
    '1 created /new',
    '1 childrenChanged /parent',
    '1 deleted /gone',
  ])
  expect(
    fire([...written('/same'), ...created('/never'), ...written('/p'), ...written('/r/x')]),
  ).toEqual(['1 dataChanged /same', '1 created /never', '1 dataChanged /p', '1 dataChanged /r/x'])
})
