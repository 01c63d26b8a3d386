import { beforeEach, expect, test } from 'vitest'
import { openAcl } from '../../../src/zookeeper/acl.ts'
import { DataTree } from '../../../src/zookeeper/data-tree.ts'
import { keeperCodeName } from '../../../src/zookeeper/error.ts'
import type { WritePart } from '../../../src/zookeeper/multi.ts'
import { limitsPath, readQuota, statsPath, writeQuota } from '../../../src/zookeeper/quota.ts'
import { toTxn } from '../../../src/zookeeper/request-to-txn.ts'

/** Goal: what is below a path with a quota is counted as ZooKeeper counts it, and refused only where that is asked for. */

const requester = { session: '0x7', identities: [] } as const
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

let tree: DataTree
let enforceQuota: boolean

beforeEach(() => {
  tree = new DataTree()
  enforceQuota = false
})

function write(...parts: WritePart[]): string {
  const rules = { extendedTypesEnabled: true, skipACL: false, enforceQuota }
  const [only] = parts
  const request =
    parts.length === 1 && only !== undefined ? only : ({ operation: 'multi', body: parts } as const)
  const txn = toTxn(tree, request, requester, rules)
  const { outcome } = tree.apply({ zxid: tree.lastZxid + 1, atMs: 0, session: '0x7', txn })
  if (outcome.type === 'multi')
    return outcome.parts.map(it => (it.type === 'error' ? keeperCodeName(it.error) : 'OK')).join()
  return outcome.type === 'error' ? keeperCodeName(outcome.error) : 'OK'
}

const create = (path: string, data = ''): WritePart => ({
  operation: 'create',
  body: { path, data: bytes(data), acl: openAcl, flags: 0 },
})
const set = (path: string, data: string): WritePart => ({
  operation: 'setData',
  body: { path, data: bytes(data), version: -1 },
})
const remove = (path: string): WritePart => ({ operation: 'delete', body: { path, version: -1 } })

/** As ZooKeeper's command line sets one. */
function setQuota(path: string, limits: string): void {
  const parts = path.slice(1).split('/')
  for (let depth = 1; depth <= parts.length; depth++)
    write(create(`/zookeeper/quota/${parts.slice(0, depth).join('/')}`))
  write(create(limitsPath(path), limits))
  write(create(statsPath(path), 'count=0,bytes=0'))
}

const stats = (path: string): string =>
  new TextDecoder().decode(tree.node(statsPath(path))?.data ?? undefined)

test("figures are read and written in ZooKeeper's form, odd sign included", () => {
  const text = 'count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7'
  expect([...readQuota(bytes(text))]).toEqual([
    ['count', 5],
    ['bytes', -1],
    ['byteHardLimit', -1],
    ['countHardLimit', 7],
  ])
  expect(new TextDecoder().decode(writeQuota(readQuota(bytes(text))))).toBe(text)
  expect(new TextDecoder().decode(writeQuota(readQuota(null)))).toBe('count=-1,bytes=-1')
  expect(readQuota(bytes('count=x,=5,bytes')).get('count')).toBe(-1)
})

test('what is there when the quota is set is counted, the node itself included', () => {
  write(create('/app', 'abc'))
  write(create('/app/one', 'de'))
  setQuota('/app', 'count=2,bytes=-1')
  expect(stats('/app')).toBe('count=2,bytes=5')
})

test('nodes that come, go and change are counted, in a multi too, without a version or a watch', () => {
  write(create('/app', 'abc'))
  setQuota('/app', 'count=2,bytes=-1')
  const before = tree.stat(statsPath('/app'))
  write(create('/app/one', 'de'), create('/app/one/two', 'f'), set('/app', 'a'))
  expect(stats('/app')).toBe('count=3,bytes=4')
  write(remove('/app/one/two'))
  write(create('/other', 'ghi'))
  expect(stats('/app')).toBe('count=2,bytes=3')
  expect({ ...tree.stat(statsPath('/app')), dataLength: 0 }).toEqual({ ...before, dataLength: 0 })
})

test('the nearest quota counts, and no other', () => {
  write(create('/app'))
  write(create('/app/inner'))
  setQuota('/app', 'count=9,bytes=-1')
  setQuota('/app/inner', 'count=9,bytes=-1')
  write(create('/app/inner/x'))
  expect(stats('/app')).toBe('count=2,bytes=0')
  expect(stats('/app/inner')).toBe('count=2,bytes=0')
})

test('nothing is counted any more when the limits are gone', () => {
  write(create('/app'))
  setQuota('/app', 'count=9,bytes=-1')
  write(remove(limitsPath('/app')))
  write(create('/app/x'))
  expect(stats('/app')).toBe('count=1,bytes=0')
})

test('quotas are soft: what exceeds one is done all the same', () => {
  write(create('/app'))
  setQuota('/app', 'count=1,bytes=1=;byteHardLimit=1;countHardLimit=1')
  expect(write(create('/app/x', 'long'))).toBe('OK')
  expect(stats('/app')).toBe('count=2,bytes=4')
})

test('hard limits refuse when that is asked for, and soft ones still do not', () => {
  enforceQuota = true
  write(create('/app'))
  setQuota('/app', 'count=1,bytes=-1=;byteHardLimit=5;countHardLimit=3')
  expect(write(create('/app/x', '123'))).toBe('OK')
  expect(write(set('/app/x', '123456'))).toBe('QUOTAEXCEEDED')
  expect(write(create('/app/y', '123'))).toBe('QUOTAEXCEEDED')
  expect(write(create('/app/y', '12'))).toBe('OK')
  expect(write(create('/app/z'))).toBe('QUOTAEXCEEDED')
  expect(write(remove('/app/y'), create('/app/z'))).toBe('OK,QUOTAEXCEEDED')
  expect(write(remove('/app/y'))).toBe('OK')
  expect(write(create('/app/z'))).toBe('OK')
})
