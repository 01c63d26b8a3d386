import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMachine } from 'xstate'
import { jsonText } from '../../cli/machine-text.ts'
import type { ActorView } from '../../control/actors.ts'
import {
  type StatelyBridge,
  type StatelyMessage,
  startStatelyBridge,
} from '../../control/stately-bridge.ts'
import { sessionMachine } from '../../machines/index.ts'

const view = (state: string, fact: ActorView['fact'] = null): ActorView => ({
  path: 'zookeeper/session/0x<1>',
  chart: 'session',
  state,
  status: 'active',
  value: state,
  context: { connection: 7 },
  next: [],
  fact,
})

let bridge: StatelyBridge
beforeEach(async () => {
  bridge = await startStatelyBridge({
    port: 0,
    definition: jsonText(sessionMachine),
    first: view('opening'),
  })
})
afterEach(() => bridge.close())

/** A request with headers that `fetch` would not let us forge. */
const status = (path: string, headers: Record<string, string>, host?: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(bridge.url)
    const sent = request({ host: host ?? '127.0.0.1', port, path, headers }, response => {
      resolve(response.statusCode ?? 0)
      response.destroy()
    })
    sent.on('error', reject)
    sent.end()
  })

test('a page gets the actor first, then what it was told and where that led, in the words of the inspector', async () => {
  for (let at = 0; at < 300; at++) bridge.show(view('opening', { type: 'connection.lost' }))
  bridge.show(view('expiring', { type: 'timeout.reached' }))
  const response = await fetch(new URL('messages', bridge.url))
  bridge.show(view('closed'))
  bridge.close()
  const text = await response.text()
  const messages = [...text.matchAll(/^data: (\{".*)$/gm)].map(
    ([, data]) => JSON.parse(data as string) as StatelyMessage,
  )
  expect(messages).toHaveLength(1 + 200 + 2)
  const [actor] = messages
  if (actor?.type !== '@xstate.actor') throw new Error('no actor first')
  expect(createMachine(JSON.parse(actor.definition)).id).toBe('session')
  expect(actor).toMatchObject({
    sessionId: 'zookeeper/session/0x<1>',
    snapshot: { value: 'opening' },
  })
  expect(messages.slice(-4)).toMatchObject([
    { type: '@xstate.event', event: { type: 'timeout.reached' } },
    { type: '@xstate.snapshot', snapshot: { value: 'expiring', context: { connection: 7 } } },
    { type: '@xstate.event', event: { type: 'xstate.after' } },
    { type: '@xstate.snapshot', snapshot: { value: 'closed' } },
  ])
  expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length)
  expect(text).toMatch(/event: stopped\ndata: \{\}\n\n$/)
})

test('the page loads nothing from elsewhere by itself, and may load one page at all', async () => {
  const response = await fetch(bridge.url)
  const html = await response.text()
  expect(html).toContain('zookeeper/session/0x&#60;1&#62;')
  expect(html).not.toMatch(/(src|href)="/)
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain('frame-src https://stately.ai;')
  expect(policy).toContain("frame-ancestors 'none'")
})

test('nobody else is answered: not another origin, not another name, not another interface', async () => {
  expect(await status('/messages', {})).toBe(200)
  expect(await status('/messages', { origin: 'https://evil.example' })).toBe(403)
  expect(await status('/messages', { origin: 'https://stately.ai' })).toBe(403)
  expect(await status('/', { host: 'evil.example' })).toBe(403)
  expect(await status('/nothing', {})).toBe(404)
  const outward = Object.values(networkInterfaces())
    .flat()
    .find(found => found?.internal === false && found.family === 'IPv4')
  if (outward !== undefined)
    await expect(status('/', {}, outward.address)).rejects.toThrow('ECONNREFUSED')
})
