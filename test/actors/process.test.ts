import { expect, test } from 'vitest'
import { Process } from '../../actors/process.ts'
import { memoryPlatform } from '../../src/platform/memory.ts'
import type { Socket, SocketEvents } from '../../src/ports.ts'

const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk)
const bytes = (content: string) => new TextEncoder().encode(content)
const deaf: SocketEvents = { data() {}, ended() {}, drained() {}, closed() {} }

/** A server in a process of its own that notes what it hears, and a client outside it. */
async function connected() {
  const platform = memoryPlatform({ clock: 'stepping' })
  const clock = platform.stepping
  if (clock === undefined) throw new Error('stepping was asked for')
  const server = new Process(platform)
  const heard: string[] = []
  const atClient: string[] = []
  let accepted: Socket | undefined
  server.platform.network.listen(
    { host: 'server', port: 1 },
    {
      bound: () => heard.push('bound'),
      failed: error => heard.push(String(error)),
      accepted: socket => {
        accepted = socket
        return {
          ...deaf,
          data: chunk => heard.push(text(chunk)),
          closed: () => heard.push('closed'),
        }
      },
    },
  )
  await clock.advance(1)
  const client = platform.network.connect(
    { host: 'server', port: 1 },
    {
      ...deaf,
      connected: () => atClient.push('connected'),
      data: chunk => atClient.push(text(chunk)),
      closed: () => atClient.push('closed'),
    },
  )
  await clock.advance(5)
  return { platform, clock, server, heard, atClient, client, accepted: () => accepted as Socket }
}

test('a killed process runs not one line more, and its peers see their connections close', async () => {
  const { clock, server, heard, atClient, client } = await connected()
  server.platform.clock.setTimeout(() => heard.push('timer'), 10)
  client.write([bytes('before')])
  await clock.advance(5)
  server.kill()
  client.write([bytes('after')])
  await clock.advance(50)
  expect(heard).toEqual(['bound', 'before'])
  expect(atClient).toEqual(['connected', 'closed'])
})

test('a paused process stands still with its connections open, and finds all in order when it wakes', async () => {
  const { clock, server, heard, atClient, client } = await connected()
  server.platform.clock.setTimeout(() => heard.push('timer'), 10)
  client.write([bytes('1')])
  server.pause()
  client.write([bytes('2')])
  await clock.advance(50)
  expect(heard).toEqual(['bound'])
  server.resume()
  client.write([bytes('3')])
  await clock.advance(50)
  expect(heard.filter(line => /\d/.test(line))).toEqual(['1', '2', '3'])
  expect(heard).toContain('timer')
  expect(atClient).toEqual(['connected'])
})

test('a timer cancelled after it came due in a pause does not fire', async () => {
  const { clock, server, heard } = await connected()
  const late = server.platform.clock.setTimeout(() => heard.push('late'), 10)
  server.platform.clock.setTimeout(() => server.platform.clock.clearTimeout(late), 9)
  server.pause()
  await clock.advance(50)
  server.resume()
  await clock.advance(50)
  expect(heard).toEqual(['bound'])
})

test('the port of a killed process is free again, and a taken one is refused by name', async () => {
  const { platform, clock, server } = await connected()
  const outcome: string[] = []
  const listen = () =>
    platform.network.listen(
      { host: 'server', port: 1 },
      {
        bound: ({ port }) => outcome.push(`bound ${port}`),
        failed: error => outcome.push(`${error.code}`),
        accepted: () => deaf,
      },
    )
  listen()
  await clock.advance(1)
  server.kill()
  listen()
  await clock.advance(1)
  expect(outcome).toEqual(['EADDRINUSE', 'bound 1'])
})

test('a connection to nobody is refused', async () => {
  const { platform, clock } = await connected()
  const outcome: string[] = []
  platform.network.connect(
    { host: 'nobody', port: 9 },
    { ...deaf, connected() {}, closed: error => outcome.push(String(error)) },
  )
  await clock.advance(10)
  expect(outcome).toEqual(['Error: connect ECONNREFUSED nobody:9'])
})

test('a socket that was destroyed brings nothing more, though something was held from a pause', async () => {
  const { platform, clock } = await connected()
  const process = new Process(platform)
  const heard: string[] = []
  const socket = process.platform.network.connect(
    { host: 'server', port: 1 },
    {
      ...deaf,
      connected: () => heard.push('connected'),
      closed: () => heard.push('closed'),
    },
  )
  process.platform.clock.setTimeout(() => socket.destroy(), 1)
  process.pause()
  await clock.advance(10)
  process.resume()
  await clock.advance(10)
  expect(heard).toEqual(['closed'])
})

test('a socket that its owner does not read from is not read from after a pause either', async () => {
  const { clock, server, heard, client, accepted } = await connected()
  accepted().pause()
  server.pause()
  client.write([bytes('later')])
  await clock.advance(10)
  server.resume()
  await clock.advance(10)
  expect(heard).toEqual(['bound'])
  accepted().resume()
  await clock.advance(10)
  expect(heard).toEqual(['bound', 'later'])
})

test('a killed process gives its disk back, and does not hear of what it was flushing', () => {
  const platform = memoryPlatform({ clock: 'stepping' })
  const process = new Process(platform)
  const disk = process.platform.disk('broker-1')
  expect(process.platform.disk('broker-1')).toBe(disk)
  disk.lock()
  const another = new Process(platform)
  expect(() => another.platform.disk('broker-1').lock()).toThrow(/in use/)
  process.kill()
  another.platform.disk('broker-1').lock()()
  another.platform.disk('broker-1').lock()
  const heard: string[] = []
  disk.flushLater([], [], () => heard.push('flushed'))
  expect(heard).toEqual([])
})

test('what a node throws where nobody catches it ends that node, and no other', async () => {
  const platform = memoryPlatform({ clock: 'stepping' })
  const crashes: unknown[] = []
  const broken: Process = new Process(platform, error => {
    crashes.push(error)
    broken.kill()
  })
  const other = new Process(platform)
  let ticks = 0
  broken.platform.clock.setTimeout(() => {
    throw new Error('broken invariant')
  }, 10)
  broken.platform.clock.setTimeout(() => expect.unreachable(), 20)
  other.platform.clock.setTimeout(() => ticks++, 30)
  await platform.stepping?.advance(50)
  expect(crashes.map(String)).toEqual(['Error: broken invariant'])
  expect(ticks).toBe(1)
})
