/**
 * The controller of a broker: the performers of `machines/controller/controller.ts`, and of the two charts of its reign
 * in `reign.ts`.
 */
import { concatMap, map, type Observable, of, Subscription } from 'rxjs'
import { controllerMachine, reigns } from '../../machines/controller/controller.ts'
import type { IsrProposal, ProposalAnswer } from '../../src/controller/alter-partition.ts'
import { errors } from '../../src/error.ts'
import { noBroker, noUuid } from '../../src/ids.ts'
import type {
  AllocateProducerIds,
  AlterPartition,
  ControlledShutdown,
  RequestOf,
  ResponseDraftOf,
} from '../../src/protocol/index.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import { ControllerZNode } from '../../src/zookeeper/paths.ts'
import type { BrokerWorld, Controller } from './broker-world.ts'
import {
  createController,
  deleteZnode,
  Fenced,
  readController,
  readControllerEpoch,
} from './controller-znodes.ts'
import { Reign } from './reign.ts'

/** Makes the broker's controller; it takes part in elections from `start()` on. */
export function startController(broker: BrokerWorld): Controller {
  const { config, zookeeper, brokerId } = broker
  const path = `${broker.name}/controller`
  /** Reads and writes of the campaign; they end with the session. */
  let campaign = new Subscription()
  let look = new Subscription()
  let reign: Reign | undefined

  /** That the session is over is told by the session itself; whatever else no repetition cures is the end of this broker. */
  const asking = <T>(answer: Observable<T>, answered: (value: T) => void): Subscription => {
    const asked = answer.subscribe({
      next: answered,
      error: error => {
        if (error instanceof Fenced) root.send({ type: 'zk.fenced' })
        else if (!isKeeperError(error, 'SESSIONEXPIRED', 'AUTHFAILED')) broker.failed(path, error)
      },
    })
    campaign.add(asked)
    return asked
  }

  const root = broker.start(controllerMachine, {
    path,
    input: {
      brokerId,
      rebalances: config['auto.leader.rebalance.enable'],
      rebalanceIntervalMs: config['leader.imbalance.check.interval.seconds'] * 1000,
    },
    performers: {
      'zk.readController': (_command, send) => {
        // Of several looks the last one counts.
        look.unsubscribe()
        look = asking(readController(zookeeper), found =>
          send(
            found === null
              ? { type: 'controller.missed' }
              : { type: 'controller.found', brokerId: found },
          ),
        )
      },
      'zk.readControllerEpoch': (_command, send) => {
        asking(readControllerEpoch(zookeeper), read =>
          send({ type: 'controllerEpoch.read', ...read }),
        )
      },
      'zk.createController': ({ controllerEpoch, epochZkVersion }, send) => {
        asking(createController(broker, controllerEpoch, epochZkVersion), won =>
          send({ type: won ? 'claim.won' : 'claim.refused' }),
        )
      },
      'zk.checkClaim': (_command, send) => {
        const both = readController(zookeeper).pipe(
          concatMap(found => readControllerEpoch(zookeeper).pipe(map(epoch => ({ found, epoch })))),
        )
        asking(both, ({ found, epoch }) =>
          send({ type: 'claim.checked', brokerId: found ?? noBroker, ...epoch }),
        )
      },
      'zk.deleteController': ({ epochZkVersion }) => {
        asking(deleteZnode(zookeeper, epochZkVersion, ControllerZNode.path), () => {})
      },
      'cluster.load': ({ controllerEpoch, epochZkVersion }, send) => {
        const loading = new Reign(broker, { controllerEpoch, epochZkVersion }, () =>
          root.send({ type: 'zk.fenced' }),
        )
        reign = loading
        loading.load({
          loaded: cluster => send({ type: 'cluster.loaded', ...cluster }),
          unloadable: error => send({ type: 'cluster.unloadable', error }),
        })
      },
      'reign.begin': () => reign?.begin(),
      'reign.end': (_command, send) => {
        campaign.unsubscribe()
        campaign = new Subscription()
        reign?.end()
        reign = undefined
        send({ type: 'reign.ended' })
      },
      'leaders.rebalance': () => reign?.rebalance(),
    },
  })

  zookeeper.watches.subscribe(({ path: znode, kind }) => {
    if (znode !== ControllerZNode.path) reign?.watched(znode, kind)
    else if (kind === 'dataChanged') root.send({ type: 'znode.changed', path: znode })
    else if (kind !== 'childrenChanged') root.send({ type: `znode.${kind}`, path: znode })
  })

  /** The reign, while it is one: loading it is no controller yet, as far as others can see. */
  const reigning = (): Reign | undefined => (reigns(root.getSnapshot()) ? reign : undefined)

  return {
    get isActive() {
      return reigning() !== undefined
    },
    start: () => root.send({ type: 'broker.registered' }),
    reelect: () => root.send({ type: 'broker.registered' }),
    expire: () => root.send({ type: 'session.expired' }),
    stop: () => root.send({ type: 'shutdown.requested' }),
    alterPartition: (request, version) =>
      reigning()
        ?.alterPartition(proposalOf(request, version))
        .pipe(map(answer => alterPartitionResponse(answer))) ??
      of({ throttleTimeMs: 0, errorCode: errors.NOT_CONTROLLER, topics: [] }),
    controlledShutdown: ({ brokerId: id, brokerEpoch }) =>
      reigning()?.controlledShutdown(id, brokerEpoch).pipe(map(controlledShutdownResponse)) ??
      of({ errorCode: errors.STALE_CONTROLLER_EPOCH, remainingPartitions: [] }),
    electLeaders: (electionType, partitions) =>
      reigning()?.electLeaders(electionType, partitions) ?? of(null),
    alterReassignments: asked => reigning()?.alterReassignments(asked) ?? of(null),
    listReassignments: () => reigning()?.listReassignments() ?? of(null),
    allocateProducerIds: request => reigning()?.allocateProducerIds(request) ?? of(notController),
  }
}

const notController: ResponseDraftOf<typeof AllocateProducerIds> = {
  throttleTimeMs: 0,
  errorCode: errors.NOT_CONTROLLER,
  producerIdStart: -1,
  producerIdLen: 0,
}

/** v2 names topics by id, v3 brokers with their epochs; a ZooKeeper-mode controller does not look at these (KIP-903). */
const proposalOf = (request: RequestOf<typeof AlterPartition>, version: number): IsrProposal => ({
  brokerId: request.brokerId,
  brokerEpoch: request.brokerEpoch,
  byTopicId: version >= 2,
  topics: request.topics.map(({ topicName, topicId, partitions }) => ({
    topic: topicName,
    topicId,
    partitions: partitions.map(it => ({
      partition: it.partitionIndex,
      leaderEpoch: it.leaderEpoch,
      partitionEpoch: it.partitionEpoch,
      isr: version >= 3 ? it.newIsrWithEpochs.map(member => member.brokerId) : it.newIsr,
      leaderRecoveryState: it.leaderRecoveryState,
    })),
  })),
})

const alterPartitionResponse = (
  answer: ProposalAnswer,
): ResponseDraftOf<typeof AlterPartition> => ({
  throttleTimeMs: 0,
  errorCode: answer.errorCode,
  topics: answer.topics.map(({ topic, topicId, partitions }) => ({
    topicName: topic,
    topicId: topicId === '' ? noUuid : topicId,
    partitions: partitions.map(({ partition, errorCode, leadership }) => ({
      partitionIndex: partition,
      errorCode,
      leaderId: leadership?.leader ?? noBroker,
      leaderEpoch: leadership?.leaderEpoch ?? -1,
      isr: leadership?.isr ?? [],
      leaderRecoveryState: leadership?.leaderRecoveryState ?? 0,
      partitionEpoch: leadership?.partitionEpoch ?? -1,
    })),
  })),
})

const controlledShutdownResponse = ({
  errorCode,
  remaining,
}: {
  readonly errorCode: number
  readonly remaining: readonly { readonly topic: string; readonly partition: number }[]
}): ResponseDraftOf<typeof ControlledShutdown> => ({
  errorCode,
  remainingPartitions: remaining.map(({ topic, partition }) => ({
    topicName: topic,
    partitionIndex: partition,
  })),
})
