import { map } from 'rxjs'
import { errors } from '../../../src/error.ts'
import type { LeaderAndIsr, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'

/**
 * LeaderAndIsr: v0–v7
 *
 * - Meant for an earlier run of this broker, it is STALE_BROKER_EPOCH; from a controller that was replaced STALE_CONTROLLER_EPOCH.
 * - A partition whose leader epoch is not newer than ours is STALE_CONTROLLER_EPOCH, one of another topic id INCONSISTENT_TOPIC_ID, one
 *   that is not to be here UNKNOWN_TOPIC_OR_PARTITION; the others are obeyed.
 * - The configuration of a topic that is new here is read first: its logs must not begin with another. Nobody leaves a note of it.
 *
 * v2: brokerEpoch (KIP-380) · v5: topicId (KIP-516); answers by topic id
 * Not implemented: leader recovery (v6), the migration to KRaft (v7).
 */
export const leaderAndIsr: Handler<typeof LeaderAndIsr> = (broker, request, { version }) => {
  const carryOut = (): ResponseDraftOf<typeof LeaderAndIsr> => {
    // Whatever was read meanwhile, what counts is who is controller now, and which life this broker is in.
    if (isStaleBrokerEpoch(broker, request.brokerEpoch))
      return { errorCode: errors.STALE_BROKER_EPOCH }
    const { errorCode, partitionErrors = [], topics = [] } = broker.partitions.leaderAndIsr(request)
    return version < 5 ? { errorCode, partitionErrors } : { errorCode, topics: byIdAlone(topics) }
  }
  const newTopics = topicsNotHere(broker, request)
  return newTopics.length === 0
    ? carryOut()
    : broker.topicConfigs.refresh(newTopics).pipe(map(carryOut))
}

type TopicErrors = NonNullable<ResponseDraftOf<typeof LeaderAndIsr>['topics']>

/** From v5 on the names are left out. */
const byIdAlone = (topics: TopicErrors): TopicErrors =>
  topics.map(({ topicId, partitionErrors }) => ({
    topicId,
    partitionErrors: partitionErrors.map(({ partitionIndex, errorCode }) => ({
      partitionIndex,
      errorCode,
    })),
  }))

/** −1: the controller does not know epochs. */
const isStaleBrokerEpoch = ({ brokerEpoch }: BrokerWorld, asked: number): boolean =>
  asked !== -1 && asked < brokerEpoch

function topicsNotHere(
  { partitions }: BrokerWorld,
  request: RequestOf<typeof LeaderAndIsr>,
): string[] {
  const asked = [
    ...request.topicStates.map(({ topicName, partitionStates }) => ({
      topicName,
      partitionStates,
    })),
    ...request.ungroupedPartitionStates.map(state => ({
      topicName: state.topicName,
      partitionStates: [state],
    })),
  ]
  const fresh = asked.filter(({ topicName, partitionStates }) =>
    partitionStates.some(
      ({ partitionIndex }) => partitions.get(topicName, partitionIndex) === undefined,
    ),
  )
  return [...new Set(fresh.map(({ topicName }) => topicName))]
}
