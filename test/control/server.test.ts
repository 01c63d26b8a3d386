import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/node.ts'
import { type ControlServer, startControl } from '../../control/server.ts'

let cluster: Cluster
let control: ControlServer

beforeAll(async () => {
  cluster = await startCluster({ brokers: 1 })
  control = await startControl(cluster, { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await control?.close()
  await cluster?.stop()
})

/** A request with headers that `fetch` would not let us forge. */
const ask = (
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const url = new URL(path, control.url)
    const sent = request(url, { method, headers }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })

const json = { 'content-type': 'application/json' }

test('the state is the cluster at one instant', async () => {
  const { status, body } = await ask('GET', '/api/state')
  expect(status).toBe(200)
  expect(JSON.parse(body)).toMatchObject({ controller: 1, brokers: [{ id: 1, state: 'running' }] })
})

test('a page from elsewhere may neither read nor order, by Host or by Origin', async () => {
  expect((await ask('GET', '/api/state', { host: 'evil.example:80' })).status).toBe(403)
  expect((await ask('GET', '/api/state', { origin: 'https://evil.example' })).status).toBe(403)
  const own = control.url
  expect((await ask('GET', '/api/state', { origin: own })).status).toBe(200)
  const order = JSON.stringify({ fault: 'kill', broker: 1 })
  const forged = await ask('POST', '/api/faults', { ...json, origin: 'null' }, order)
  expect(forged.status).toBe(403)
  // A form can send text/plain across origins without asking; JSON it cannot.
  expect((await ask('POST', '/api/faults', { 'content-type': 'text/plain' }, order)).status).toBe(
    415,
  )
  expect(cluster.broker(1).state).toBe('running')
})

test('what is no order is refused in words', async () => {
  expect(await ask('POST', '/api/faults', json, 'kill')).toMatchObject({ status: 400 })
  const unknown = await ask('POST', '/api/faults', json, '{"fault":"explode","broker":1}')
  expect(unknown.body).toContain('Unknown fault explode: one of kill, stop')
  const nobody = await ask('POST', '/api/faults', json, '{"fault":"kill","broker":7}')
  expect(nobody).toMatchObject({ status: 404 })
  expect((await ask('POST', '/api/faults', json, 'x'.repeat(100_000))).status).toBe(413)
  expect((await ask('GET', '/nothing')).status).toBe(404)
  expect((await ask('DELETE', '/api/state')).status).toBe(405)
  const wrong = await ask('POST', '/api/faults', json, '{"fault":"resume","broker":1}')
  expect(wrong).toMatchObject({ status: 409 })
  expect(wrong.body).toContain('cannot resume broker 1: it is running')
})

test('events tell the story from any line on', async () => {
  const response = await fetch(`${control.url}/api/events?since=0`)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let text = ''
  while (!text.includes('\n\n')) text += new TextDecoder().decode((await reader.read()).value)
  await reader.cancel()
  const first = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '')
  expect(first).toMatchObject({ seq: 1, path: expect.any(String), kind: expect.any(String) })
})

test('lines are cut, slowed and healed by order', async () => {
  const order = async (body: object) => {
    const { status, body: text } = await ask('POST', '/api/faults', json, JSON.stringify(body))
    return { status, ...(JSON.parse(text) as { standing?: unknown; error?: string }) }
  }
  expect(await order({ fault: 'latency', ms: 1, jitterMs: 2, of: 1 })).toMatchObject({
    status: 200,
    standing: [{ what: 'latency 1–3 ms broker-1 ↔ *' }],
  })
  expect(
    await order({ fault: 'partition', groups: [['client/x'], ['1', 'zookeeper']] }),
  ).toMatchObject({
    standing: [{}, { what: 'partition [client/x] [broker-1 zookeeper]', fired: 0 }],
  })
  expect(await order({ fault: 'isolate', broker: 7 })).toMatchObject({
    status: 400,
    error: expect.stringContaining('no node broker-7: there are broker-1'),
  })
  expect(await order({ fault: 'partition', groups: [[1]] })).toMatchObject({ status: 400 })
  expect(await order({ fault: 'latency' })).toMatchObject({ status: 400 })
  expect(await order({ fault: 'isolate', broker: {} })).toMatchObject({ status: 400 })
  expect(await order({ fault: 'heal' })).toMatchObject({ status: 200, standing: [] })
})
