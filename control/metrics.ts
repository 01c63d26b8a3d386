import type { Cluster } from '../actors/cluster.ts'
import type { TraceEntry } from '../actors/trace.ts'

export interface Metric {
  /** As the JMX exporter for Prometheus writes Kafka's MBeans. */
  readonly name: string
  /** `{broker="1",topic="orders"}`, or nothing. */
  readonly labels: string
  readonly value: number
}

interface Family {
  readonly type: 'gauge' | 'counter'
  readonly help: string
}

const families: Readonly<Record<string, Family>> = {
  kafka_controller_kafkacontroller_activecontrollercount: {
    type: 'gauge',
    help: 'Controllers that are active; 1 in a healthy cluster',
  },
  kafka_controller_kafkacontroller_activebrokercount: {
    type: 'gauge',
    help: 'Brokers that run',
  },
  kafka_controller_kafkacontroller_offlinepartitionscount: {
    type: 'gauge',
    help: 'Partitions without a leader',
  },
  kafka_controller_kafkacontroller_globalpartitioncount: { type: 'gauge', help: 'Partitions' },
  kafka_controller_kafkacontroller_globaltopiccount: { type: 'gauge', help: 'Topics' },
  kafka_controller_controllerstats_leaderelectionrateandtimems_count: {
    type: 'counter',
    help: 'Rounds of elections that controllers have begun',
  },
  kafka_server_replicamanager_leadercount: {
    type: 'gauge',
    help: 'Partitions that this broker leads',
  },
  kafka_server_replicamanager_partitioncount: {
    type: 'gauge',
    help: 'Replicas on this broker',
  },
  kafka_server_replicamanager_underreplicatedpartitions: {
    type: 'gauge',
    help: 'Partitions led here whose ISR is smaller than their replicas',
  },
  kafka_server_replicamanager_isrshrinks_total: {
    type: 'counter',
    help: 'ISRs that became smaller',
  },
  kafka_server_replicamanager_isrexpands_total: {
    type: 'counter',
    help: 'ISRs that became larger',
  },
  kafka_server_brokertopicmetrics_messagesin_total: {
    type: 'counter',
    help: 'Records that leaders on this broker have appended',
  },
  kafka_network_requestmetrics_requests_total: {
    type: 'counter',
    help: 'Requests that this broker was sent',
  },
  kafka_server_sessionexpirelistener_zookeeperexpires_total: {
    type: 'counter',
    help: 'Sessions of ZooKeeper that ended because nothing was heard of them',
  },
  kafka_coordinator_group_groupmetadatamanager_numgroups: {
    type: 'gauge',
    help: 'Groups that this broker coordinates',
  },
  kafka_cluster_partition_insyncreplicascount: { type: 'gauge', help: 'Replicas in the ISR' },
  kafka_log_log_logstartoffset: { type: 'gauge', help: "First offset of a replica's log" },
  kafka_log_log_logendoffset: { type: 'gauge', help: "Offset after the last of a replica's log" },
}

const labelled = (labels: Readonly<Record<string, string | number>>): string =>
  `{${Object.entries(labels)
    .map(([key, value]) => `${key}="${String(value).replace(/[\\"\n]/g, '\\$&')}"`)
    .join(',')}}`

/** A cluster in numbers: counters from its trace, gauges from its state when asked. */
export class Metrics {
  readonly #cluster: Cluster
  readonly #counters = new Map<string, Map<string, number>>()
  readonly #logEnds = new Map<string, number>()
  readonly #isrs = new Map<string, number>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    for (const name of [
      'kafka_controller_controllerstats_leaderelectionrateandtimems_count',
      'kafka_server_sessionexpirelistener_zookeeperexpires_total',
    ])
      this.#count(name, '', 0)
  }

  #count(name: string, labels: string, by = 1): void {
    const counters = this.#counters.get(name) ?? new Map<string, number>()
    this.#counters.set(name, counters.set(labels, (counters.get(labels) ?? 0) + by))
  }

  /** Counts a line of the trace. */
  take({ kind, path, type, detail }: TraceEntry): void {
    const [, broker, room, rest] =
      /^broker-(\d+)\/(connection|partition|controller)\/(.*)$/.exec(path) ?? []
    if (broker === undefined || rest === undefined) {
      if (kind === 'state' && type === 'expiring' && path.startsWith('zookeeper/session/'))
        this.#count('kafka_server_sessionexpirelistener_zookeeperexpires_total', '')
      return
    }
    if (room === 'connection') {
      if (kind === 'message' && detail.direction === 'request')
        this.#count(
          'kafka_network_requestmetrics_requests_total',
          labelled({ broker, request: type }),
        )
    } else if (room === 'controller') {
      const from = String(detail.from ?? '')
      if (kind === 'state' && type.startsWith('electing') && !from.startsWith('electing'))
        this.#count('kafka_controller_controllerstats_leaderelectionrateandtimems_count', '')
    } else this.#takePartition(broker, path, { kind, type, detail })
  }

  #takePartition(
    broker: string,
    path: string,
    { kind, type, detail }: Pick<TraceEntry, 'kind' | 'type' | 'detail'>,
  ): void {
    if (kind === 'fact' && type === 'log.appended') {
      const end = detail.logEndOffset as number
      const before = this.#logEnds.get(path)
      if (before !== undefined && end > before)
        this.#count(
          'kafka_server_brokertopicmetrics_messagesin_total',
          labelled({ broker }),
          end - before,
        )
      if (before !== undefined) this.#logEnds.set(path, end)
    } else if (kind === 'command' && type === 'leaderEpoch.start')
      this.#logEnds.set(path, detail.startOffset as number)
    else if (kind === 'command' && type === 'role.announce' && detail.role !== 'leader') {
      this.#logEnds.delete(path)
      this.#isrs.delete(path)
    } else if (kind === 'command' && type === 'isr.announce') {
      const size = (detail.isr as readonly number[]).length
      const before = this.#isrs.get(path) ?? size
      this.#isrs.set(path, size)
      if (size === before) return
      const change = size < before ? 'isrshrinks' : 'isrexpands'
      this.#count(`kafka_server_replicamanager_${change}_total`, labelled({ broker }))
    }
  }

  read(): readonly Metric[] {
    const { controller, brokers, partitions, groups } = this.#cluster.state()
    const metrics: Metric[] = []
    const add = (
      name: string,
      value: number,
      labels: Readonly<Record<string, string | number>> | null = null,
    ): void => void metrics.push({ name, value, labels: labels === null ? '' : labelled(labels) })
    const running = brokers.filter(({ state }) => state === 'running')
    const prefix = 'kafka_controller_kafkacontroller_'
    add(`${prefix}activecontrollercount`, controller === null ? 0 : 1)
    add(`${prefix}activebrokercount`, running.length)
    add(`${prefix}offlinepartitionscount`, partitions.filter(({ leader }) => leader < 0).length)
    add(`${prefix}globalpartitioncount`, partitions.length)
    add(`${prefix}globaltopiccount`, new Set(partitions.map(({ topic }) => topic)).size)
    for (const { id: broker } of running) {
      const led = partitions.filter(({ leader }) => leader === broker)
      const here = partitions.filter(({ replicas }) => replicas.includes(broker))
      const small = led.filter(({ isr, replicas }) => isr.length < replicas.length)
      add('kafka_server_replicamanager_leadercount', led.length, { broker })
      add('kafka_server_replicamanager_partitioncount', here.length, { broker })
      add('kafka_server_replicamanager_underreplicatedpartitions', small.length, { broker })
      add(
        'kafka_coordinator_group_groupmetadatamanager_numgroups',
        groups.filter(({ coordinator }) => coordinator === broker).length,
        { broker },
      )
    }
    for (const { topic, partition, isr, replicaStates } of partitions) {
      add('kafka_cluster_partition_insyncreplicascount', isr.length, { topic, partition })
      for (const { broker, logStartOffset, logEndOffset } of replicaStates) {
        if (logStartOffset === null || logEndOffset === null) continue
        add('kafka_log_log_logstartoffset', logStartOffset, { broker, topic, partition })
        add('kafka_log_log_logendoffset', logEndOffset, { broker, topic, partition })
      }
    }
    for (const [name, counters] of this.#counters)
      for (const [labels, value] of counters) metrics.push({ name, labels, value })
    return metrics
  }

  /** In Prometheus's text format, 0.0.4. */
  text(): string {
    const byName = Map.groupBy(this.read(), ({ name }) => name)
    return [...byName]
      .flatMap(([name, metrics]) => {
        const { type, help } = families[name] ?? { type: 'gauge', help: name }
        const values = metrics.map(({ labels, value }) => `${name}${labels} ${value}`)
        return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...values]
      })
      .concat('')
      .join('\n')
  }
}
