import { printZxid } from '../../src/ids.ts'
import type { Connection } from './connection.ts'
import type { ZooKeeperServer } from './zookeeper.ts'

/** What the protocol and its answers are modelled on; clients read it to know what a server can. */
const version = '3.8.0-samsa, built on 01/01/2026 00:00 GMT'

const line = ({ counts, remote }: Connection): string =>
  ` /${remote}[1](queued=0,recved=${counts.received},sent=${counts.sent})\n`

function serverLines(server: ZooKeeperServer): string {
  return [
    'Latency min/avg/max: 0/0.0/0',
    `Received: ${server.received}`,
    `Sent: ${server.sent}`,
    `Connections: ${server.connections.size}`,
    'Outstanding: 0',
    `Zxid: ${printZxid(server.tree.lastZxid)}`,
    'Mode: standalone',
    // ZooKeeper counts the root twice.
    `Node count: ${server.tree.nodeCount + 1}`,
    '',
  ].join('\n')
}

const words: Readonly<Record<string, (server: ZooKeeperServer, connection: Connection) => string>> =
  {
    ruok: () => 'imok',
    isro: () => 'rw',
    srvr: server => `Zookeeper version: ${version}\n${serverLines(server)}`,
    stat: server =>
      `Zookeeper version: ${version}\nClients:\n${[...server.connections.values()]
        .map(line)
        .join('')}\n${serverLines(server)}`,
    cons: server =>
      `${[...server.connections.values()]
        .map(each => {
          const { received, sent } = each.counts
          return ` /${each.remote}[1](queued=0,recved=${received},sent=${sent},sid=${each.sessionId},est=${Math.floor(each.establishedAtMs)},to=${each.sessionTimeoutMs})\n`
        })
        .join('')}\n`,
    crst(server) {
      for (const { counts } of server.connections.values())
        Object.assign(counts, { received: 0, sent: 0 })
      return 'Connection stats reset.\n'
    },
    srst(server) {
      server.received = 0
      server.sent = 0
      return 'Server stats reset.\n'
    },
    envi: server =>
      [
        'Environment:',
        `zookeeper.version=${version}`,
        `host.name=${server.address?.host ?? ''}`,
        '',
      ].join('\n'),
    conf: ({ address, config }) =>
      [
        `clientPort=${address?.port ?? 0}`,
        `secureClientPort=-1`,
        `tickTime=${config.tickTime}`,
        `maxClientCnxns=${config.maxClientCnxns}`,
        `minSessionTimeout=${config.minSessionTimeout}`,
        `maxSessionTimeout=${config.maxSessionTimeout}`,
        'serverId=0',
        '',
      ].join('\n'),
    dump(server) {
      const { tree, sessions } = server
      const owners = tree.ephemeralOwners
      return [
        'SessionTracker dump:',
        `Sessions (${sessions.ids.length}):`,
        ...sessions.ids,
        'ephemeral nodes dump:',
        `Sessions with Ephemerals (${owners.length}):`,
        ...owners.flatMap(owner => [
          `${owner}:`,
          ...tree.ephemeralsOf(owner).map(path => `\t${path}`),
        ]),
        'Connections dump:',
        `Connections Sets (${server.connections.size})/(${server.connections.size}):`,
        ...[...server.connections.values()].map(
          each => `\tip: /${each.remote} sessionId: ${each.sessionId}`,
        ),
        '',
      ].join('\n')
    },
    wchs({ watches }) {
      const { watchers, paths, size } = watches
      return `${watchers.length} connections watching ${paths.length} paths\nTotal watches:${size}\n`
    },
    wchc: ({ watches, connections }) =>
      `${watches.watchers
        .map(watcher =>
          [
            `${connections.get(watcher)?.sessionId ?? ''}`,
            ...watches.pathsOf(watcher).map(path => `\t${path}`),
            '',
          ].join('\n'),
        )
        .join('')}\n`,
    wchp: ({ watches, connections }) =>
      `${watches.paths
        .map(path =>
          [
            path,
            ...watches
              .watchersOf(path)
              .map(watcher => `\t${connections.get(watcher)?.sessionId ?? ''}`),
            '',
          ].join('\n'),
        )
        .join('')}\n`,
    mntr({ tree, watches, connections, sessions, received, sent }) {
      const values: Readonly<Record<string, string | number>> = {
        zk_version: version,
        zk_server_state: 'standalone',
        zk_ephemerals_count: tree.ephemeralCount,
        zk_num_alive_connections: connections.size,
        zk_avg_latency: '0.0',
        zk_min_latency: 0,
        zk_max_latency: 0,
        zk_outstanding_requests: 0,
        zk_znode_count: tree.nodeCount + 1,
        zk_global_sessions: sessions.ids.length,
        zk_watch_count: watches.size,
        zk_packets_received: received,
        zk_packets_sent: sent,
        zk_approximate_data_size: tree.dataBytes,
      }
      return Object.entries(values)
        .map(([name, value]) => `${name}\t${value}\n`)
        .join('')
    },
    dirs: () => 'datadir_size: 0\nlogdir_size: 0\n',
  }

/** The answer to a four-letter word; null where it is none and the four bytes are a length. */
export function answerWord(
  server: ZooKeeperServer,
  word: string,
  connection: Connection,
): string | null {
  const answer = Object.hasOwn(words, word) ? words[word] : undefined
  if (answer === undefined) return null
  const allowed = server.config['4lw.commands.whitelist']
  if (allowed !== '*' && !allowed.includes(word))
    return `${word} is not executed because it is not in the whitelist.`
  return answer(server, connection)
}
