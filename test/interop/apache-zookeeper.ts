/** Apache ZooKeeper itself, as Debian packages it (`apt-get install zookeeper`), for tests and benchmarks to stand beside. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from '../../src/ports.ts'

const jar = '/usr/share/java/zookeeper.jar'
const java = '/usr/bin/java'

export const apacheZooKeeperInstalled = existsSync(jar) && existsSync(java)

export interface ApacheZooKeeper {
  readonly address: Address
  readonly dataDir: string
  readonly pid: number
  /** Ends it at once, as `kill -9`; with nothing left behind but the data directory. */
  kill(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

export interface ApacheZooKeeperOptions {
  /** Lines of `zoo.cfg`. */
  readonly config?: Readonly<Record<string, string | number>>
  /** System properties, e.g. `zookeeper.forceSync`. */
  readonly properties?: Readonly<Record<string, string>>
  readonly port?: number
  /** Default: a fresh one. */
  readonly dataDir?: string
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** The answer to a four-letter word; null where nobody answers. */
export const fourLetterWord = (address: Address, word: string): Promise<string | null> =>
  new Promise(resolve => {
    let answer = ''
    const socket = connect(address.port, address.host, () => socket.end(word))
    socket.on('data', chunk => {
      answer += chunk
    })
    // One that came while the server was starting may never be answered.
    socket.setTimeout(2000, () => socket.destroy())
    socket.on('error', () => resolve(null))
    socket.on('close', () => resolve(answer))
  })

const sleep = (durationMs: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, durationMs))

const running = new Set<ApacheZooKeeper>()

/** Ends all that were started: for `afterEach`, whatever came between. */
export async function stopApacheZooKeepers(): Promise<void> {
  for (const server of running) await server.stop()
}

/** Serves when it settles. */
export async function startApacheZooKeeper(
  options: ApacheZooKeeperOptions = {},
): Promise<ApacheZooKeeper> {
  const own = mkdtempSync(join(tmpdir(), 'samsa-apache-zookeeper-'))
  const dataDir = options.dataDir ?? join(own, 'data')
  mkdirSync(dataDir, { recursive: true })
  const address = { host: '127.0.0.1', port: options.port ?? (await freePort()) }
  const config = {
    tickTime: 100,
    maxSessionTimeout: 40_000,
    maxClientCnxns: 0,
    '4lw.commands.whitelist': '*',
    'admin.enableServer': 'false',
    ...options.config,
    dataDir,
    clientPort: address.port,
    clientPortAddress: address.host,
  }
  const file = join(own, 'zoo.cfg')
  writeFileSync(
    file,
    Object.entries(config)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const properties = { 'zookeeper.extendedTypesEnabled': 'true', ...options.properties }
  const server = spawn(
    java,
    [
      '-Xmx512m',
      ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
      '-cp',
      jar,
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      file,
    ],
    { stdio: 'ignore' },
  )
  let over = false
  const ended = new Promise<void>(resolve => {
    server.on('error', () => resolve())
    server.on('exit', () => resolve())
  }).then(() => {
    over = true
  })
  const killOnExit = (): void => void server.kill('SIGKILL')
  process.once('exit', killOnExit)
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL')
    await ended
    process.removeListener('exit', killOnExit)
  }
  const stop = async (): Promise<void> => {
    running.delete(started)
    await kill()
    rmSync(own, { recursive: true, force: true })
  }
  const started: ApacheZooKeeper = { address, dataDir, pid: server.pid ?? 0, kill, stop }
  running.add(started)
  const untilMs = Date.now() + 30_000
  while ((await fourLetterWord(address, 'srvr'))?.includes('Mode: standalone') !== true) {
    if (over || Date.now() > untilMs) {
      await stop()
      throw new Error('Apache ZooKeeper did not start')
    }
    await sleep(20)
  }
  return started
}
