import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Cluster, TopicSpec } from '../actors/node.ts'
import { parseTopicSpec } from '../actors/topic-spec.ts'

interface UpOptions {
  brokers: number
  port: number
  zookeeperPort: number
  controlPort: number
  host: string
  advertisedHost?: string
  dataDir?: string
  topic: TopicSpec[]
  override: Record<string, string>
  profile: 'fast' | 'kafka'
  json?: true
  trace?: string
}

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is expected.`)
    return value
  }

const port = whole(0, 65_535)

function collectTopic(text: string, topics: TopicSpec[]): TopicSpec[] {
  try {
    return [...topics, parseTopicSpec(text)]
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

function collectOverride(text: string, overrides: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('key=value is expected, e.g. num.partitions=3.')
  return { ...overrides, [text.slice(0, at)]: text.slice(at + 1) }
}

/** A listener's failure in words: which port, and what to do. */
function explain(error: unknown): Error {
  const { message } = error as Error
  const taken = /EADDRINUSE.*?(\d+)\D*$|port (\d+)\b.*\btaken/.exec(message)
  if (taken === null) return error as Error
  return new Error(
    `port ${taken[1] ?? taken[2]} is taken: end what listens there, or choose another with --port, --zookeeper-port or --control-port (0: any free one)`,
  )
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
const interrupted = (): Promise<void> =>
  new Promise(resolve => {
    const stop = (): void => {
      process.once('SIGINT', () => process.exit(130))
      process.once('SIGTERM', () => process.exit(143))
      resolve()
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
  })

/** Tells of elections, deaths and restarts while the cluster runs: the story in a few lines. */
function narrate(cluster: Cluster): void {
  cluster.trace.entries.subscribe(({ kind, path, type, detail }) => {
    if (kind === 'node') console.error(`${path}: ${type}`)
    else if (
      kind === 'znode' &&
      type === 'deleted' &&
      /^\/(brokers\/ids\/|controller$)/.test(String(detail.path))
    )
      console.error(`zookeeper: deleted ${detail.path}`)
    else if (kind === 'note' && detail.error !== undefined)
      console.error(`${path}: ${type}: ${detail.error}`)
  })
}

async function up(options: UpOptions): Promise<void> {
  // Loaded here, so that the other commands need not wait for a whole cluster's code.
  const { startCluster } = await import('../actors/node.ts')
  const { startControl } = await import('../control/server.ts')
  const { openTraceFile } = await import('../control/trace-file.ts')
  const traceFile =
    options.trace === undefined
      ? undefined
      : openTraceFile(options.trace, {
          failed: error => console.error(`the trace ends here: ${error.message}`),
        })
  let cluster: Cluster
  try {
    cluster = await startCluster({
      brokers: options.brokers,
      host: options.host,
      port: options.port,
      zookeeperPort: options.zookeeperPort,
      topics: options.topic,
      overrides: options.override,
      profile: options.profile,
      ...(options.advertisedHost === undefined ? {} : { advertisedHost: options.advertisedHost }),
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    })
  } catch (error) {
    throw explain(error)
  }
  traceFile?.follow(cluster.trace)
  const stopped = interrupted()
  try {
    // The control port never leaves this machine: whoever reaches it may kill brokers.
    const control = await startControl(cluster, { host: '127.0.0.1', port: options.controlPort })
    const ready = {
      ready: true,
      bootstrapServers: cluster.bootstrapServers,
      zookeeper: cluster.zookeeper,
      control: control.url,
    }
    if (options.json) console.log(JSON.stringify(ready))
    else
      console.error(
        [
          `Samsa is up: ${options.brokers} ${options.brokers === 1 ? 'broker' : 'brokers'}, profile ${options.profile}.`,
          `  bootstrap.servers  ${ready.bootstrapServers}`,
          `  zookeeper.connect  ${ready.zookeeper}`,
          `  control            ${ready.control}   (samsa state, samsa fault kill 2)`,
          'Ctrl-C stops it.',
        ].join('\n'),
      )
    narrate(cluster)
    await stopped
    await control.close()
  } catch (error) {
    throw explain(error)
  } finally {
    await cluster.stop()
    traceFile?.close()
  }
}

/** `samsa up`. */
export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('start ZooKeeper and brokers, and keep them up until Ctrl-C')
    .option('--brokers <n>', 'how many brokers, with ids 1 to n', whole(1, 100), 3)
    .option(
      '--port <port>',
      "the first broker's port, the others follow; 0: any free ones",
      port,
      9092,
    )
    .option('--zookeeper-port <port>', "ZooKeeper's port; 0: any free one", port, 2181)
    .option(
      '--control-port <port>',
      'the control port, on loopback only; 0: any free one',
      port,
      9080,
    )
    .option('--host <host>', 'where brokers and ZooKeeper listen', '127.0.0.1')
    .option('--advertised-host <host>', 'what clients are told to connect to (default: --host)')
    .option(
      '--data-dir <dir>',
      'where everything is kept, to go on with at the next start (default: in memory)',
    )
    .option('--topic <name:partitions:rf>', 'a topic to make; may be given again', collectTopic, [])
    .option(
      '--override <key=value>',
      "a broker's configuration as Kafka spells it; may be given again",
      collectOverride,
      {},
    )
    .addOption(
      new Option('--profile <profile>', 'timeouts for tests, or the defaults of Kafka')
        .choices(['fast', 'kafka'])
        .default('fast'),
    )
    .option('--trace <file>', 'write the whole story into a file, one line of JSON each')
    .option('--json', 'print one line of JSON on stdout when ready')
    .action(up)
}
