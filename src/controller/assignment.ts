/**
 * Replicas for new partitions (kafka.admin.AdminUtils): leaders go round robin from a random broker, followers at a
 * shift from their leader that grows with every round, so that the followers of one broker spread over all the others.
 * With racks, neighbours in the round are of different racks, and a partition has replicas on as many racks as it can.
 */
import type { BrokerId } from '../ids.ts'

/** A broker that may be given replicas. */
export interface AssignableBroker {
  readonly id: BrokerId
  readonly rack: string | null
}

/** Where the rounds begin: numbers below the number of brokers, from chance; fixed in tests. */
export interface AssignmentStart {
  readonly firstIndex: number
  readonly shift: number
}

/** Draws where the rounds begin. */
export const randomStart = (
  random: { next(): number },
  brokers: readonly AssignableBroker[],
): AssignmentStart => ({
  firstIndex: Math.floor(random.next() * brokers.length),
  shift: Math.floor(random.next() * brokers.length),
})

/**
 * Replicas of partitions `firstPartition`, `firstPartition + 1` …: one list per partition, the preferred leader first.
 *
 * @param partitions how many, > 0
 * @param replicationFactor > 0 and at most the number of brokers
 * @param firstPartition above 0 where a topic gets more partitions
 */
export function assignReplicas(
  brokers: readonly AssignableBroker[],
  partitions: number,
  replicationFactor: number,
  start: AssignmentStart,
  firstPartition = 0,
): readonly (readonly BrokerId[])[] {
  const sorted = [...brokers].sort((a, b) => a.id - b.id)
  // With racks known for some brokers only there is no telling them apart: as if there were none.
  const racked = sorted.length > 0 && sorted.every(broker => broker.rack !== null)
  const ring = racked ? alternateRacks(sorted) : sorted
  const assignments: BrokerId[][] = []
  let { shift } = start
  for (let i = 0; i < partitions; i++) {
    const partition = firstPartition + i
    if (partition > 0 && partition % ring.length === 0) shift++
    const first = (partition + start.firstIndex) % ring.length
    assignments.push(
      racked
        ? spread(ring, replicationFactor, first, shift)
        : ringReplicas(ring, replicationFactor, first, shift),
    )
  }
  return assignments
}

/** The broker at a distance from the first that is never 0, so never the first itself. */
const follower = (first: number, shift: number, nth: number, brokers: number): number =>
  (first + 1 + ((shift + nth) % (brokers - 1))) % brokers

function ringReplicas(
  ring: readonly AssignableBroker[],
  replicationFactor: number,
  first: number,
  shift: number,
): BrokerId[] {
  const replicas = [(ring[first] as AssignableBroker).id]
  for (let nth = 0; nth < replicationFactor - 1; nth++)
    replicas.push((ring[follower(first, shift, nth, ring.length)] as AssignableBroker).id)
  return replicas
}

/** Brokers of rack a, b, c, a, b, c …; within a rack by id. */
function alternateRacks(brokers: readonly AssignableBroker[]): readonly AssignableBroker[] {
  const byRack = new Map<string, AssignableBroker[]>()
  for (const broker of brokers) {
    const rack = broker.rack as string
    byRack.set(rack, [...(byRack.get(rack) ?? []), broker])
  }
  const racks = [...byRack.keys()].sort().map(rack => byRack.get(rack) as AssignableBroker[])
  const ring: AssignableBroker[] = []
  for (let round = 0; ring.length < brokers.length; round++)
    for (const rack of racks) {
      const broker = rack[round]
      if (broker !== undefined) ring.push(broker)
    }
  return ring
}

/** As {@link ringReplicas}, passing over a broker whose rack has a replica while another rack has none, and likewise for brokers. */
function spread(
  ring: readonly AssignableBroker[],
  replicationFactor: number,
  first: number,
  shift: number,
): BrokerId[] {
  const leader = ring[first] as AssignableBroker
  const racks = new Set(ring.map(broker => broker.rack))
  const replicas = [leader.id]
  const racksUsed = new Set([leader.rack])
  const brokersUsed = new Set([leader.id])
  for (let nth = 0; replicas.length < replicationFactor; nth++) {
    const at = (first + 1 + ((shift * racks.size + nth) % (ring.length - 1))) % ring.length
    const broker = ring[at] as AssignableBroker
    if (racksUsed.has(broker.rack) && racksUsed.size < racks.size) continue
    if (brokersUsed.has(broker.id)) continue
    replicas.push(broker.id)
    racksUsed.add(broker.rack)
    brokersUsed.add(broker.id)
  }
  return replicas
}
