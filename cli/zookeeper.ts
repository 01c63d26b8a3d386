import type { Command } from 'commander'
import type { ZooKeeperHandle } from '../actors/zookeeper-handles.ts'
import {
  explain,
  interrupted,
  jsonOption,
  narrate,
  overrideOption,
  port,
  profileOption,
  sayReady,
} from './server-command.ts'

interface ZooKeeperOptions {
  port: number
  host: string
  dataDir?: string
  override: Record<string, string>
  profile: 'fast' | 'kafka'
  json?: true
}

async function zookeeper(options: ZooKeeperOptions): Promise<void> {
  // Loaded here, so that the other commands need not wait for it.
  const { startZooKeeperServer } = await import('../actors/node.ts')
  const { parseZooKeeperConfig, profileOfZooKeeper } = await import(
    '../actors/zookeeper-handles.ts'
  )
  const { host, profile } = options
  let server: ZooKeeperHandle
  try {
    server = await startZooKeeperServer({
      host,
      port: options.port,
      ...profileOfZooKeeper(profile, host),
      ...parseZooKeeperConfig(options.override),
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    })
  } catch (error) {
    throw explain(error, '--port')
  }
  const stopped = interrupted()
  const failed = new Promise<Error>(resolve => {
    server.trace.entries.subscribe(({ kind, path, type, detail }) => {
      if (kind === 'note' && type === 'failed' && path.startsWith('zookeeper'))
        resolve(new Error(`ZooKeeper: ${detail.error}`))
    })
  })
  sayReady(options.json === true, { zookeeper: server.connectString }, [
    `ZooKeeper is up at ${server.connectString}, profile ${profile}.`,
    `  samsa broker --id 1 --zookeeper ${server.connectString}`,
  ])
  server.trace.entries.subscribe(narrate)
  try {
    const error = await Promise.race([stopped, failed])
    if (error instanceof Error) throw error
  } finally {
    await server.stop()
  }
}

/** `samsa zookeeper`. */
export function addZooKeeperCommand(program: Command): void {
  program
    .command('zookeeper')
    .description('start ZooKeeper alone, for brokers of other processes and any client')
    .option('--port <port>', 'its port; 0: any free one', port, 2181)
    .option('--host <host>', 'where it listens', '127.0.0.1')
    .option(
      '--data-dir <dir>',
      'where it keeps everything, in zookeeper, to go on with at the next start (default: in memory)',
    )
    .addOption(overrideOption('its configuration as zoo.cfg spells it'))
    .addOption(profileOption())
    .addOption(jsonOption())
    .action(zookeeper)
}
