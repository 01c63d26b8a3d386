import type { StateValue } from 'xstate'
import { printPartition, type TopicPartition } from '../src/ids.ts'
import { decodeAssignment } from '../src/protocol/stored/consumer-protocol.ts'
import type { BrokerWorld } from './broker/broker-world.ts'
import type { BrokerNode } from './broker-node.ts'
import type { GroupState, PartitionState, ReplicaState } from './cluster-state.ts'
import { type Registry, stateName } from './registry.ts'

/** The brokers whose word counts: a paused or dead one knows nothing new. */
const worlds = (nodes: readonly BrokerNode[]): BrokerWorld[] =>
  nodes.flatMap(node => (node.state === 'running' && node.running ? [node.running.world] : []))

/** Of what the brokers' caches say of a partition, the newest. */
function newest(nodes: readonly BrokerNode[], { topic, partition }: TopicPartition) {
  let best: ReturnType<BrokerWorld['metadata']['partition']>
  for (const { metadata } of worlds(nodes)) {
    const known = metadata.partition(topic, partition)
    if (known === undefined) continue
    if (
      best === undefined ||
      known.leaderEpoch > best.leaderEpoch ||
      (known.leaderEpoch === best.leaderEpoch && known.partitionEpoch > best.partitionEpoch)
    )
      best = known
  }
  return best
}

function replicaState(nodes: readonly BrokerNode[], id: number, at: TopicPartition): ReplicaState {
  const node = nodes.find(node => node.id === id)
  const replica = node?.running?.world.partitions.get(at.topic, at.partition)
  if (replica === undefined)
    return {
      broker: id,
      state: node === undefined ? 'elsewhere' : 'offline',
      logStartOffset: null,
      logEndOffset: null,
      highWatermark: null,
    }
  return {
    broker: id,
    state: replica.state,
    logStartOffset: replica.log.logStartOffset,
    logEndOffset: replica.log.logEndOffset,
    highWatermark: replica.highWatermark,
  }
}

/** One partition as the cluster has it; undefined where no broker knows it. */
export function partitionState(
  nodes: readonly BrokerNode[],
  at: TopicPartition,
): PartitionState | undefined {
  const known = newest(nodes, at)
  if (known === undefined) return undefined
  return {
    topic: at.topic,
    partition: at.partition,
    leader: known.leader,
    leaderEpoch: known.leaderEpoch,
    isr: [...known.isr],
    replicas: [...known.replicas],
    replicaStates: known.replicas.map(id => replicaState(nodes, id, at)),
  }
}

/** Every partition, by topic and number. */
export function partitionStates(nodes: readonly BrokerNode[]): PartitionState[] {
  const topics = new Map<string, Set<number>>()
  for (const { metadata } of worlds(nodes))
    for (const name of metadata.topicNames()) {
      const numbers = topics.get(name) ?? new Set()
      for (const partition of metadata.topic(name)?.partitions.keys() ?? []) numbers.add(partition)
      topics.set(name, numbers)
    }
  return [...topics.keys()]
    .sort()
    .flatMap(topic =>
      [...(topics.get(topic) ?? [])]
        .sort((a, b) => a - b)
        .flatMap(partition => partitionState(nodes, { topic, partition }) ?? []),
    )
}

/** Whom a group's leader assigned what, as far as consumers write it. */
function assignments(node: BrokerNode, groupId: string): GroupState['assignments'] {
  const described = node.running?.world.groups.describe(groupId)
  if (described?.protocolType !== 'consumer') return {}
  return Object.fromEntries(
    described.members.map(({ memberId, memberAssignment }) => [
      memberId,
      (decodeAssignment(memberAssignment)?.assignedPartitions ?? []).flatMap(
        ({ topic, partitions }) =>
          partitions.map(partition => printPartition({ topic, partition })),
      ),
    ]),
  )
}

/** The groups that running coordinators have in memory, by name. */
export function groupStates(registry: Registry, nodes: readonly BrokerNode[]): GroupState[] {
  const states: GroupState[] = []
  for (const [path, root] of registry.roots) {
    const [, id, groupId] = /^broker-(\d+)\/group\/(.*)$/.exec(path) ?? []
    if (id === undefined || groupId === undefined) continue
    const node = nodes.find(({ id: of, state }) => of === Number(id) && state === 'running')
    if (node === undefined) continue
    const { value, context } = root.getSnapshot() as {
      value: StateValue
      context: { generationId: number; members: Readonly<Record<string, unknown>> }
    }
    states.push({
      groupId,
      coordinator: Number(id),
      state: stateName(value),
      generationId: context.generationId,
      members: Object.keys(context.members),
      assignments: assignments(node, groupId),
    })
  }
  return states.sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}
