import { TopicPartitionStateZNode } from '../../../src/zookeeper/paths.ts'
import { isMalformed } from '../../../src/zookeeper/znode-content.ts'
import { replicaOf, type Spec } from './spec.ts'

const stateZnode = /^\/brokers\/topics\/([^/]+)\/partitions\/(\d+)\/state$/

/**
 * At most one broker leads a partition in one leader epoch; the leader is in the ISR, and the ISR among the replicas: as the
 * controller writes it, as it tells the brokers, and as they take it up.
 */
export const safetyOneLeaderPerEpoch: Spec = {
  name: 'safety-one-leader-per-epoch',
  exercises: ['leader elected', 'isr shrunk', 'isr expanded', 'partition without leader'],
  watch({ cluster, sometimes, violated }) {
    const leaders = new Map<string, number>()
    const epochs = new Map<string, { leaderEpoch: number; isr: readonly number[] }>()
    const lead = (partition: string, leaderEpoch: number, leader: number, who: string): void => {
      if (leader < 0) return
      const term = `${partition} in leader epoch ${leaderEpoch}`
      const known = leaders.get(term)
      if (known === undefined) leaders.set(term, leader)
      else if (known !== leader) violated(`${term}: ${known} leads, and ${leader} too, says ${who}`)
    }
    const check = (
      partition: string,
      of: { leader: number; isr: readonly number[]; replicas?: readonly number[] },
      who: string,
    ): void => {
      const { leader, isr, replicas } = of
      if (isr.length === 0) violated(`${partition}: the ISR is empty, says ${who}`)
      if (leader >= 0 && !isr.includes(leader))
        violated(`${partition}: leader ${leader} is not in the ISR ${isr}, says ${who}`)
      if (new Set(isr).size < isr.length) violated(`${partition}: ISR ${isr}, says ${who}`)
      const stray = replicas === undefined ? [] : isr.filter(id => !replicas.includes(id))
      if (stray.length > 0)
        violated(`${partition}: ${stray} in the ISR, not in the replicas ${replicas}, says ${who}`)
    }
    return {
      saw({ kind, type, path, detail }) {
        if (kind === 'znode' && type === 'deleted') {
          const [, topic, number] = stateZnode.exec(String(detail.path)) ?? []
          if (topic === undefined) return
          const partition = `${topic}-${number}`
          epochs.delete(partition)
          // A topic made anew begins its epochs anew.
          for (const term of leaders.keys())
            if (term.startsWith(`${partition} in`)) leaders.delete(term)
          return
        }
        if (kind === 'znode') {
          const [, topic, number] = stateZnode.exec(String(detail.path)) ?? []
          if (topic === undefined) return
          const content = cluster.znode(String(detail.path))
          const state = TopicPartitionStateZNode.decode(content ?? null)
          if (isMalformed(state)) return violated(`${detail.path} cannot be read`)
          const { leader, leaderEpoch, isr } = state
          const partition = `${topic}-${number}`
          lead(partition, leaderEpoch, leader, 'the znode')
          check(partition, state, 'the znode')
          const before = epochs.get(partition)
          if (before !== undefined) {
            if (leaderEpoch < before.leaderEpoch)
              violated(`${partition}: leader epoch ${leaderEpoch} after ${before.leaderEpoch}`)
            if (isr.length < before.isr.length) sometimes('isr shrunk')
            if (isr.length > before.isr.length) sometimes('isr expanded')
            if (leaderEpoch > before.leaderEpoch)
              sometimes(leader < 0 ? 'partition without leader' : 'leader elected')
          }
          epochs.set(partition, { leaderEpoch, isr })
          return
        }
        if (kind !== 'fact' || type !== 'leadership.assigned') return
        const at = replicaOf(path)
        if (at === undefined) return
        const told = detail as {
          leader: number
          leaderEpoch: number
          isr: readonly number[]
          replicas: readonly number[]
        }
        lead(at.partition, told.leaderEpoch, told.leader, `the order to broker ${at.broker}`)
        check(at.partition, told, `the order to broker ${at.broker}`)
      },
    }
  },
}
