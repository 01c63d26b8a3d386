import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/node.ts'
import type { ActorRow, ActorView } from '../../control/actors.ts'
import { type ControlServer, startControl } from '../../control/server.ts'

let cluster: Cluster
let control: ControlServer

beforeAll(async () => {
  cluster = await startCluster({
    brokers: 1,
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 1 }],
  })
  control = await startControl(cluster, { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await control?.close()
  await cluster?.stop()
})

test('every running chart is listed by its path, with its state', async () => {
  const rows = (await (await fetch(`${control.url}/api/actors`)).json()) as ActorRow[]
  expect(rows.map(({ path }) => path)).toEqual([...cluster.registry.roots.keys()])
  expect(rows).toContainEqual({
    path: 'broker-1/partition/orders-0',
    chart: 'partitionReplica',
    state: 'leader.isrCommitted',
  })
})

test('one of them is shown with its context and the facts it has arrows for', async () => {
  const response = await fetch(`${control.url}/api/actors/broker-1/partition/orders-0`)
  const view = (await response.json()) as ActorView
  expect(view).toMatchObject({
    status: 'active',
    value: { leader: 'isrCommitted' },
    context: { topic: 'orders', partition: 0 },
    fact: null,
  })
  expect(view.next).toEqual(expect.arrayContaining(['leadership.assigned', 'lag.checked']))
  const nobody = await fetch(`${control.url}/api/actors/broker-9`)
  expect(nobody.status).toBe(404)
  expect(await nobody.json()).toEqual({
    error: 'No actor broker-9 is running: GET /api/actors has all that are',
  })
  expect((await fetch(`${control.url}/api/actors/%ff`)).status).toBe(400)
})

test('its snapshots are streamed with the facts that led to them, to its end', async () => {
  const response = await fetch(`${control.url}/api/actors/broker-1/partition/orders-0`, {
    headers: { accept: 'text/event-stream' },
  })
  const producer = cluster.producer('writer')
  await producer.send({ topic: 'orders', partition: 0, value: 'one' })
  await producer.close()
  cluster.broker(1).kill()
  const text = await response.text()
  const views = [...text.matchAll(/^event: snapshot\ndata: (.*)$/gm)].map(
    ([, data]) => JSON.parse(data as string) as ActorView,
  )
  expect(views[0]?.fact).toBeNull()
  expect(views.map(({ fact }) => fact?.type)).toContain('log.appended')
  expect(views.at(-1)?.context).toMatchObject({ logEndOffset: 1, highWatermark: 1 })
  expect(text).toMatch(/event: stopped\ndata: \{"path":"broker-1\/partition\/orders-0"\}\n\n$/)
})
