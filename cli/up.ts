import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Cluster, TopicSpec } from '../actors/node.ts'
import { parseTopicSpec } from '../actors/topic-spec.ts'
import {
  explain,
  interrupted,
  jsonOption,
  narrate,
  overrideOption,
  port,
  profileOption,
  sayReady,
  traceOption,
  whole,
} from './server-command.ts'

interface UpOptions {
  brokers: number
  port: number
  zookeeperPort: number
  zookeeper?: string
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

function collectTopic(text: string, topics: TopicSpec[]): TopicSpec[] {
  try {
    return [...topics, parseTopicSpec(text)]
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

const explained = (error: unknown): Error =>
  explain(error, '--port, --zookeeper-port or --control-port')

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
      traceContexts: true,
      traceMax: 50_000,
      ...(options.advertisedHost === undefined ? {} : { advertisedHost: options.advertisedHost }),
      ...(options.zookeeper === undefined ? {} : { zookeeper: options.zookeeper }),
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    })
  } catch (error) {
    throw explained(error)
  }
  traceFile?.follow(cluster.trace)
  const stopped = interrupted()
  try {
    // The control port never leaves this machine: whoever reaches it may kill brokers.
    const control = await startControl(cluster, { host: '127.0.0.1', port: options.controlPort })
    const ready = {
      bootstrapServers: cluster.bootstrapServers,
      zookeeper: cluster.zookeeper,
      control: control.url,
    }
    sayReady(options.json === true, ready, [
      `Samsa is up: ${options.brokers} ${options.brokers === 1 ? 'broker' : 'brokers'}, profile ${options.profile}.`,
      `  bootstrap.servers  ${ready.bootstrapServers}`,
      `  zookeeper.connect  ${ready.zookeeper}`,
      `  page               ${ready.control}/   (and samsa state, samsa fault kill 2)`,
    ])
    cluster.trace.entries.subscribe(narrate)
    await stopped
    await control.close()
  } catch (error) {
    throw explained(error)
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
    .addOption(
      new Option(
        '--zookeeper <connect>',
        "somebody else's ZooKeeper, host:port[,host:port…][/chroot] (default: one of its own)",
      ).conflicts('zookeeperPort'),
    )
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
    .addOption(overrideOption("a broker's configuration as Kafka spells it"))
    .addOption(profileOption())
    .addOption(traceOption())
    .addOption(jsonOption())
    .action(up)
}
