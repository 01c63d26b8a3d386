import {
  catchError,
  concatMap,
  forkJoin,
  map,
  merge,
  type Observable,
  of,
  Subscription,
  take,
} from 'rxjs'
import {
  clusterView,
  type LeaderElectionFact,
  leaderElectionMachine,
} from '../../machines/controller/leader-election.ts'
import {
  type ReassignmentFact,
  reassignmentMachine,
} from '../../machines/controller/reassignment.ts'
import {
  type TopicDeletionFact,
  topicDeletionMachine,
} from '../../machines/controller/topic-deletion.ts'
import type { ElectionResult, ElectionType } from '../../src/controller/aims.ts'
import type { IsrProposal, ProposalAnswer } from '../../src/controller/alter-partition.ts'
import { brokerIds, type ClusterView, emptyView } from '../../src/controller/cluster-view.ts'
import { type LeaderAndIsrOrder, leaderEpochDuringDelete } from '../../src/controller/orders.ts'
import type {
  AskedReassignment,
  AssignmentWrite,
  ReassignmentResult,
} from '../../src/controller/reassignment.ts'
import type { ReassignmentStep, StepOutcome, TopicRead } from '../../src/controller/work.ts'
import { type ErrorCode, errorName, errors } from '../../src/error.ts'
import { type BrokerId, printPartition, type TopicPartition } from '../../src/ids.ts'
import type {
  AllocateProducerIds,
  LeaderAndIsr,
  RequestOf,
  ResponseDraftOf,
  ResponseOf,
} from '../../src/protocol/index.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import {
  DeleteTopicsZNode,
  LogDirEventNotificationZNode,
  type MalformedZnode,
  PreferredReplicaElectionZNode,
  ReassignPartitionsZNode,
} from '../../src/zookeeper/paths.ts'
import { Channel } from '../channel.ts'
import type { Performers } from '../performing.ts'
import type { Root } from '../registry.ts'
import type { WatchEvent } from '../zookeeper/client.ts'
import type { BrokerWorld } from './broker-world.ts'
import { type FoundCluster, loadCluster } from './cluster-loading.ts'
import {
  deleteZnode,
  dropReassignments,
  each,
  eraseTopic,
  Fenced,
  listBrokerIds,
  listDeletions,
  listTopics,
  readBrokers,
  readPreferredElections,
  readReassignments,
  readStates,
  readTopics,
  readUncleanTopics,
  takeLogDirEvents,
  writeAssignments,
  writeStates,
} from './controller-znodes.ts'
import { OpenRequests } from './open-requests.ts'
import { OrderChannels } from './order-channels.ts'
import { allocateBlock, producerIdBlockSize } from './producer-id-blocks.ts'

interface ShutdownAnswer {
  readonly errorCode: ErrorCode
  readonly remaining: readonly TopicPartition[]
}

/** What a step came to, as the chart that took it hears it. */
function stepAnswer(
  step: ReassignmentStep['step'],
  outcome: StepOutcome,
  isr: readonly BrokerId[],
): ReassignmentFact {
  if (outcome === 'missing') return { type: 'partition.missed' }
  switch (step) {
    case 'tell':
      return { type: 'replicas.told', isr }
    case 'switch':
      return { type: outcome === 'done' ? 'leader.switched' : 'leader.missed' }
    case 'remove':
      return { type: 'assignment.written' }
  }
}

/**
 * One reign: the actors of `leader-election.ts` and `topic-deletion.ts`, what they read and write, and the brokers' queues. All of
 * it ends with the reign, at once; a late answer reaches nobody.
 */
export class Reign {
  readonly #broker: BrokerWorld
  readonly #path: string
  readonly #epochZkVersion: number
  readonly #controllerEpoch: number
  readonly #fencedOff: () => void
  readonly #channels: OrderChannels
  readonly #deletions = new Map<string, Root<typeof topicDeletionMachine>>()
  readonly #reassignments = new Map<string, Root<typeof reassignmentMachine>>()
  readonly #ended = new Channel<void>()
  /** Whatever is being read or written. */
  readonly #underWay = new Subscription()
  readonly #proposals: OpenRequests<ProposalAnswer>
  readonly #shutdowns: OpenRequests<ShutdownAnswer>
  readonly #elections: OpenRequests<readonly ElectionResult[] | null>
  readonly #alterations: OpenRequests<readonly ReassignmentResult[] | null>
  readonly #listings: OpenRequests<readonly AssignmentWrite[] | null>
  #election: Root<typeof leaderElectionMachine> | undefined
  #found: FoundCluster = { view: emptyView, deletions: [] }
  /** What watches told while the cluster was being loaded, and reassignments as soon as they began. */
  #early: LeaderElectionFact[] = []
  #request = 0

  /** @param fencedOff another controller holds the epoch. */
  constructor(
    broker: BrokerWorld,
    office: { readonly controllerEpoch: number; readonly epochZkVersion: number },
    fencedOff: () => void,
  ) {
    this.#broker = broker
    this.#path = `${broker.name}/controller`
    this.#controllerEpoch = office.controllerEpoch
    this.#epochZkVersion = office.epochZkVersion
    this.#fencedOff = fencedOff
    const nextRequest = (): number => ++this.#request
    this.#proposals = new OpenRequests(nextRequest)
    this.#shutdowns = new OpenRequests(nextRequest)
    this.#elections = new OpenRequests(nextRequest)
    this.#alterations = new OpenRequests(nextRequest)
    this.#listings = new OpenRequests(nextRequest)
    this.#channels = new OrderChannels(
      broker,
      { controllerId: broker.brokerId, controllerEpoch: office.controllerEpoch },
      { dropped: brokerId => this.#election?.send({ type: 'orders.dropped', brokerId }) },
    )
  }

  // ─── From its owner ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Watches first, then all there is (KafkaController.onControllerFailover). */
  load(events: {
    loaded(cluster: { brokers: readonly BrokerId[]; topics: number; partitions: number }): void
    unloadable(error: string): void
  }): void {
    const loading = loadCluster(this.#broker, this.#epochZkVersion, this.#malformed)
    this.#underWay.add(
      loading.subscribe({
        next: found => {
          this.#found = found
          const topics = Object.values(found.view.topics)
          events.loaded({
            brokers: brokerIds(found.view),
            topics: topics.length,
            partitions: topics.reduce((sum, it) => sum + Object.keys(it.partitions).length, 0),
          })
        },
        error: error => {
          if (error instanceof Fenced) this.#fencedOff()
          else if (!isKeeperError(error, 'SESSIONEXPIRED', 'AUTHFAILED'))
            events.unloadable(String(error))
        },
      }),
    )
  }

  begin(): void {
    const { view, deletions } = this.#found
    const { config } = this.#broker
    this.#election = this.#broker.start(leaderElectionMachine, {
      path: `${this.#path}/leader-election`,
      input: {
        controllerEpoch: this.#controllerEpoch,
        view,
        deletions,
        imbalancePercentageMax: config['leader.imbalance.per.broker.percentage'],
        deletesTopics: config['delete.topic.enable'],
      },
      performers: this.#electionPerformers(),
    })
    this.#found = { view: emptyView, deletions: [] }
    const early = this.#early
    this.#early = []
    for (const fact of early) this.#election.send(fact)
    this.#underWay.add(
      this.#broker.changes.subscribe(change => {
        if (change.kind === 'topicConfig') this.#configured(change.topic)
      }),
    )
  }

  /** Whoever allows unclean elections wants one now (TopicUncleanLeaderElectionEnable, UncleanLeaderElectionEnable). */
  #configured(topic: string | null): void {
    const { config, topicConfigs } = this.#broker
    const { 'unclean.leader.election.enable': allows } =
      topic === null ? config : topicConfigs.get(topic)
    if (allows) this.#tell({ type: 'uncleanElection.allowed', topic })
  }

  end(): void {
    this.#underWay.unsubscribe()
    this.#election?.stop()
    for (const deletion of this.#deletions.values()) deletion.stop()
    this.#deletions.clear()
    for (const reassignment of this.#reassignments.values()) reassignment.stop()
    this.#reassignments.clear()
    this.#channels.closeAll()
    this.#ended.next()
  }

  rebalance(): void {
    this.#election?.send({ type: 'rebalance.requested' })
  }

  /** A watch told of something other than `/controller`. */
  watched(path: string, kind: WatchEvent['kind']): void {
    if (path === ReassignPartitionsZNode.path) this.#tell({ type: 'reassignments.noticed' })
    if (path === PreferredReplicaElectionZNode.path)
      this.#tell({ type: 'preferredElections.noticed' })
    const isOurs =
      path.startsWith('/brokers/') ||
      path === DeleteTopicsZNode.path ||
      path === LogDirEventNotificationZNode.path
    if (isOurs)
      this.#tell({ type: kind === 'dataChanged' ? 'znode.changed' : `znode.${kind}`, path })
  }

  /** Or keeps it until there is somebody to tell. */
  #tell(fact: LeaderElectionFact): void {
    if (this.#election === undefined) this.#early.push(fact)
    else this.#election.send(fact)
  }

  alterPartition(proposal: IsrProposal): Observable<ProposalAnswer> {
    const asked = this.#proposals.ask(request =>
      this.#election?.send({ type: 'alterPartition.received', request, proposal }),
    )
    return this.#orEnded(asked, { errorCode: errors.NOT_CONTROLLER, topics: [] })
  }

  controlledShutdown(brokerId: BrokerId, brokerEpoch: number): Observable<ShutdownAnswer> {
    const asked = this.#shutdowns.ask(request =>
      this.#election?.send({ type: 'controlledShutdown.received', request, brokerId, brokerEpoch }),
    )
    return this.#orEnded(asked, { errorCode: errors.STALE_CONTROLLER_EPOCH, remaining: [] })
  }

  /** Elections by hand; emits once, null where the reign ends before. */
  electLeaders(
    electionType: ElectionType,
    partitions: readonly TopicPartition[] | null,
  ): Observable<readonly ElectionResult[] | null> {
    const asked = this.#elections.ask(request =>
      this.#election?.send({ type: 'election.requested', request, electionType, partitions }),
    )
    return this.#orEnded(asked, null)
  }

  /** Emits once, null where the reign ends before. */
  alterReassignments(
    asked: readonly AskedReassignment[],
  ): Observable<readonly ReassignmentResult[] | null> {
    const answered = this.#alterations.ask(request =>
      this.#election?.send({ type: 'reassignment.requested', request, asked }),
    )
    return this.#orEnded(answered, null)
  }

  /** Partitions that are being reassigned; emits once, null where the reign ends before. */
  listReassignments(): Observable<readonly AssignmentWrite[] | null> {
    const listed = this.#listings.ask(request =>
      this.#election?.send({ type: 'reassignmentListing.requested', request }),
    )
    return this.#orEnded(listed, null)
  }

  /** The next block of producer ids, to the life of the broker that is registered (KafkaController.allocateProducerIds). */
  allocateProducerIds({
    brokerId,
    brokerEpoch,
  }: RequestOf<typeof AllocateProducerIds>): Observable<
    ResponseDraftOf<typeof AllocateProducerIds>
  > {
    const refused = (errorCode: ErrorCode): ResponseDraftOf<typeof AllocateProducerIds> => ({
      throttleTimeMs: 0,
      errorCode,
      producerIdStart: -1,
      producerIdLen: 0,
    })
    const registered = this.#view().brokers[brokerId]
    if (registered === undefined) return of(refused(errors.BROKER_ID_NOT_REGISTERED))
    if (registered.brokerEpoch !== brokerEpoch) return of(refused(errors.STALE_BROKER_EPOCH))
    const allocated = allocateBlock(this.#broker.zookeeper, this.#epochZkVersion, brokerId).pipe(
      map(start => ({
        throttleTimeMs: 0,
        errorCode: errors.NONE,
        producerIdStart: start,
        producerIdLen: producerIdBlockSize,
      })),
      catchError(error => {
        if (error instanceof Fenced) this.#fencedOff()
        return of(
          refused(error instanceof Fenced ? errors.NOT_CONTROLLER : errors.UNKNOWN_SERVER_ERROR),
        )
      }),
    )
    return this.#orEnded(allocated, refused(errors.NOT_CONTROLLER))
  }

  /** Who still waits when the reign ends is told to look for another controller. */
  #orEnded<A>(asked: Observable<A>, otherwise: A): Observable<A> {
    return merge(this.#ended.pipe(map(() => otherwise)), asked).pipe(take(1))
  }

  // ─── Performers ──────────────────────────────────────────────────────────────────────────────────────────────────

  #electionPerformers(): Performers<typeof leaderElectionMachine> {
    const { zookeeper } = this.#broker
    const version = this.#epochZkVersion
    return {
      'zk.listBrokers': (_command, send) =>
        this.#asking(listBrokerIds(zookeeper), brokers =>
          send({ type: 'brokers.listed', brokers }),
        ),
      'zk.readBrokers': ({ brokers: ids }, send) =>
        this.#asking(readBrokers(zookeeper, ids, this.#malformed), brokers =>
          send({ type: 'brokers.read', brokers }),
        ),
      'zk.readTopics': ({ known, topic }, send) => {
        const there = new Set(known)
        const read: Observable<{ topics: readonly TopicRead[]; listed: readonly string[] | null }> =
          topic === null
            ? listTopics(zookeeper).pipe(
                concatMap(listed =>
                  this.#readTopics(listed.filter(name => !there.has(name))).pipe(
                    map(topics => ({ topics, listed })),
                  ),
                ),
              )
            : this.#readTopics([topic]).pipe(map(topics => ({ topics, listed: null })))
        this.#asking(read, found => send({ type: 'topics.read', ...found }))
      },
      'zk.readDeletions': (_command, send) =>
        this.#asking(listDeletions(zookeeper), topics => send({ type: 'deletions.read', topics })),
      'zk.readLogDirEvents': (_command, send) =>
        this.#asking(takeLogDirEvents(zookeeper, version), brokers => {
          if (brokers.length > 0) send({ type: 'logDirs.failed', brokers })
        }),
      'zk.readStates': ({ partitions, configsOf }, send) =>
        this.#asking(
          forkJoin([
            readStates(zookeeper, partitions, this.#malformed),
            readUncleanTopics(this.#broker, configsOf),
          ]),
          ([states, uncleanTopics]) => send({ type: 'states.read', states, uncleanTopics }),
        ),
      'zk.multi': ({ writes }, send) =>
        this.#asking(writeStates(zookeeper, version, writes), stale =>
          send(stale.length === 0 ? { type: 'zk.committed' } : { type: 'zk.badVersion', stale }),
        ),
      'zk.dropDeletions': ({ topics }) =>
        this.#asking(
          each(topics, topic =>
            deleteZnode(zookeeper, version, DeleteTopicsZNode.topicPath(topic)),
          ),
          () => {},
        ),
      'channel.open': ({ broker }) => this.#channels.open(broker.id),
      'channel.close': ({ brokerId }) => this.#channels.close(brokerId),
      'leaderAndIsr.send': order =>
        this.#channels.leaderAndIsr(order, answer => this.#leaderAndIsrAnswered(order, answer)),
      'updateMetadata.send': order =>
        this.#channels.updateMetadata(order, ({ errorCode }) =>
          this.#note('UpdateMetadata', order.brokerId, errorCode),
        ),
      'stopReplica.send': order =>
        this.#channels.stopReplica(order, ({ errorCode }) =>
          this.#note('StopReplica', order.brokerId, errorCode),
        ),
      'leaderless.note': ({ partitions }) =>
        void this.#broker.trace.record('note', this.#path, 'no leader can be elected', {
          partitions: partitions.map(printPartition),
        }),
      'orders.confirm': (_command, send) => send({ type: 'orders.queued' }),
      'alterPartition.answer': ({ request, answer }) => this.#proposals.answer(request, answer),
      'electLeaders.answer': ({ request, results }) => this.#elections.answer(request, results),
      'controlledShutdown.answer': ({ request, errorCode, remaining }) =>
        this.#shutdowns.answer(request, { errorCode, remaining }),
      'deletion.begin': ({ topic, topicId, replicas, live }) => {
        this.#deletions.get(topic)?.stop()
        this.#deletions.set(
          topic,
          this.#broker.start(topicDeletionMachine, {
            path: `${this.#path}/topic-deletion/${topic}`,
            input: { topic, topicId, replicas, live },
            performers: this.#deletionPerformers(),
          }),
        )
      },
      'zk.writeAssignments': ({ assignments }, send) =>
        this.#asking(writeAssignments(zookeeper, version, assignments, this.#malformed), lost =>
          send({ type: 'assignments.written', lost }),
        ),
      'zk.readReassignments': (_command, send) =>
        this.#asking(readReassignments(zookeeper, this.#malformed), asked => {
          if (asked.length > 0) send({ type: 'reassignments.read', asked })
        }),
      'zk.readPreferredElections': (_command, send) =>
        this.#asking(readPreferredElections(zookeeper, this.#malformed), partitions => {
          if (partitions !== null) send({ type: 'preferredElections.read', partitions })
        }),
      'zk.dropReassignments': ({ partitions }) =>
        this.#asking(dropReassignments(zookeeper, version, partitions), () => {}),
      'zk.dropPreferredElections': () =>
        this.#asking(deleteZnode(zookeeper, version, PreferredReplicaElectionZNode.path), () => {}),
      'reassignment.begin': ({ isCancelled, ...input }) => {
        const key = printPartition(input)
        const { target, removing, isr } = input
        const type = isCancelled ? 'reassignment.cancelled' : 'reassignment.overridden'
        const known = this.#reassignments.get(key)
        if (known !== undefined) known.send({ type, target, removing, isr })
        else
          this.#reassignments.set(
            key,
            this.#broker.start(reassignmentMachine, {
              path: `${this.#path}/reassignment/${key}`,
              input,
              performers: this.#reassignmentPerformers(),
            }),
          )
      },
      'reassignment.inform': ({ isr, ...of }) =>
        this.#reassignments.get(printPartition(of))?.send({ type: 'isr.changed', isr }),
      'reassignment.answer': ({ step, outcome, isr, ...of }) =>
        this.#reassignments.get(printPartition(of))?.send(stepAnswer(step, outcome, isr)),
      'reassignments.resume': ({ brokers }) => {
        for (const one of [...this.#reassignments.values()])
          one.send({ type: 'brokers.started', brokers })
      },
      'reassignments.drop': ({ topics }) => {
        for (const one of [...this.#reassignments.values()])
          if (topics.includes(one.getSnapshot().context.topic))
            one.send({ type: 'partition.missed' })
      },
      'alterReassignments.answer': ({ request, results }) =>
        this.#alterations.answer(request, results),
      'listReassignments.answer': ({ request, reassignments }) =>
        this.#listings.answer(request, reassignments),
      'deletions.resume': ({ brokers }) =>
        this.#tellDeletions({ type: 'brokers.started', brokers }),
      'deletions.halt': ({ brokers }) => this.#tellDeletions({ type: 'brokers.failed', brokers }),
      'controller.resign': () => this.#fencedOff(),
    }
  }

  #deletionPerformers(): Performers<typeof topicDeletionMachine> {
    return {
      'replicas.delete': ({ brokerId, topic, partitions }, send) => {
        const registered = this.#view().brokers[brokerId]
        // Died since: its end is told as such.
        if (registered === undefined) return
        this.#channels.stopReplica(
          {
            brokerId,
            brokerEpoch: registered.brokerEpoch,
            partitions: partitions.map(partition => ({
              topic,
              partition,
              leaderEpoch: leaderEpochDuringDelete,
              deletePartition: true,
            })),
          },
          ({ errorCode, partitionErrors }) =>
            send({
              type: 'replicas.stopped',
              brokerId,
              partitions: partitions.map(partition => ({
                partition,
                errorCode:
                  errorCode ||
                  (partitionErrors.find(it => it.partitionIndex === partition)?.errorCode ??
                    errors.NONE),
              })),
            }),
        )
      },
      'zk.eraseTopic': ({ topic }, send) =>
        this.#asking(
          eraseTopic(this.#broker.zookeeper, this.#epochZkVersion, topic),
          () => send({ type: 'topic.erased' }),
          () => send({ type: 'zk.fenced' }),
        ),
      'erasure.report': ({ topic, topicId }) => {
        this.#deletions.delete(topic)
        this.#election?.send({ type: 'topic.erased', topic, topicId })
      },
      'controller.resign': () => this.#fencedOff(),
    }
  }

  #reassignmentPerformers(): Performers<typeof reassignmentMachine> {
    const take =
      (step: ReassignmentStep['step']) =>
      ({ topic, partition, target, removing }: Omit<ReassignmentStep, 'step'>): void =>
        this.#tell({
          type: 'reassignment.advanced',
          step,
          topic,
          partition,
          target,
          removing,
        })
    return {
      'replicas.tell': take('tell'),
      'leader.switch': take('switch'),
      'replicas.remove': take('remove'),
      'end.report': of => void this.#reassignments.delete(printPartition(of)),
    }
  }

  #tellDeletions(fact: TopicDeletionFact): void {
    for (const deletion of [...this.#deletions.values()]) deletion.send(fact)
  }

  #leaderAndIsrAnswered(
    { brokerId, partitions }: LeaderAndIsrOrder,
    { errorCode, topics }: ResponseOf<typeof LeaderAndIsr>,
  ): void {
    this.#note('LeaderAndIsr', brokerId, errorCode)
    // Of the others STALE_CONTROLLER_EPOCH is usual: the broker knew that leader epoch already.
    const answered = (code: ErrorCode): readonly string[] =>
      topics.flatMap(({ topicId, partitionErrors }) =>
        partitionErrors
          .filter(it => it.errorCode === code)
          .flatMap(({ partitionIndex }) =>
            partitions.filter(it => it.topicId === topicId && it.partition === partitionIndex),
          )
          .map(printPartition),
      )
    const failed = answered(errors.KAFKA_STORAGE_ERROR)
    if (failed.length > 0)
      this.#election?.send({ type: 'replicas.failed', brokerId, partitions: failed })
    const known = this.#election?.getSnapshot().context.view.failedReplicas[brokerId] ?? []
    if (known.length === 0) return
    const recovered = answered(errors.NONE).filter(name => known.includes(name))
    if (recovered.length > 0)
      this.#election?.send({ type: 'replicas.recovered', brokerId, partitions: recovered })
  }

  #note(order: string, brokerId: BrokerId, errorCode: ErrorCode): void {
    if (errorCode === errors.NONE) return
    this.#broker.trace.record('note', this.#path, `${order} refused`, {
      brokerId,
      error: errorName(errorCode),
    })
  }

  readonly #malformed = (path: string, { malformed }: MalformedZnode): void => {
    this.#broker.trace.record('note', this.#path, 'znode cannot be read', { path, malformed })
  }

  // ─── ZooKeeper ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** As loaded, until the first actor of the reign has it. */
  #view(): ClusterView {
    return this.#election === undefined
      ? this.#found.view
      : clusterView(this.#election.getSnapshot())
  }

  /** That the session is over is told by the session itself; whatever else no repetition cures is the end of this broker. */
  #asking<T>(
    answer: Observable<T>,
    answered: (value: T) => void,
    fencedOff = (): void => this.#election?.send({ type: 'zk.fenced' }),
  ): void {
    this.#underWay.add(
      answer.subscribe({
        next: answered,
        error: error => {
          if (error instanceof Fenced) fencedOff()
          else if (!isKeeperError(error, 'SESSIONEXPIRED', 'AUTHFAILED'))
            this.#broker.failed(this.#path, error)
        },
      }),
    )
  }

  #readTopics(names: readonly string[]): Observable<readonly TopicRead[]> {
    return readTopics(this.#broker, this.#epochZkVersion, names, this.#malformed)
  }
}
