/**
 * Apache Kafka itself, in ZooKeeper mode, for the contract to be run against: `node test/contract/apache-kafka.ts`, where Java and
 * Maven are present. The jars are Maven's; data is temporary; everything listens on the loopback alone.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { contractConfig } from './config.ts'

export const kafkaVersion = '3.9.1'

const sleep = (durationMs: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, durationMs))

const runs = (command: string, ...args: readonly string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Whether this machine has what it takes. */
export const apacheKafkaRuns = (): boolean => runs('java', '-version') && runs('mvn', '-version')

/**
 * The class path of artifacts with all they depend on, resolved by Maven and kept beside the other temporary files.
 *
 * @param artifacts `kafka_2.13`, `kafka-tools` … of the group org.apache.kafka
 */
export function kafkaClassPath(artifacts: readonly string[] = ['kafka_2.13']): string {
  const home = join(tmpdir(), `samsa-apache-kafka-${kafkaVersion}`)
  const file = join(home, `${artifacts.join('+')}.classpath`)
  if (existsSync(file)) {
    const known = readFileSync(file, 'utf8')
    if (known.split(delimiter).every(jar => existsSync(jar))) return known
  }
  mkdirSync(home, { recursive: true })
  const dependencies = artifacts.map(
    artifact =>
      `<dependency><groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId><version>${kafkaVersion}</version></dependency>`,
  )
  const pom = join(home, 'pom.xml')
  writeFileSync(
    pom,
    `<project><modelVersion>4.0.0</modelVersion><groupId>samsa</groupId><artifactId>contract</artifactId><version>1</version><dependencies>${dependencies.join('')}</dependencies></project>`,
  )
  const goal = ['-q', '-B', '-f', pom, 'dependency:build-classpath', `-Dmdep.outputFile=${file}`]
  execFileSync('mvn', goal, { stdio: ['ignore', 'ignore', 'inherit'] })
  return readFileSync(file, 'utf8')
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

const answers = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

export interface ApacheKafka {
  /** `127.0.0.1:9092,…` */
  readonly bootstrap: string
  readonly zookeeper: string
  /** @param how `in order`: with a clean shutdown of the brokers. Default `killed`. */
  stop(how?: 'in order' | 'killed'): Promise<void>
}

export interface ApacheKafkaOptions {
  /** Default 3, with the ids 1, 2, 3. */
  readonly brokers?: number
  /** Lines of `server.properties`, over those of the contract. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Where its data is, and stays: `broker-1` … and `zookeeper`. Default: temporary, removed at the end. */
  readonly home?: string
}

/** A ZooKeeper and brokers of Apache Kafka; they serve when it settles. */
export async function startApacheKafka(options: ApacheKafkaOptions = {}): Promise<ApacheKafka> {
  const classPath = kafkaClassPath()
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'samsa-contract-kafka-'))
  mkdirSync(home, { recursive: true })
  const children: ChildProcess[] = []
  const ended = (child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> =>
    new Promise(resolve => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(null)
      child.once('exit', resolve)
      child.kill(signal)
    })
  const stop = async (how: 'in order' | 'killed' = 'killed'): Promise<void> => {
    // The first is ZooKeeper.
    const brokers = children.slice(1)
    const signal = how === 'killed' ? 'SIGKILL' : 'SIGTERM'
    await Promise.all(brokers.map(child => ended(child, signal)))
    await Promise.all(children.map(child => ended(child, 'SIGKILL')))
    if (options.home === undefined) rmSync(home, { recursive: true, force: true })
  }
  const java = (main: string, ...args: readonly string[]): void => {
    children.push(
      spawn('java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', classPath, main, ...args], {
        stdio: 'ignore',
      }),
    )
  }
  const properties = (file: string, lines: Readonly<Record<string, unknown>>): string => {
    const path = join(home, file)
    const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(path, text.join(''))
    return path
  }
  const until = async (port: number): Promise<void> => {
    const byMs = Date.now() + 300_000
    while (!(await answers(port))) {
      if (Date.now() > byMs) {
        await stop()
        throw new Error('Apache Kafka did not start')
      }
      await sleep(100)
    }
  }
  const zookeeperPort = await freePort()
  java(
    'org.apache.zookeeper.server.ZooKeeperServerMain',
    properties('zoo.cfg', {
      tickTime: 500,
      dataDir: join(home, 'zookeeper'),
      clientPort: zookeeperPort,
      clientPortAddress: '127.0.0.1',
      maxClientCnxns: 0,
      'admin.enableServer': false,
    }),
  )
  await until(zookeeperPort)
  const ports: number[] = []
  for (let id = 1; id <= (options.brokers ?? 3); id++) {
    const port = await freePort()
    ports.push(port)
    java(
      'kafka.Kafka',
      properties(`broker-${id}.properties`, {
        'broker.id': id,
        listeners: `PLAINTEXT://127.0.0.1:${port}`,
        'zookeeper.connect': `127.0.0.1:${zookeeperPort}`,
        'log.dirs': join(home, `broker-${id}`),
        ...contractConfig,
        ...options.config,
      }),
    )
  }
  for (const port of ports) await until(port)
  const bootstrap = ports.map(port => `127.0.0.1:${port}`).join(',')
  return { bootstrap, zookeeper: `127.0.0.1:${zookeeperPort}`, stop }
}

if (import.meta.main) {
  const kafka = await startApacheKafka()
  process.stdout.write(`bootstrap ${kafka.bootstrap}\nzookeeper ${kafka.zookeeper}\n`)
  const end = (): void => void kafka.stop().then(() => process.exit())
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  setInterval(() => {}, 60_000)
}
