import { expect, test } from 'vitest'
import { assign, createActor, sendTo, setup } from 'xstate'
import {
  type ConsumerActorEvent,
  consumer,
  type ProducerActorEvent,
  producer,
  records$,
} from '../../../actors/client/actor-logic.ts'
import { LeaveGroup } from '../../../src/protocol/index.ts'
import { FakeCluster } from './fake-cluster.ts'

const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined)

const shop = (cluster: FakeCluster) =>
  setup({
    types: {
      context: {} as { read: string[]; sent: number[]; refused: string[]; seen: string[] },
      events: {} as ConsumerActorEvent | ProducerActorEvent | { type: 'order.placed'; id: string },
    },
    actors: { consumer: consumer(cluster.platform), producer: producer(cluster.platform) },
  }).createMachine({
    context: { read: [], sent: [], refused: [], seen: [] },
    invoke: [
      {
        id: 'orders',
        src: 'consumer',
        input: {
          bootstrapServers: cluster.bootstrapServers,
          groupId: 'billing',
          topics: ['orders'],
          autoOffsetReset: 'earliest',
        },
      },
      { id: 'writer', src: 'producer', input: { bootstrapServers: cluster.bootstrapServers } },
    ],
    on: {
      'order.placed': {
        actions: sendTo('writer', ({ event }) => ({
          type: 'send',
          id: event.id,
          record: { topic: 'orders', key: event.id, value: event.id },
        })),
      },
      'producer.sent': {
        actions: assign({ sent: ({ context, event }) => [...context.sent, event.offset] }),
      },
      'consumer.records': {
        actions: [
          assign({
            read: ({ context, event }) => [
              ...context.read,
              ...event.records.map(({ value }) => text(value)),
            ],
          }),
          sendTo('orders', ({ event }) => ({ type: 'acknowledge', batch: event.batch })),
        ],
      },
      'consumer.*': {
        actions: assign({ seen: ({ context, event }) => [...context.seen, event.type] }),
      },
    },
  })

test('an app writes and reads by actors it invokes; stopped, they commit and leave', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const app = createActor(shop(cluster)).start()
  for (const id of ['a', 'b', 'c']) app.send({ type: 'order.placed', id })
  await cluster.platform.stepping?.advance(2000)
  const { read, sent, seen } = app.getSnapshot().context
  expect({ read, sent }).toEqual({ read: ['a', 'b', 'c'], sent: [0, 1, 2] })
  expect(seen).toEqual(['consumer.assigned', 'consumer.positioned'])
  app.stop()
  await cluster.platform.stepping?.advance(1000)
  expect(cluster.group.offsets.get('orders-0')?.offset).toBe(3)
  expect(cluster.askedOf(LeaveGroup)).toHaveLength(1)
})

test('a wrong configuration reaches the parent as an event', () => {
  const cluster = new FakeCluster()
  const actor = createActor(consumer(cluster.platform), {
    input: { bootstrapServers: 'nonsense', groupId: 'g', topics: ['t'] },
  })
  const seen: unknown[] = []
  actor.on('consumer.error', event => seen.push(event))
  actor.start()
  expect(seen).toMatchObject([{ fatal: true, error: { name: 'INVALID_CONFIG' } }])
})

test('records as an Observable: unsubscribing leaves the group', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const { leaderId } = cluster.partition('orders', 0)
  const { encodeBatch } = await import('../../../src/records/record.ts')
  cluster.append(leaderId, 'orders', 0, encodeBatch({ records: [{ value: new Uint8Array([65]) }] }))
  const values: string[] = []
  const subscription = records$(cluster.platform, {
    bootstrapServers: cluster.bootstrapServers,
    groupId: 'g',
    topics: ['orders'],
    autoOffsetReset: 'earliest',
  }).subscribe(batch => {
    values.push(...batch.records.map(({ value }) => text(value)))
    batch.ack()
  })
  await cluster.platform.stepping?.advance(2000)
  expect(values).toEqual(['A'])
  subscription.unsubscribe()
  await cluster.platform.stepping?.advance(1000)
  expect(cluster.askedOf(LeaveGroup)).toHaveLength(1)
})
