import { filter } from 'rxjs'
import {
  AlterPartitionReassignments,
  type Api,
  ElectLeaders,
  IncrementalAlterConfigs,
  type RequestDraftOf,
  type ResponseOf,
} from '../../src/protocol/index.ts'
import { promised } from '../client-handles.ts'
import type { BrokerHandle } from '../cluster.ts'
import { Process } from '../process.ts'
import { connectRequester } from '../requester.ts'
import { createWorld } from '../world.ts'
import { connectZooKeeper } from '../zookeeper-handles.ts'
import { BackgroundWriter } from './scenario-load.ts'
import { logLines, partitionLines } from './scenario-show.ts'
import type { ScenarioStage } from './scenario-stage.ts'

type Words = Readonly<Record<string, string>>

/** What may be done in a scenario. */
interface ScenarioCommand {
  /** As it is written, for who writes one. */
  readonly usage: string
  readonly pattern: RegExp
  run(stage: ScenarioStage, words: Words): void | Promise<void>
}

/** `broker 3`, `the leader of orders-0`, `the controller`. */
function brokerNamed(stage: ScenarioStage, who: string): BrokerHandle {
  const { cluster } = stage
  const [, id] = /^broker (\d+)$/.exec(who) ?? []
  if (id !== undefined) return cluster.broker(Number(id))
  const [, topic, partition] = /^the leader of (\S+)-(\d+)$/.exec(who) ?? []
  const found =
    topic !== undefined
      ? cluster.partition(topic, Number(partition)).leader
      : who === 'the controller'
        ? cluster.controller
        : stage.fail(`${who} is nobody: broker N, the leader of TOPIC-N, the controller`)
  return found ?? stage.fail(`there is no such broker now: ${who}`)
}

/** `broker 1` is `broker-1`; `zookeeper`, `producer` (a client) and `*` are themselves. */
const nodeNamed = (stage: ScenarioStage, who: string): string => {
  if (who === 'zookeeper') return who
  if (who === 'anybody') return '*'
  if (/^(producer|m\d+)$/.test(who)) return `client/${who}`
  return `broker-${brokerNamed(stage, who).id}`
}

const listed = (text = ''): string[] =>
  text
    .split(/,? and |, /)
    .map(word => word.trim())
    .filter(word => word !== '')

const numbers = (text: string): number[] => text.split(',').map(Number)

const settings = (text = ''): Record<string, string> =>
  Object.fromEntries(listed(text).map(pair => pair.split('=') as [string, string]))

/** Asks one broker something, as a tool would. */
function ask<A extends Api>(
  stage: ScenarioStage,
  broker: BrokerHandle,
  api: A,
  version: number,
  body: RequestDraftOf<A>,
): Promise<ResponseOf<A>> {
  const { cluster } = stage
  const name = 'client/operator'
  const own = new Process(cluster.platformOf(name))
  const world = createWorld({
    name,
    platform: own.platform,
    registry: cluster.registry,
    failed: (path, error) => stage.fail(`${path}: ${error}`),
  })
  const address = broker.address ?? stage.fail(`broker ${broker.id} has no address`)
  const requester = connectRequester(world, address, {
    clientId: 'operator',
    path: name,
    frameBytesMax: 1 << 20,
  })
  return promised(
    cluster.platform,
    requester.request(api, version, body, { timeoutMs: 30_000 }),
  ).finally(() => own.kill())
}

const theController = (stage: ScenarioStage): BrokerHandle => brokerNamed(stage, 'the controller')

export const scenarioCommands: readonly ScenarioCommand[] = [
  {
    usage: 'start N brokers [in the kafka profile] [with key=value, …]',
    pattern: /^start (?<count>\d+) brokers(?<kafka> in the kafka profile)?( with (?<config>.+))?$/,
    run: (stage, { count, kafka, config }) =>
      stage.start({
        brokers: Number(count),
        profile: kafka === undefined ? 'fast' : 'kafka',
        overrides: settings(config),
      }),
  },
  {
    usage: 'create topic NAME on 1,2,3 | NAME with N partitions [, key=value …]',
    pattern:
      /^create topic (?<name>[\w-]+) (on (?<replicas>[\d,]+)|with (?<partitions>\d+) partitions)(, (?<config>.+))?$/,
    async run(stage, { name = '', replicas, partitions, config }) {
      const admin = stage.admin()
      const [created] = await admin.createTopics([
        {
          name,
          ...(replicas === undefined
            ? { numPartitions: Number(partitions) }
            : { assignments: [numbers(replicas)] }),
          configs: settings(config),
        },
      ])
      if (created?.error) return stage.tell('client', `refused: ${created.error.message}`)
      for (let partition = 0; partition < (created?.numPartitions ?? 0); partition++) {
        const handle = stage.cluster.partition(name, partition)
        await handle.until(
          ({ isr, replicas: all }) => handle.leader !== undefined && isr.length === all.length,
        )
      }
    },
  },
  {
    usage: 'delete topic NAME',
    pattern: /^delete topic (?<name>[\w-]+)$/,
    async run(stage, { name = '' }) {
      const [outcome] = await stage.admin().deleteTopics([name])
      if (outcome?.error) stage.tell('client', `refused: ${outcome.error.message}`)
    },
  },
  {
    usage: 'set key=value of topic NAME',
    pattern: /^set (?<config>.+) of topic (?<name>[\w-]+)$/,
    async run(stage, { name = '', config }) {
      const { responses } = await ask(stage, theController(stage), IncrementalAlterConfigs, 1, {
        resources: [
          {
            resourceType: 2,
            resourceName: name,
            configs: Object.entries(settings(config)).map(([key, value]) => ({
              name: key,
              configOperation: 0,
              value,
            })),
          },
        ],
        validateOnly: false,
      })
      stage.tellError('set', responses[0]?.errorCode ?? 0)
    },
  },
  {
    usage: 'produce a b c to TOPIC-N [with acks 0|1] [for at most 3 s]',
    pattern:
      /^produce (?<values>.+?) to (?<topic>[\w-]+)-(?<partition>\d+)( with acks (?<acks>[01]))?( for at most (?<seconds>[\d.]+) s)?$/,
    async run(stage, { values = '', topic = '', partition, acks, seconds }) {
      const producer = stage.producer(acks === undefined ? -1 : (Number(acks) as 0 | 1), seconds)
      for (const value of values.split(' '))
        try {
          const sent = await producer.send({ topic, partition: Number(partition), value })
          stage.tell('producer', `${value}: acknowledged at offset ${sent.offset}`)
        } catch (error) {
          const { name, message } = error as Error
          const codes = new Set(`${name} ${message}`.match(/[A-Z]{3,}(_[A-Z]+)+/g))
          stage.tell('producer', `${value}: not acknowledged (${[...codes].join(', ') || message})`)
        }
    },
  },
  {
    usage: 'write to TOPIC-N all the while',
    pattern: /^write to (?<topic>[\w-]+)-(?<partition>\d+) all the while$/,
    async run(stage, { topic = '', partition }) {
      stage.writer = new BackgroundWriter(stage.cluster, { topic, partition: Number(partition) })
      await stage.writer.acknowledged(10)
    },
  },
  {
    usage: 'stop writing, and read it all back',
    pattern: /^stop writing, and read it all back$/,
    async run(stage) {
      const { writer } = stage
      if (writer === undefined) return stage.fail('nobody writes')
      for (const line of await writer.stopAndCompare()) stage.tell('producer', line)
      stage.writer = undefined
    },
  },
  {
    usage: 'read TOPIC-N',
    pattern: /^read (?<topic>[\w-]+)-(?<partition>\d+)$/,
    async run(stage, { topic = '', partition }) {
      const records = await stage.read({ topic, partition: Number(partition) })
      stage.tell('consumer', `reads ${records.length === 0 ? 'nothing' : records.join(' ')}`)
    },
  },
  {
    usage: 'kill | pause | resume | stop | start | restart | expire WHO',
    pattern: /^(?<what>kill|pause|resume|stop|start|restart) (?<who>.+)$/,
    async run(stage, { what, who = '' }) {
      const broker = brokerNamed(stage, who)
      if (what === 'kill') broker.kill()
      else if (what === 'pause') broker.pause()
      else if (what === 'resume') broker.resume()
      else if (what === 'stop') await broker.stop()
      else await broker.restart()
    },
  },
  {
    usage: 'expire the session of WHO',
    pattern: /^expire the session of (?<who>.+)$/,
    run: (stage, { who = '' }) => brokerNamed(stage, who).expireSession(),
  },
  {
    usage: 'depose the controller',
    pattern: /^depose the controller$/,
    async run({ cluster }) {
      const client = connectZooKeeper(cluster.platform, 'client/operator', cluster.zookeeper)
      await client.connected()
      await client.delete('/controller')
      await client.close()
    },
  },
  {
    usage: 'cut WHO from WHO, WHO',
    pattern: /^cut (?<who>.+?) from (?<others>.+)$/,
    run(stage, { who = '', others }) {
      const names = listed(others).map(name => nodeNamed(stage, name))
      stage.cluster.faults.partition([[nodeNamed(stage, who)], names])
    },
  },
  {
    usage: 'slow the line between WHO and WHO by N ms',
    pattern: /^slow the line between (?<a>.+) and (?<b>.+) by (?<ms>\d+) ms$/,
    run(stage, { a = '', b = '', ms }) {
      const between = [nodeNamed(stage, a), nodeNamed(stage, b)] as const
      stage.cluster.faults.latency(Number(ms), { between })
    },
  },
  {
    usage: 'drop every API from WHO to WHO',
    pattern: /^drop every (?<api>\w+) from (?<from>.+) to (?<to>.+)$/,
    run(stage, { api, from = '', to = '' }) {
      stage.cluster.link(nodeNamed(stage, from), nodeNamed(stage, to), frames$ =>
        frames$.pipe(filter(frame => frame.api !== api || frame.direction === 'response')),
      )
    },
  },
  { usage: 'heal', pattern: /^heal$/, run: ({ cluster }) => cluster.faults.heal() },
  {
    usage: 'elect an unclean | the preferred leader of TOPIC-N',
    pattern:
      /^elect (?<kind>an unclean|the preferred) leader of (?<topic>[\w-]+)-(?<partition>\d+)$/,
    async run(stage, { kind, topic = '', partition }) {
      const answer = await ask(stage, theController(stage), ElectLeaders, 2, {
        electionType: kind === 'an unclean' ? 1 : 0,
        topicPartitions: [{ topic, partitions: [Number(partition)] }],
      })
      const [result] = answer.replicaElectionResults[0]?.partitionResult ?? []
      stage.tellError('election', result?.errorCode ?? answer.errorCode)
    },
  },
  {
    usage: 'move TOPIC-N to 2,3,4 | cancel the move of TOPIC-N',
    pattern:
      /^(move (?<topic>[\w-]+)-(?<partition>\d+) to (?<replicas>[\d,]+)|cancel the move of (?<moved>[\w-]+)-(?<at>\d+))$/,
    async run(stage, { topic, partition, replicas, moved = '', at }) {
      const answer = await ask(stage, theController(stage), AlterPartitionReassignments, 0, {
        topics: [
          {
            name: topic ?? moved,
            partitions: [
              {
                partitionIndex: Number(partition ?? at),
                replicas: replicas === undefined ? null : numbers(replicas),
              },
            ],
          },
        ],
      })
      stage.tellError(
        'reassignment',
        answer.errorCode || (answer.responses[0]?.partitions[0]?.errorCode ?? 0),
      )
    },
  },
  {
    usage: 'join GROUP to read TOPIC: m1, m2',
    pattern: /^join (?<group>[\w-]+) to read (?<topic>[\w-]+): (?<members>.+)$/,
    run(stage, { group = '', topic = '', members }) {
      for (const name of listed(members)) stage.join(group, topic, name)
    },
  },
  {
    usage: 'leave: m1 | die: m1',
    pattern: /^(?<how>leave|die): (?<name>\w+)$/,
    run: (stage, { how, name = '' }) => stage.part(name, how === 'die'),
  },
  {
    usage: 'until GROUP has N members',
    pattern: /^until (?<group>[\w-]+) has (?<count>\d+) members?$/,
    run: (stage, { group = '', count }) => stage.shared(group, Number(count)),
  },
  {
    usage: 'wait N s',
    pattern: /^wait (?<seconds>[\d.]+) s$/,
    run: ({ cluster }, { seconds }) => cluster.advance(Number(seconds) * 1000),
  },
  {
    usage: 'until TOPIC-N is led by N | by another | by nobody',
    pattern: /^until (?<topic>[\w-]+)-(?<partition>\d+) is led by (?<who>\d+|another|nobody)$/,
    async run({ cluster }, { topic = '', partition, who }) {
      const handle = cluster.partition(topic, Number(partition))
      const before = handle.state?.leader
      await handle.until(({ leader }) =>
        who === 'nobody'
          ? leader < 0
          : who === 'another'
            ? leader >= 0 && leader !== before && handle.leader?.id === leader
            : leader === Number(who) && handle.leader?.id === leader,
      )
    },
  },
  {
    usage: 'until the ISR of TOPIC-N is 1,2',
    pattern: /^until the ISR of (?<topic>[\w-]+)-(?<partition>\d+) is (?<isr>[\d,]+)$/,
    async run({ cluster }, { topic = '', partition, isr = '' }) {
      const wanted = numbers(isr).sort().join()
      await cluster
        .partition(topic, Number(partition))
        .until(state => [...state.isr].sort().join() === wanted)
    },
  },
  {
    usage: 'until broker N is controller | until there is another controller',
    pattern: /^until (broker (?<id>\d+) is controller|there is another controller)$/,
    async run({ cluster }, { id }) {
      const before = cluster.controller?.id ?? null
      await cluster.until(({ controller }) =>
        id === undefined ? controller !== null && controller !== before : controller === Number(id),
      )
    },
  },
  {
    usage: 'until topic NAME is gone',
    pattern: /^until topic (?<name>[\w-]+) is gone$/,
    async run({ cluster }, { name }) {
      await cluster.until(
        () =>
          cluster.znode(`/brokers/topics/${name}`) === undefined &&
          cluster.znode(`/admin/delete_topics/${name}`) === undefined,
      )
    },
  },
  {
    usage: 'until the move of TOPIC-N is done',
    pattern: /^until the move of (?<topic>[\w-]+)-(?<partition>\d+) is done$/,
    async run({ cluster }) {
      await cluster.until(
        () => cluster.znode('/admin/reassign_partitions') === undefined && noneMoves(cluster),
      )
    },
  },
  {
    usage: 'show TOPIC-N',
    pattern: /^show (?<topic>[\w-]+)-(?<partition>\d+)$/,
    run(stage, { topic = '', partition }) {
      for (const line of partitionLines(stage.cluster, { topic, partition: Number(partition) }))
        stage.tell('', line)
    },
  },
  {
    usage: 'show the logs of TOPIC-N',
    pattern: /^show the logs of (?<topic>[\w-]+)-(?<partition>\d+)$/,
    run(stage, { topic = '', partition }) {
      for (const line of logLines(stage.cluster, { topic, partition: Number(partition) }))
        stage.tell('', line)
    },
  },
  {
    usage: 'show the brokers',
    pattern: /^show the brokers$/,
    run(stage) {
      for (const line of stage.brokerLines()) stage.tell('', line)
    },
  },
  {
    usage: 'show /some/znode',
    pattern: /^show (?<path>\/\S+)$/,
    run(stage, { path = '' }) {
      const data = stage.cluster.znode(path)
      const said = data === undefined ? 'is not there' : new TextDecoder().decode(data ?? undefined)
      stage.tell('', `${path}: ${said}`)
    },
  },
  {
    usage: 'show GROUP',
    pattern: /^show (?<group>[\w-]+)$/,
    run(stage, { group = '' }) {
      for (const line of stage.groupLines(group)) stage.tell('', line)
    },
  },
]

function noneMoves(cluster: ScenarioStage['cluster']): boolean {
  const topics = new Set(cluster.state().partitions.map(({ topic }) => topic))
  return [...topics].every(topic => {
    const text = new TextDecoder().decode(cluster.znode(`/brokers/topics/${topic}`) ?? undefined)
    const { adding_replicas: adding = {}, removing_replicas: removing = {} } = JSON.parse(
      text || '{}',
    ) as Record<string, Record<string, number[]> | undefined>
    return [...Object.values(adding), ...Object.values(removing)].every(
      ({ length }) => length === 0,
    )
  })
}
