import { beforeEach, expect, test } from 'vitest'
import { openAcl } from '../../../src/zookeeper/acl.ts'
import { type Applied, DataTree } from '../../../src/zookeeper/data-tree.ts'
import { keeperCodeName } from '../../../src/zookeeper/error.ts'
import type { WritePart } from '../../../src/zookeeper/multi.ts'
import { isValidPath, toTxn, type WriteRequest } from '../../../src/zookeeper/request-to-txn.ts'
import type { Txn } from '../../../src/zookeeper/txn.ts'

const rules = { extendedTypesEnabled: true, skipACL: false, enforceQuota: false }
const requester = { session: '0x7', identities: [{ scheme: 'ip', id: '127.0.0.1' }] } as const
const flags = { persistent: 0, ephemeral: 1, sequential: 2, container: 4 }

let tree: DataTree

beforeEach(() => {
  tree = new DataTree()
})

const apply = (txn: Txn): Applied =>
  tree.apply({
    zxid: tree.lastZxid + 1,
    atMs: 1000 + tree.lastZxid,
    session: requester.session,
    txn,
  })
const write = (request: WriteRequest): Applied => apply(toTxn(tree, request, requester, rules))

const create = (path: string, mode: keyof typeof flags = 'persistent'): WritePart => ({
  operation: 'create',
  body: { path, data: null, acl: openAcl, flags: flags[mode] },
})
const remove = (path: string, version = -1): WritePart => ({
  operation: 'delete',
  body: { path, version },
})
const set = (path: string, version = -1): WritePart => ({
  operation: 'setData',
  body: { path, data: Uint8Array.of(1, 2), version },
})
const check = (path: string, version: number): WritePart => ({
  operation: 'check',
  body: { path, version },
})

/** `NODEEXISTS`, or OK. */
const said = ({ outcome }: Applied): string =>
  outcome.type === 'error' ? keeperCodeName(outcome.error) : 'OK'

test('a new tree has the nodes of its own', () => {
  expect([...tree.paths()]).toEqual(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'])
  // Nobody created them: the formula of creations and deletions goes below zero, as in ZooKeeper.
  expect(tree.stat('/')).toMatchObject({ cversion: -1, numChildren: 1, pzxid: 0 })
  expect(tree.stat('')).toEqual(tree.stat('/'))
  expect(tree.stat('/none')).toBeNull()
})

test('a new node has the zxid and time of its transaction', () => {
  const { outcome, changes } = write(create('/a'))
  expect(outcome).toMatchObject({ type: 'create', path: '/a' })
  expect(tree.stat('/a')).toEqual({
    czxid: 1,
    mzxid: 1,
    ctime: 1000,
    mtime: 1000,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: '0x0',
    dataLength: 0,
    numChildren: 0,
    pzxid: 1,
  })
  expect(changes).toMatchObject([
    { kind: 'created', path: '/a' },
    { kind: 'childrenChanged', path: '/' },
  ])
})

test("a child's coming and going shows in its parent's cversion and pzxid, in nothing else", () => {
  write(create('/a'))
  write(create('/a/b'))
  expect(tree.stat('/a')).toMatchObject({
    cversion: 1,
    pzxid: 2,
    mzxid: 1,
    version: 0,
    mtime: 1000,
  })
  write(set('/a/b'))
  expect(tree.stat('/a')).toMatchObject({ cversion: 1, pzxid: 2 })
  const { changes } = write(remove('/a/b'))
  expect(tree.stat('/a')).toMatchObject({ cversion: 2, pzxid: 4, numChildren: 0 })
  expect(changes).toMatchObject([
    { kind: 'deleted', path: '/a/b' },
    { kind: 'childrenChanged', path: '/a' },
  ])
})

test('setData counts versions and tells nobody but the node', () => {
  write(create('/a'))
  const { changes, outcome } = write(set('/a', 0))
  expect(outcome).toMatchObject({ stat: { version: 1, mzxid: 2, mtime: 1001, dataLength: 2 } })
  expect(changes).toMatchObject([{ kind: 'dataChanged', path: '/a' }])
  expect(said(write(set('/a', 0)))).toBe('BADVERSION')
})

test('setAcl counts its own version and tells nobody', () => {
  write(create('/a'))
  const { changes, outcome } = write({
    operation: 'setAcl',
    body: { path: '/a', acl: openAcl, version: 0 },
  })
  expect(outcome).toMatchObject({ stat: { aversion: 1, version: 0, mzxid: 1 } })
  expect(changes).toEqual([])
})

test('sequence numbers count every child ever created, whatever became of it', () => {
  write(create('/p'))
  const next = () => {
    const { outcome } = write(create('/p/n-', 'sequential'))
    return outcome.type === 'create' ? outcome.path : ''
  }
  expect(next()).toBe('/p/n-0000000000')
  expect(next()).toBe('/p/n-0000000001')
  write(remove('/p/n-0000000001'))
  expect(next()).toBe('/p/n-0000000002')
  write(create('/p/plain'))
  write(create('/p/plain'))
  expect(next()).toBe('/p/n-0000000004')
})

test('a refused write uses up a zxid', () => {
  expect(said(write(remove('/none')))).toBe('NONODE')
  expect(tree.lastZxid).toBe(1)
  write(create('/a'))
  expect(tree.stat('/a')?.czxid).toBe(2)
})

test('the order of the checks decides which error is told', () => {
  write(create('/a'))
  write(create('/a/b'))
  write(create('/e', 'ephemeral'))
  const cases: [WritePart, string][] = [
    [create('/a'), 'NODEEXISTS'],
    [create('/none/b'), 'NONODE'],
    [create('/none/b/'), 'NONODE'],
    [create('/a/b/'), 'BADARGUMENTS'],
    [create('a'), 'BADARGUMENTS'],
    [create(''), 'BADARGUMENTS'],
    [create('/e/x'), 'NOCHILDRENFOREPHEMERALS'],
    [create('/e/x', 'ephemeral'), 'NOCHILDRENFOREPHEMERALS'],
    [remove('/a', 5), 'BADVERSION'],
    [remove('/a'), 'NOTEMPTY'],
    [remove('/'), 'BADARGUMENTS'],
    [remove('/zookeeper/quota'), 'BADARGUMENTS'],
    [remove('/none'), 'NONODE'],
    [set('/none'), 'NONODE'],
    [set('none'), 'BADARGUMENTS'],
  ]
  for (const [request, error] of cases)
    expect([request, said(write(request))]).toEqual([request, error])
})

test('paths are what ZooKeeper takes for one', () => {
  for (const path of ['/', '/a', '/a/b', '/ä€', '/a b', '/.a', '/a..'])
    expect([path, isValidPath(path)]).toEqual([path, true])
  for (const path of [
    '',
    'a',
    '/a/',
    '//',
    '/a//b',
    '/.',
    '/a/..',
    '/a/./b',
    '/\u0001',
    '/\u009f',
    '/😀',
  ])
    expect([path, isValidPath(path)]).toEqual([path, false])
})

test('the parts of a multi see each other and share one zxid', () => {
  const { outcome, changes } = write({
    operation: 'multi',
    body: [
      create('/a'),
      set('/a', 0),
      check('/a', 1),
      create('/a/n-', 'sequential'),
      remove('/a/n-0000000000'),
    ],
  })
  expect(outcome).toMatchObject({
    type: 'multi',
    parts: [
      { type: 'create', stat: { czxid: 1, version: 0 } },
      { type: 'setData', stat: { czxid: 1, mzxid: 1, version: 1 } },
      { type: 'check' },
      { type: 'create', path: '/a/n-0000000000' },
      { type: 'delete' },
    ],
  })
  expect(changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'created /a',
    'childrenChanged /',
    'dataChanged /a',
    'created /a/n-0000000000',
    'childrenChanged /a',
    'deleted /a/n-0000000000',
    'childrenChanged /a',
  ])
})

test('a multi of which a part fails does nothing, sequence numbers included', () => {
  write(create('/a'))
  const { outcome, changes } = write({
    operation: 'multi',
    body: [create('/a/n-', 'sequential'), check('/a', 7), create('/b')],
  })
  expect(outcome).toMatchObject({ parts: [{ error: 0 }, { error: -103 }, { error: -2 }] })
  expect(changes).toEqual([])
  expect(tree.lastZxid).toBe(2)
  expect(write(create('/a/n-', 'sequential')).outcome).toMatchObject({ path: '/a/n-0000000000' })
})

test('closing a session deletes its ephemerals at one zxid', () => {
  apply({ type: 'createSession', timeoutMs: 2000 })
  write(create('/e1', 'ephemeral'))
  write(create('/e2', 'ephemeral'))
  expect(tree.ephemeralsOf('0x7')).toEqual(['/e1', '/e2'])
  expect(tree.stat('/e1')?.ephemeralOwner).toBe('0x7')
  expect([...tree.sessions]).toEqual([['0x7', 2000]])
  const { changes } = apply({ type: 'closeSession', ephemerals: tree.ephemeralsOf('0x7') })
  expect(changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'deleted /e1',
    'childrenChanged /',
    'deleted /e2',
    'childrenChanged /',
  ])
  expect(changes[0]?.ephemeralOwner).toBe('0x7')
  expect(tree.stat('/')?.pzxid).toBe(tree.lastZxid)
  expect(tree.ephemeralOwners).toEqual([])
  expect(tree.sessions.size).toBe(0)
})

test('containers and TTL nodes hide their owner, and wait to be reaped', () => {
  write({ operation: 'createContainer', body: create('/c', 'container').body } as WriteRequest)
  const ttl = { ...create('/t').body, flags: 5, ttlMs: 1000 } as const
  write({ operation: 'createTtl', body: ttl as never })
  expect(tree.stat('/c')?.ephemeralOwner).toBe('0x0')
  expect([...tree.perishable]).toEqual(['/c', '/t'])
  write(remove('/c'))
  expect([...tree.perishable]).toEqual(['/t'])
})

test('what is written is copied: the frame it came in may be used again', () => {
  const data = Uint8Array.of(1)
  write({ operation: 'create', body: { path: '/a', data, acl: openAcl, flags: 0 } })
  data[0] = 9
  expect(tree.node('/a')?.data).toEqual(Uint8Array.of(1))
})

test('the same transactions make the same tree', () => {
  const log: Txn[] = []
  for (const request of [create('/a'), create('/a/n-', 'sequential'), set('/a'), remove('/none')]) {
    log.push(toTxn(tree, request, requester, rules))
    apply(log.at(-1) as Txn)
  }
  const again = new DataTree()
  for (const [index, txn] of log.entries())
    again.apply({ zxid: index + 1, atMs: 1000 + index, session: '0x7', txn })
  expect([...again.paths()].map(path => [path, again.stat(path)])).toEqual(
    [...tree.paths()].map(path => [path, tree.stat(path)]),
  )
})

test('descendants are counted at any depth', () => {
  for (const path of ['/a', '/a/b', '/a/b/c', '/d']) write(create(path))
  expect(tree.descendantCount('/a')).toBe(2)
  expect(tree.descendantCount('/')).toBe(tree.nodeCount - 1)
  expect(tree.descendantCount('/none')).toBe(0)
})
