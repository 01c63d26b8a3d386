import type { Command } from 'commander'
import type { ClusterState } from '../actors/cluster-state.ts'
import { askControl, withControl } from './control-client.ts'
import { table } from './table.ts'

/** The state as people read it. */
function print(state: ClusterState): string {
  const brokers = table(
    ['BROKER', 'STATE', 'ADDRESS', 'EPOCH', ''],
    state.brokers.map(({ id, state: node, host, port, brokerEpoch, error }) => [
      id,
      node,
      `${host}:${port}`,
      brokerEpoch,
      error ?? (id === state.controller ? 'controller' : ''),
    ]),
  )
  const partitions = table(
    ['PARTITION', 'LEADER', 'EPOCH', 'ISR', 'REPLICAS (log end / high watermark)'],
    state.partitions.map(({ topic, partition, leader, leaderEpoch, isr, replicaStates }) => [
      `${topic}-${partition}`,
      leader < 0 ? 'none' : leader,
      leaderEpoch,
      isr.join(','),
      replicaStates
        .map(
          replica =>
            `${replica.broker} ${replica.state} ${replica.logEndOffset ?? '-'}/${replica.highWatermark ?? '-'}`,
        )
        .join('   '),
    ]),
  )
  const groups = table(
    ['GROUP', 'STATE', 'GENERATION', 'MEMBERS', 'COORDINATOR'],
    state.groups.map(({ groupId, state: at, generationId, members, coordinator }) => [
      groupId,
      at,
      generationId,
      members.length,
      coordinator,
    ]),
  )
  return [
    brokers,
    ...(state.partitions.length > 0 ? [partitions] : []),
    ...(state.groups.length > 0 ? [groups] : []),
  ].join('\n\n')
}

/** `samsa state [--json]`. */
export function addStateCommand(program: Command): void {
  withControl(
    program
      .command('state')
      .description('brokers, the controller, partitions and groups of a running cluster')
      .option('--json', 'as one line of JSON'),
  ).action(async ({ control, json }: { control: string; json?: true }) => {
    const state = (await askControl(control, '/api/state')) as ClusterState
    console.log(json ? JSON.stringify(state) : print(state))
  })
}
