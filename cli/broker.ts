import { type Command, Option } from 'commander'
import type { Cluster } from '../actors/node.ts'
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

interface BrokerOptions {
  id: number
  zookeeper: string
  port: number
  host: string
  advertisedHost?: string
  dataDir?: string
  controlPort?: number
  override: Record<string, string>
  profile: 'fast' | 'kafka'
  json?: true
  trace?: string
}

/** Longer than a former self's session may live, with any timeout in use. */
const startTimeoutMs = 180_000

const explained = (error: unknown): Error => explain(error, '--port or --control-port')

/** Resolves with the reason when the broker ends by itself. */
const failure = (cluster: Cluster, id: number): Promise<Error> =>
  new Promise(resolve => {
    cluster.trace.entries.subscribe(({ kind, path, type }) => {
      if (kind === 'node' && path === `broker-${id}` && type === 'failed')
        resolve(new Error(`broker ${id}: ${cluster.state().brokers[0]?.error}`))
    })
  })

async function broker(options: BrokerOptions): Promise<void> {
  // Loaded here, so that the other commands need not wait for a whole cluster's code.
  const { startCluster } = await import('../actors/node.ts')
  const { startControl } = await import('../control/server.ts')
  const { openTraceFile } = await import('../control/trace-file.ts')
  const { id, zookeeper, profile } = options
  const traceFile =
    options.trace === undefined
      ? undefined
      : openTraceFile(options.trace, {
          failed: error => console.error(`the trace ends here: ${error.message}`),
        })
  let isReady = false
  let cluster: Cluster
  try {
    cluster = await startCluster({
      brokers: [id],
      zookeeper,
      host: options.host,
      port: options.port,
      overrides: options.override,
      profile,
      startTimeoutMs,
      told: entry => {
        if (isReady || entry.type === 'registering.waiting') narrate(entry)
      },
      ...(options.advertisedHost === undefined ? {} : { advertisedHost: options.advertisedHost }),
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    })
  } catch (error) {
    throw explained(error)
  }
  traceFile?.follow(cluster.trace)
  const stopped = interrupted()
  const failed = failure(cluster, id)
  try {
    const control =
      options.controlPort === undefined
        ? undefined
        : await startControl(cluster, { host: '127.0.0.1', port: options.controlPort })
    const { clusterId } = cluster.state()
    const ready = {
      broker: id,
      bootstrapServers: cluster.bootstrapServers,
      zookeeper: cluster.zookeeper,
      clusterId,
      ...(control === undefined ? {} : { control: control.url }),
    }
    sayReady(options.json === true, ready, [
      `Broker ${id} is up at ${ready.bootstrapServers}, in cluster ${clusterId} of ZooKeeper ${ready.zookeeper}, profile ${profile}.`,
    ])
    isReady = true
    const error = await Promise.race([stopped, failed])
    if (error instanceof Error) throw error
    // Leaderships move first. Who cannot wait presses Ctrl-C again.
    if (cluster.broker(id).state === 'running') await cluster.broker(id).stop()
    await control?.close()
  } catch (error) {
    throw explained(error)
  } finally {
    await cluster.stop()
    traceFile?.close()
  }
}

/** `samsa broker`. */
export function addBrokerCommand(program: Command): void {
  program
    .command('broker')
    .description('start one broker, which joins the cluster that ZooKeeper knows of')
    .requiredOption('--id <n>', 'its id: no other broker has it', whole(0, 2 ** 31 - 1))
    .option(
      '--zookeeper <connect>',
      'where the cluster is kept, host:port[,host:port…][/chroot]',
      '127.0.0.1:2181',
    )
    .option('--port <port>', 'its port; 0: any free one', port, 9092)
    .option('--host <host>', 'where it listens', '127.0.0.1')
    .option('--advertised-host <host>', 'what clients are told to connect to (default: --host)')
    .option(
      '--data-dir <dir>',
      'where it keeps its logs, in broker-ID, to go on with at the next start (default: in memory)',
    )
    .addOption(
      new Option(
        '--control-port <port>',
        'a control port of its own, on loopback only; 0: any free one (default: none)',
      ).argParser(port),
    )
    .addOption(overrideOption('its configuration as Kafka spells it'))
    .addOption(profileOption())
    .addOption(traceOption())
    .addOption(jsonOption())
    .action(broker)
}
