/** The server's settings, by ZooKeeper's own names. */
export interface ZooKeeperConfig {
  /** ms: what session timeouts are counted in, and how finely they expire. Default 2000. */
  readonly tickTime: number
  /** ms. Default two ticks. */
  readonly minSessionTimeout: number
  /** ms. Default twenty ticks. */
  readonly maxSessionTimeout: number
  /** Connections from one address; 0, the default here, for no limit (ZooKeeper's own: 60). */
  readonly maxClientCnxns: number
  /** Bytes of the longest request. Default 0xfffff. */
  readonly 'jute.maxbuffer': number
  /** Four-letter words that are answered; `*`, the default here, for all (ZooKeeper's own: srvr). */
  readonly '4lw.commands.whitelist': '*' | readonly string[]
  /** TTL nodes. Default here true (ZooKeeper's own: false). */
  readonly extendedTypesEnabled: boolean
  /** ms between two looks for containers and TTL nodes that may go. Default 60000. */
  readonly 'znode.container.checkIntervalMs': number
  /** Nobody's permissions are looked at. Default false. */
  readonly skipACL: boolean
  /** Whose digest this is may do all. Default nobody's. */
  readonly superDigest: string | null
  /** The hard limits of quotas refuse. Default false: quotas only count. */
  readonly enforceQuota: boolean
  /** Of a durable server: answers wait until what they tell of survives a crash of the machine. Default true. */
  readonly forceSync: boolean
  /** Of a durable server: a snapshot is taken, and a new log begun, after so many transactions. Default 100000. */
  readonly snapCount: number
  /** The same by the size of the log. Default here 65536 (64 MiB: what is replayed at a start; ZooKeeper's own: 4 GiB). */
  readonly snapSizeLimitInKb: number
  /** Snapshots kept, with the logs behind them. Default 3; ZooKeeper's own keeps all unless told. */
  readonly 'autopurge.snapRetainCount': number
}

export function zookeeperConfig(options: Partial<ZooKeeperConfig>): ZooKeeperConfig {
  const tickTime = options.tickTime ?? 2000
  return {
    tickTime,
    minSessionTimeout: options.minSessionTimeout ?? 2 * tickTime,
    maxSessionTimeout: options.maxSessionTimeout ?? 20 * tickTime,
    maxClientCnxns: options.maxClientCnxns ?? 0,
    'jute.maxbuffer': options['jute.maxbuffer'] ?? 0xfffff,
    '4lw.commands.whitelist': options['4lw.commands.whitelist'] ?? '*',
    extendedTypesEnabled: options.extendedTypesEnabled ?? true,
    'znode.container.checkIntervalMs': options['znode.container.checkIntervalMs'] ?? 60_000,
    skipACL: options.skipACL ?? false,
    superDigest: options.superDigest ?? null,
    enforceQuota: options.enforceQuota ?? false,
    forceSync: options.forceSync ?? true,
    snapCount: options.snapCount ?? 100_000,
    snapSizeLimitInKb: options.snapSizeLimitInKb ?? 64 * 1024,
    'autopurge.snapRetainCount': options['autopurge.snapRetainCount'] ?? 3,
  }
}

/** ZooKeeper's own defaults, for a server that others than this machine reach. */
const cautious = {
  maxClientCnxns: 60,
  '4lw.commands.whitelist': ['srvr'],
  extendedTypesEnabled: false,
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.')

/**
 * What a cluster's own server is given.
 *
 * @param profile `fast`: sessions of tests, which end soon
 * @param host where it listens
 */
export const profileOfZooKeeper = (
  profile: 'fast' | 'kafka',
  host: string,
): Partial<ZooKeeperConfig> => ({
  ...(profile === 'fast' ? { tickTime: 100, maxSessionTimeout: 60_000 } : {}),
  ...(isLoopback(host) ? {} : cautious),
})

/**
 * Settings as `zoo.cfg` has them: text by name.
 *
 * @throws RangeError for an unknown name or a value that is none
 */
export function parseZooKeeperConfig(
  settings: Readonly<Record<string, string>>,
): Partial<ZooKeeperConfig> {
  const defaults: Record<string, unknown> = { ...zookeeperConfig({}) }
  return Object.fromEntries(
    Object.entries(settings).map(([name, text]) => {
      if (!Object.hasOwn(defaults, name))
        throw new RangeError(
          `Unknown configuration ${name}: not one of ZooKeeper's that is known here`,
        )
      const wrong = (expected: string): never => {
        throw new RangeError(
          `Invalid value ${text} for configuration ${name}: expected ${expected}`,
        )
      }
      switch (typeof defaults[name]) {
        case 'boolean':
          return [name, text === 'true' || (text === 'false' ? false : wrong('true or false'))]
        case 'number':
          return [name, /^\d+$/.test(text) ? Number(text) : wrong('a whole number')]
        default:
          if (name !== '4lw.commands.whitelist' || text === '*') return [name, text]
          return [name, text.split(',').map(word => word.trim())]
      }
    }),
  )
}
