import zookeeper from 'node-zookeeper-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodePlatform } from '../../../src/platform/node.ts'
import { Ensemble, text, utf8 } from './ensemble.ts'

type Client = ReturnType<typeof zookeeper.createClient>
type Callback<T> = (error: Error | zookeeper.Exception | null, value?: T) => void

let it: Ensemble
const clients: Client[] = []

beforeEach(async () => {
  it = new Ensemble(nodePlatform(), 0)
  await it.start()
})

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
  it.zookeeper.close()
  expect(it.failures).toEqual([])
})

/** A client of npm's node-zookeeper-client, unmodified. */
function join(sessionTimeout = 2000): Promise<Client> {
  const { host, port } = it.zookeeper.address ?? { host: '', port: 0 }
  const client = zookeeper.createClient(`${host}:${port}`, { sessionTimeout, retries: 0 })
  clients.push(client)
  return new Promise(resolve => {
    client.once('connected', () => resolve(client))
    client.connect()
  })
}

const told = <T>(ask: (callback: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) =>
    ask((error, value) =>
      error === null || error === undefined ? resolve(value as T) : reject(error),
    ),
  )

const { PERSISTENT, EPHEMERAL, PERSISTENT_SEQUENTIAL, EPHEMERAL_SEQUENTIAL } = zookeeper.CreateMode

test('nodes of all four kinds are created, read, written and removed', async () => {
  const client = await join()
  const create = (path: string, mode: number) =>
    told<string>(callback => client.create(path, Buffer.from('x'), mode, callback))
  expect(await create('/p', PERSISTENT)).toBe('/p')
  expect(await create('/e', EPHEMERAL)).toBe('/e')
  expect(await create('/s-', PERSISTENT_SEQUENTIAL)).toBe('/s-0000000002')
  expect(await create('/s-', EPHEMERAL_SEQUENTIAL)).toBe('/s-0000000003')
  await expect(create('/p', PERSISTENT)).rejects.toThrow('NODE_EXISTS')
  await told(callback => client.setData('/p', Buffer.from('y'), 0, callback))
  expect(String(await told<Buffer>(callback => client.getData('/p', callback)))).toBe('y')
  const children = await told<string[]>(callback => client.getChildren('/', callback))
  expect(children.sort()).toEqual(['e', 'p', 's-0000000002', 's-0000000003', 'zookeeper'])
  await told(callback => client.mkdirp('/a/b/c', callback))
  await told(callback => client.remove('/p', 1, callback))
  expect(await told(callback => client.exists('/p', callback))).toBeNull()
})

test('its watches tell, once, of what others do', async () => {
  const one = await join()
  const two = await join()
  const events: string[] = []
  const watcher = (event: { getName(): string; getPath(): string }) =>
    events.push(`${event.getName()} ${event.getPath()}`)
  await told(callback => two.exists('/a', watcher, callback))
  await told(callback => two.getChildren('/', watcher, callback))
  await told(callback => one.create('/a', callback))
  await told(callback => two.getData('/a', watcher, callback))
  await told(callback => one.setData('/a', Buffer.from('1'), callback))
  await told(callback => one.setData('/a', Buffer.from('2'), callback))
  await told(callback => two.exists('/a', watcher, callback))
  await told(callback => one.remove('/a', callback))
  await told(callback => two.exists('/a', callback))
  expect(events).toEqual([
    'NODE_CREATED /a',
    'NODE_CHILDREN_CHANGED /',
    'NODE_DATA_CHANGED /a',
    'NODE_DELETED /a',
  ])
})

test('its transactions are all or nothing', async () => {
  const client = await join()
  await told(callback =>
    client
      .transaction()
      .create('/t', Buffer.from('x'))
      .setData('/t', Buffer.from('y'), 0)
      .check('/t', 1)
      .commit(callback),
  )
  expect(String(await told<Buffer>(callback => client.getData('/t', callback)))).toBe('y')
  await expect(
    told(callback => client.transaction().create('/u').check('/t', 7).commit(callback)),
  ).rejects.toThrow('BAD_VERSION')
  expect(await told(callback => client.exists('/u', callback))).toBeNull()
})

test('it meets our own client: digest, ephemerals, and the silence of a paused one', async () => {
  const theirs = await join()
  const ours = it.join('ours', { sessionTimeoutMs: 400 })
  await it.answer(ours.client.create('/ours', utf8('x'), { mode: 'ephemeral' }))
  const gone = new Promise<void>((resolve, reject) => {
    theirs.exists(
      '/ours',
      () => resolve(),
      error => (error === null ? undefined : reject(error)),
    )
  })
  ours.process.pause()
  await gone
  ours.process.resume()
  await it.pass(300)
  expect(ours.states).toEqual(['connected', 'suspended', 'expired'])
  ours.client.reopen()

  theirs.addAuthInfo('digest', Buffer.from('ann:secret'))
  const acls = [new zookeeper.ACL(zookeeper.Permission.ALL, new zookeeper.Id('auth', ''))]
  await told(callback => theirs.create('/hers', Buffer.from('x'), acls, callback))
  expect(await it.refusal(ours.client.getData('/hers'))).toBe('NOAUTH')
  const ann = it.join('ann', { auth: [{ scheme: 'digest', credentials: utf8('ann:secret') }] })
  expect(text((await it.answer(ann.client.getData('/hers'))).data)).toBe('x')
  await it.answer(ours.client.close())
  await it.answer(ann.client.close())
})
