/** What all clients are configured with: Kafka's names in camel case, its 3.9 defaults, durations in milliseconds. */
export interface ClientConfig {
  /** `host:port,host:port`: where to ask first. One that answers is enough. */
  readonly bootstrapServers: string
  /** Brokers print it, and name group members by it. Default: the client's name in its world. */
  readonly clientId?: string
  /** How long one request may take. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** First wait before something is tried again; doubled from time to time. Default 100. */
  readonly retryBackoffMs?: number
  /** Longest wait before something is tried again. Default 1,000. */
  readonly retryBackoffMaxMs?: number
  /** First wait before a broker is connected to again. Default 50. */
  readonly reconnectBackoffMs?: number
  /** Longest such wait. Default 1,000. */
  readonly reconnectBackoffMaxMs?: number
  /** Metadata older than this is asked for anew. Default 300,000. */
  readonly metadataMaxAgeMs?: number
}

/** A configuration with all its values said. */
export type Complete<Config, Optional extends keyof Config = never> = Required<
  Omit<Config, Optional>
> &
  Pick<Config, Optional>

export const clientDefaults = {
  requestTimeoutMs: 30_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  reconnectBackoffMs: 50,
  reconnectBackoffMaxMs: 1000,
  metadataMaxAgeMs: 300_000,
} as const

/** Defaults under what is said; a value of `undefined` says nothing. */
export const completed = <Defaults extends object, Config extends object>(
  defaults: Defaults,
  config: Config,
): Defaults & Config => {
  const said = Object.entries(config).filter(([, value]) => value !== undefined)
  return { ...defaults, ...(Object.fromEntries(said) as Config) }
}
