import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  type Acl,
  digestIdentity,
  fixedUpAcl,
  isAllowed,
  openAcl,
  permissions,
  redactedAcl,
  userName,
} from '../../../src/zookeeper/acl.ts'
import { keeperCodes } from '../../../src/zookeeper/error.ts'
import { sessionPassword } from '../../../src/zookeeper/session-password.ts'
import { sha1 } from '../../../src/zookeeper/sha1.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const entry = (perms: number, scheme: string, id: string): Acl => ({ perms, id: { scheme, id } })
const here = { scheme: 'ip', id: '127.0.0.1' }
const ann = digestIdentity(utf8('ann:secret'))

test('SHA-1 is SHA-1', () => {
  for (const length of [0, 3, 55, 56, 63, 64, 65, 200]) {
    const message = Uint8Array.from({ length }, (_, i) => i * 7)
    expect(sha1(message)).toEqual(new Uint8Array(createHash('sha1').update(message).digest()))
  }
})

test('a digest is what ZooKeeper makes of user and password', () => {
  expect(digestIdentity(utf8('super:test'))).toEqual({
    scheme: 'digest',
    id: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=',
  })
  expect(userName(ann)).toBe('ann')
  expect(userName(here)).toBe('127.0.0.1')
})

test('the list says who may what', () => {
  expect(isAllowed(openAcl, permissions.admin, [])).toBe(true)
  expect(isAllowed([], permissions.admin, [])).toBe(true)
  expect(isAllowed([entry(1, 'world', 'anyone')], permissions.write, [here])).toBe(false)
  expect(isAllowed([entry(31, 'digest', ann.id)], permissions.write, [here, ann])).toBe(true)
  expect(isAllowed([entry(31, 'digest', ann.id)], permissions.write, [here])).toBe(false)
  expect(
    isAllowed([entry(0, 'world', 'anyone')], permissions.read, [{ scheme: 'super', id: '' }]),
  ).toBe(true)
})

test('an address is matched by its leading bits', () => {
  const may = (id: string, address = '10.1.2.3') =>
    isAllowed([entry(31, 'ip', id)], permissions.read, [{ scheme: 'ip', id: address }])
  expect([may('10.1.2.3'), may('10.1.2.4'), may('10.1.0.0/16'), may('10.2.0.0/16')]).toEqual([
    true,
    false,
    true,
    false,
  ])
  expect([may('0.0.0.0/0'), may('10.1.2.2/31'), may('10.1.2.3', '::1')]).toEqual([
    true,
    true,
    false,
  ])
})

test('a list is stored without repetitions, and `auth` becomes who one has proved to be', () => {
  expect(fixedUpAcl([...openAcl, ...openAcl], [])).toEqual(openAcl)
  expect(fixedUpAcl([entry(3, 'auth', '')], [here, ann])).toEqual([{ perms: 3, id: ann }])
  for (const bad of [
    null,
    [],
    [entry(31, 'auth', '')],
    [entry(31, 'world', 'somebody')],
    [entry(31, 'magic', 'x')],
    [entry(31, 'digest', 'nocolon')],
    [entry(31, 'ip', '300.0.0.1')],
    [entry(31, 'ip', '10.0.0.1/33')],
  ])
    expect(fixedUpAcl(bad, [here])).toBe(keeperCodes.INVALIDACL)
})

test('hashes of passwords are shown to admins only', () => {
  expect(redactedAcl([entry(1, 'digest', 'ann:hash'), ...openAcl])).toEqual([
    entry(1, 'digest', 'ann:x'),
    ...openAcl,
  ])
})

test("a session's password is a function of its id", () => {
  expect(sessionPassword('0x1000a2b3c4d0000')).toEqual(sessionPassword('0x1000a2b3c4d0000'))
  expect(sessionPassword('0x1000a2b3c4d0000')).not.toEqual(sessionPassword('0x1000a2b3c4d0001'))
  expect(sessionPassword('0x1000a2b3c4d0000')).toHaveLength(16)
})
