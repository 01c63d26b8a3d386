/**
 * A cluster, a producer and a consumer as actors inside an app of yours. Half of the orders are placed when broker 1 is killed: the
 * controller, and leader of its share. All are shipped, each once.
 *
 *   npx tsx examples/in-your-app.ts
 *
 * In your own project the import is `samsa/memory` (or `samsa`, for TCP).
 */
import { assign, createActor, sendTo, setup, waitFor } from 'xstate'
import {
  type ClusterActorEvent,
  type ConsumerActorEvent,
  cluster,
  consumer,
  memoryPlatform,
  type ProducerActorEvent,
  producer,
} from '../actors/memory.ts'

const platform = memoryPlatform()
const ordersMax = 20

interface Context {
  readonly bootstrapServers: string
  readonly placed: number
  readonly shipped: readonly string[]
}

const shop = setup({
  types: {
    context: {} as Context,
    events: {} as ClusterActorEvent | ConsumerActorEvent | ProducerActorEvent,
  },
  actors: {
    cluster: cluster(platform),
    producer: producer(platform),
    consumer: consumer(platform),
  },
  actions: {
    keepAddress: assign({
      bootstrapServers: ({ event }) =>
        event.type === 'cluster.started' ? event.bootstrapServers : '',
    }),
    countOrder: assign({ placed: ({ context }) => context.placed + 1 }),
    placeOrder: sendTo('producer', ({ context }) => ({
      type: 'send',
      record: {
        topic: 'orders',
        key: `customer ${context.placed % 3}`,
        value: `order ${context.placed}`,
      },
    })),
    killBroker1: sendTo('cluster', { type: 'kill', broker: 1 }),
    ship: assign({
      shipped: ({ context, event }) =>
        event.type === 'consumer.records'
          ? [
              ...context.shipped,
              ...event.records.map(({ value }) => new TextDecoder().decode(value ?? undefined)),
            ]
          : context.shipped,
    }),
    acknowledge: sendTo('consumer', ({ event }) => ({
      type: 'acknowledge',
      batch: event.type === 'consumer.records' ? event.batch : -1,
    })),
    tell: ({ event }) =>
      console.log(
        event.type,
        'broker' in event
          ? `${event.broker} ${event.state}`
          : 'error' in event
            ? event.error.message
            : '',
      ),
  },
  guards: {
    isHalfway: ({ context }) => context.placed === ordersMax / 2,
    isMoreToPlace: ({ context }) => context.placed < ordersMax,
    isAllShipped: ({ context }) => context.shipped.length === ordersMax,
  },
}).createMachine({
  id: 'shop',
  context: { bootstrapServers: '', placed: 0, shipped: [] },
  invoke: {
    id: 'cluster',
    src: 'cluster',
    input: { topics: [{ name: 'orders', partitions: 3, replicationFactor: 3 }] },
  },
  on: { 'cluster.broker': { actions: 'tell' }, 'cluster.failed': { actions: 'tell' } },
  initial: 'building',
  states: {
    building: { on: { 'cluster.started': { target: 'open', actions: ['tell', 'keepAddress'] } } },
    open: {
      invoke: [
        {
          id: 'producer',
          src: 'producer',
          input: ({ context }) => ({ bootstrapServers: context.bootstrapServers }),
        },
        {
          id: 'consumer',
          src: 'consumer',
          input: ({ context }) => ({
            bootstrapServers: context.bootstrapServers,
            groupId: 'shipping',
            topics: ['orders'],
            autoOffsetReset: 'earliest',
          }),
        },
      ],
      on: {
        // The group is there: its offsets topic could not be made with a broker dead.
        'consumer.assigned': { actions: ['tell', 'placeOrder', 'countOrder'] },
        'producer.sent': [
          { guard: 'isHalfway', actions: ['killBroker1', 'placeOrder', 'countOrder'] },
          { guard: 'isMoreToPlace', actions: ['placeOrder', 'countOrder'] },
        ],
        'consumer.records': { actions: ['ship', 'acknowledge'] },
      },
      always: { guard: 'isAllShipped', target: 'closed' },
    },
    closed: { type: 'final' },
  },
})

const app = createActor(shop).start()
const { context } = await waitFor(app, snapshot => snapshot.matches('closed'), { timeout: 30_000 })
const once = new Set(context.shipped).size === context.shipped.length
console.log(
  `${context.placed} placed, ${context.shipped.length} shipped${once ? ', each once' : ' (some twice)'}`,
)
