import { concat, finalize, ignoreElements, type Observable, type Subscription } from 'rxjs'
import type { BrokerCommand, BrokerFact, brokerMachine } from '../../machines/broker/broker.ts'
import { plaintextListener } from '../../src/broker/metadata-cache.ts'
import { randomUuid } from '../../src/ids.ts'
import type { Address } from '../../src/ports.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import type { BrokerContent } from '../../src/zookeeper/paths.ts'
import type { Performers } from '../performing.ts'
import { startZooKeeperClient } from '../zookeeper/client.ts'
import type { BrokerWorld } from './broker-world.ts'
import {
  ensureChroot,
  ensureTopLevelPaths,
  inspect,
  listBrokers,
  obtainClusterId,
  register,
  remove,
} from './registration.ts'

interface ZooKeeperPlace {
  readonly zookeeper: readonly Address[]
  readonly chroot?: string
}

type Send = (fact: BrokerFact) => void

/**
 * Tells what ZooKeeper answered. That the session is over is told by the session itself; whatever else no repetition cures is
 * the end of this broker.
 */
export function asking<T>(
  answer: Observable<T>,
  send: Send,
  answered: (value: T) => void,
): Subscription {
  return answer.subscribe({
    next: answered,
    error: error => {
      if (isKeeperError(error, 'SESSIONEXPIRED', 'AUTHFAILED')) return
      send({ type: 'zookeeper.failed', error: String(error) })
    },
  })
}

type ZooKeeperCommand = Extract<
  BrokerCommand['type'],
  'paths.ensure' | 'clusterId.obtain' | 'brokers.list' | `znode.${string}` | `session.${string}`
>

/**
 * What a broker's chart asks of ZooKeeper.
 *
 * @param at where its servers are, and the path put before every znode
 * @param address what is advertised, once the port is bound
 */
export function sessionPerformers(
  broker: BrokerWorld,
  at: ZooKeeperPlace,
  address: () => Address | undefined,
): Pick<Performers<typeof brokerMachine>, ZooKeeperCommand> {
  const { zookeeper, brokerId, config, platform } = broker
  return {
    'paths.ensure': (_command, send) =>
      asking(ensurePaths(broker, at), send, () => send({ type: 'paths.ensured' })),
    'clusterId.obtain': (_command, send) =>
      asking(obtainClusterId(zookeeper, randomUuid(platform.random)), send, clusterId =>
        send({ type: 'clusterId.obtained', clusterId }),
      ),
    'brokers.list': (_command, send) =>
      asking(listBrokers(zookeeper), send, brokers => send({ type: 'brokers.listed', brokers })),
    'znode.register': ({ sessionId }, send) => {
      const content: BrokerContent = {
        endpoints: [
          {
            listener: plaintextListener,
            securityProtocol: 'PLAINTEXT',
            ...(address() as Address),
          },
        ],
        timestampMs: platform.clock.now(),
        rack: config['broker.rack'],
        jmxPort: -1,
      }
      asking(register(zookeeper, brokerId, content), send, brokerEpoch =>
        send(
          brokerEpoch === null
            ? { type: 'znode.taken', sessionId }
            : { type: 'znode.registered', sessionId, brokerEpoch },
        ),
      )
    },
    'znode.inspect': ({ sessionId }, send) =>
      asking(inspect(zookeeper, brokerId), send, found =>
        send(
          found === null
            ? { type: 'znode.missed', sessionId }
            : { type: 'znode.found', sessionId, ...found },
        ),
      ),
    'znode.remove': ({ sessionId }, send) =>
      asking(remove(zookeeper, brokerId), send, () => send({ type: 'znode.removed', sessionId })),
    'session.reopen': () => zookeeper.reopen(),
    'session.close': (_command, send) => {
      zookeeper.close().subscribe({ complete: () => send({ type: 'session.closed' }) })
    },
  }
}

/** With a chroot, that comes first, through a client of its own which lives no longer. */
function ensurePaths(broker: BrokerWorld, { zookeeper, chroot }: ZooKeeperPlace): Observable<void> {
  const ensured = ensureTopLevelPaths(broker.zookeeper)
  if (chroot === undefined || chroot === '/' || chroot === '') return ensured
  const rootless = startZooKeeperClient(broker, {
    servers: zookeeper,
    sessionTimeoutMs: broker.config['zookeeper.session.timeout.ms'],
    path: `${broker.name}/zookeeper-client/chroot`,
  })
  return concat(
    ensureChroot(rootless, chroot).pipe(
      ignoreElements(),
      finalize(() => rootless.close()),
    ),
    ensured,
  )
}
