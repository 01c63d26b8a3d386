import { noSession, printZxid } from '../../src/ids.ts'
import { sessionlessMsMax } from '../../src/limits.ts'
import { dataDir } from '../../src/zookeeper/data-dir.ts'
import type { Connection } from './connection.ts'
import type { ZooKeeperServer } from './zookeeper.ts'

/** What the protocol and its answers are modelled on; clients read it to know what a server can. */
const version = '3.8.0-samsa, built on 01/01/2026 00:00 GMT'

/** Java's `Date.toString()`, in UTC. */
function javaDate(atMs: number): string {
  const [, day, date, month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(atMs).toUTCString()) ?? []
  return `${day} ${month} ${date} ${time} UTC ${year}`
}

/** ServerCnxn.dumpConnectionInfo: `sid` and the rest only where there is a session. */
function line(each: Connection, brief: boolean): string {
  const { counts, latency, sessionId, outstanding } = each
  const first = ` /${each.remote}[${sessionId === noSession ? 0 : 1}](queued=${outstanding},recved=${counts.received},sent=${counts.sent}`
  if (brief || sessionId === noSession) return `${first})\n`
  const { min, avg, max } = latency.printed
  const more = {
    sid: sessionId,
    lop: counts.last === null ? 'NA' : lastOperation(counts.last.operation),
    est: Math.floor(each.establishedAtMs),
    to: each.sessionTimeoutMs,
    ...(counts.last === null || counts.last.xid < 0
      ? {}
      : { lcxid: `0x${counts.last.xid.toString(16)}` }),
    lzxid: printZxid(each.lastZxid),
    lresp: Math.floor(counts.lastAnsweredAtMs),
    llat: Math.floor(latency.lastMs),
    minlat: min,
    avglat: Math.floor(Number(avg)),
    maxlat: max,
  }
  return `${first},${Object.entries(more)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')})\n`
}

/** Four letters, as FinalRequestProcessor has them: CREA, GETD, MULT … */
const lastOperation = (operation: string): string =>
  ({
    create2: 'CREA',
    createContainer: 'CREA',
    createTtl: 'CREA',
    getChildren: 'GETC',
    getChildren2: 'GETC',
    getAcl: 'GETA',
    setAcl: 'SETA',
    getAllChildrenNumber: 'GETACN',
    getEphemerals: 'GETE',
    multiRead: 'MLTR',
    setWatches: 'SETW',
    setWatches2: 'STW2',
    closeSession: 'CLOS',
    removeWatches: 'REMW',
    checkWatches: 'CHKW',
    addWatch: 'ADDW',
  })[operation] ?? operation.slice(0, 4).toUpperCase()

const outstandingOf = ({ connections }: ZooKeeperServer): number => {
  let outstanding = 0
  for (const connection of connections.values()) outstanding += connection.outstanding
  return outstanding
}

function serverLines(server: ZooKeeperServer): string {
  const { min, avg, max } = server.latency.printed
  return [
    `Latency min/avg/max: ${min}/${avg}/${max}`,
    `Received: ${server.received}`,
    `Sent: ${server.sent}`,
    `Connections: ${server.connections.size}`,
    `Outstanding: ${outstandingOf(server)}`,
    `Zxid: ${printZxid(server.tree.lastZxid)}`,
    'Mode: standalone',
    // ZooKeeper counts the root twice.
    `Node count: ${server.tree.nodeCount + 1}`,
    '',
  ].join('\n')
}

const lines = (server: ZooKeeperServer, brief: boolean): string =>
  [...server.connections.values()].map(each => line(each, brief)).join('')

/** Keys by when they expire, as SessionTrackerImpl and NIOServerCnxnFactory print their buckets. */
function buckets(entries: readonly { atMs: number; text: string }[]): readonly string[] {
  const byTime = new Map<number, string[]>()
  for (const { atMs, text } of entries) {
    const bucket = byTime.get(atMs) ?? []
    byTime.set(atMs, bucket)
    bucket.push(`\t${text}`)
  }
  return [
    `(${byTime.size})/(${entries.length}):`,
    ...[...byTime]
      .sort(([a], [b]) => a - b)
      .flatMap(([atMs, bucket]) => [`${bucket.length} expire at ${javaDate(atMs)}:`, ...bucket]),
  ]
}

const words: Readonly<Record<string, (server: ZooKeeperServer, connection: Connection) => string>> =
  {
    ruok: () => 'imok',
    isro: () => 'rw',
    srvr: server => `Zookeeper version: ${version}\n${serverLines(server)}`,
    stat: server =>
      `Zookeeper version: ${version}\nClients:\n${lines(server, true)}\n${serverLines(server)}`,
    cons: server => `${lines(server, false)}\n`,
    crst(server) {
      for (const { counts, latency } of server.connections.values()) {
        Object.assign(counts, { received: 0, sent: 0 })
        latency.reset()
      }
      return 'Connection stats reset.\n'
    },
    srst(server) {
      server.received = 0
      server.sent = 0
      server.latency.reset()
      return 'Server stats reset.\n'
    },
    envi: server =>
      [
        'Environment:',
        `zookeeper.version=${version}`,
        `host.name=${server.address?.host ?? ''}`,
        '',
      ].join('\n'),
    conf: ({ address, config, store, world }) =>
      [
        `clientPort=${address?.port ?? 0}`,
        `secureClientPort=-1`,
        ...(store === null
          ? []
          : [
              `dataDir=${world.name}/${dataDir}`,
              `dataDirSize=${store.bytes.snapshots}`,
              `dataLogDir=${world.name}/${dataDir}`,
              `dataLogSize=${store.bytes.logs}`,
            ]),
        `tickTime=${config.tickTime}`,
        `maxClientCnxns=${config.maxClientCnxns}`,
        `minSessionTimeout=${config.minSessionTimeout}`,
        `maxSessionTimeout=${config.maxSessionTimeout}`,
        'serverId=0',
        '',
      ].join('\n'),
    dump(server) {
      const { tree, sessions, world } = server
      const owners = tree.ephemeralOwners
      const nowMs = world.platform.clock.now()
      const [sets, ...sessionLines] = buckets(
        sessions.ids.map(id => ({ atMs: sessions.expiresAtMs(id) ?? nowMs, text: id })),
      )
      const [connectionSets, ...connectionLines] = buckets(
        [...server.connections.values()].map(each => ({
          atMs: sessions.expiresAtMs(each.sessionId) ?? each.establishedAtMs + sessionlessMsMax,
          text: `ip: /${each.remote} sessionId: ${each.sessionId}`,
        })),
      )
      return [
        'SessionTracker dump:',
        `Session Sets ${sets}`,
        ...sessionLines,
        'ephemeral nodes dump:',
        `Sessions with Ephemerals (${owners.length}):`,
        ...owners.flatMap(owner => [
          `${owner}:`,
          ...tree.ephemeralsOf(owner).map(path => `\t${path}`),
        ]),
        'Connections dump:',
        `Connections Sets ${connectionSets}`,
        ...connectionLines,
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
    mntr(server) {
      const { tree, watches, connections, sessions, received, sent, latency } = server
      const { min, avg, max } = latency.printed
      const values: Readonly<Record<string, string | number>> = {
        zk_version: version,
        zk_server_state: 'standalone',
        zk_ephemerals_count: tree.ephemeralCount,
        zk_num_alive_connections: connections.size,
        zk_avg_latency: avg,
        zk_outstanding_requests: outstandingOf(server),
        zk_znode_count: tree.nodeCount + 1,
        zk_global_sessions: sessions.ids.length,
        zk_packets_sent: sent,
        zk_packets_received: received,
        zk_watch_count: watches.size,
        zk_min_latency: min,
        zk_approximate_data_size: tree.dataBytes,
        zk_uptime: Math.floor(server.world.platform.clock.now() - server.startedAtMs),
        zk_max_latency: max,
      }
      return Object.entries(values)
        .map(([name, value]) => `${name}\t${value}\n`)
        .join('')
    },
    dirs({ store }) {
      const { snapshots, logs } = store?.bytes ?? { snapshots: 0, logs: 0 }
      return `datadir_size: ${snapshots}\nlogdir_size: ${logs}\n`
    },
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
