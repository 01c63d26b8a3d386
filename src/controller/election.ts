/**
 * Who shall lead: the four strategies as pure functions (kafka.controller.Election, PartitionLeaderElectionAlgorithms).
 * Replicas come in the order of their assignment, the preferred leader first.
 */
import type { BrokerId } from '../ids.ts'

export type ElectionStrategy = 'offline' | 'reassign' | 'preferred' | 'controlledShutdown'

/** What an election looks at. */
export interface Ballot {
  /** All replicas (AR); of a partition that is being reassigned, for `reassign`, only those that stay. */
  readonly replicas: readonly BrokerId[]
  readonly isr: readonly BrokerId[]
  /** Replicas that may lead: broker registered and not shutting down, disk in order. */
  readonly online: readonly BrokerId[]
  /** Brokers that shut down in order: they are still there, and leave the ISR. */
  readonly shuttingDown: readonly BrokerId[]
  /** Whether a replica outside the ISR may lead where no other is left, at the price of acknowledged records. */
  readonly uncleanAllowed: boolean
}

export interface Elected {
  readonly leader: BrokerId
  readonly isr: readonly BrokerId[]
  /** From outside the ISR: the leader must recover first (KIP-704). */
  readonly unclean: boolean
}

/** Null: nobody can be elected. */
export function elect(strategy: ElectionStrategy, ballot: Ballot): Elected | null {
  switch (strategy) {
    case 'offline':
      return electOffline(ballot)
    case 'reassign':
      return electReassign(ballot)
    case 'preferred':
      return electPreferred(ballot)
    case 'controlledShutdown':
      return electForShutdown(ballot)
  }
}

/** The leader died, or the partition is led by nobody: the first online member of the ISR, which loses its offline members. */
export function electOffline({ replicas, isr, online, uncleanAllowed }: Ballot): Elected | null {
  const leader = replicas.find(id => online.includes(id) && isr.includes(id))
  if (leader !== undefined)
    return { leader, isr: isr.filter(id => online.includes(id)), unclean: false }
  const survivor = uncleanAllowed ? replicas.find(id => online.includes(id)) : undefined
  return survivor === undefined ? null : { leader: survivor, isr: [survivor], unclean: true }
}

/** The leader is not among the replicas that stay: the first of these that is online and in the ISR. */
export function electReassign({ replicas, isr, online }: Ballot): Elected | null {
  const leader = replicas.find(id => online.includes(id) && isr.includes(id))
  return leader === undefined ? null : { leader, isr, unclean: false }
}

/** Back to the first replica, if it is online and in the ISR. */
export function electPreferred({ replicas, isr, online }: Ballot): Elected | null {
  const [preferred] = replicas
  return preferred !== undefined && online.includes(preferred) && isr.includes(preferred)
    ? { leader: preferred, isr, unclean: false }
    : null
}

/** The leader wants to stop: the first other member of the ISR that stays, and the ISR loses those that go. */
export function electForShutdown({ replicas, isr, online, shuttingDown }: Ballot): Elected | null {
  const leader = replicas.find(
    id => online.includes(id) && isr.includes(id) && !shuttingDown.includes(id),
  )
  return leader === undefined
    ? null
    : { leader, isr: isr.filter(id => !shuttingDown.includes(id)), unclean: false }
}
