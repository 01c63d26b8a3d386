/** Which clients are held to what: `suite.ts` has the tests, docs/COMPATIBILITY.md the table they make. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { type ClientProcess, DriverProcess, KcatProcess } from './client-process.ts'

/** Rows of the table, each a test. */
export const features = {
  topics: 'topic creation',
  none: 'produce, read from earliest',
  gzip: '… gzip',
  snappy: '… snappy',
  lz4: '… lz4',
  zstd: '… zstd',
  group: 'group of three: one leaves, one dies',
  commits: 'commits, restart from them',
  static: 'static membership',
  cooperative: 'cooperative-sticky',
  failover: 'leader killed in mid-stream',
  admin: 'admin calls',
} as const

export type Feature = keyof typeof features

export interface ClientUnderTest {
  /** The table's column. */
  readonly name: string
  /** What it has not, and why. */
  readonly lacks: Partial<Readonly<Record<Feature, string>>>
  /** Its records may stand twice when an answer is lost: it has no idempotent producer. */
  readonly isIdempotent: boolean
  readonly isInstalled: () => boolean
  readonly start: (bootstrapServers: string) => ClientProcess
}

const here = (file: string): string => resolve(import.meta.dirname, file)
const runs = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** Debian's, whose packages hang on it. */
const python = '/usr/bin/python3'

/** A client whose driver is a program. */
const driven = (
  name: string,
  command: readonly string[],
  {
    lacks = {},
    isIdempotent = true,
    isInstalled = () => true,
  }: Partial<Pick<ClientUnderTest, 'lacks' | 'isIdempotent' | 'isInstalled'>> = {},
): ClientUnderTest => ({
  name,
  lacks,
  isIdempotent,
  isInstalled,
  start: bootstrapServers => new DriverProcess(command, bootstrapServers),
})

const noStatic = 'it has no static members'
const noCooperative = 'it has no such assignor'

/** Those of every run. */
export const clientsUnderTest = {
  kafkajs: driven('kafkajs', [process.execPath, here('kafkajs-driver.ts')], {
    lacks: { static: noStatic, cooperative: noCooperative },
  }),
  platformatic: driven('@platformatic/kafka', [process.execPath, here('platformatic-driver.ts')]),
  kcat: {
    name: 'kcat',
    lacks: {},
    isIdempotent: true,
    isInstalled: () => runs('kcat', '-V'),
    start: bootstrapServers => new KcatProcess(bootstrapServers),
  },
  'confluent-kafka': driven('confluent-kafka (Python)', [python, here('confluent-driver.py')], {
    isInstalled: () => runs(python, '-c', 'import confluent_kafka'),
  }),
  'kafka-python': driven('kafka-python', [python, here('kafka-python-driver.py')], {
    lacks: { static: noStatic, cooperative: noCooperative },
    isIdempotent: false,
    isInstalled: () => runs(python, '-c', 'import kafka, lz4, snappy, zstandard'),
  }),
} as const satisfies Record<string, ClientUnderTest>

/** That of PyPI, with its librdkafka: `npm run clients -- --current` fetches it. */
export const currentLibrdkafka: ClientUnderTest = driven(
  'confluent-kafka (PyPI)',
  [process.env.SAMSA_CURRENT_PYTHON ?? python, here('confluent-driver.py')],
  { isInstalled: () => process.env.SAMSA_CURRENT_PYTHON !== undefined },
)
