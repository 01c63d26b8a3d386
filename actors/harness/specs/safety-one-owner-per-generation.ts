import type { Spec } from './spec.ts'

const groupPath = /^broker-\d+\/group\/(.*)$/
const clientPath = /^client\/[^/]+$/

interface Member {
  readonly context: {
    readonly groupId: string | null
    readonly memberId: string
    readonly generationId: number
  }
}

/** A partition has one owner in one generation of its group, and generations only rise. */
export const safetyOneOwnerPerGeneration: Spec = {
  name: 'safety-one-owner-per-generation',
  exercises: ['partition assigned', 'group rebalanced'],
  watch({ cluster, sometimes, violated }) {
    /** `group generation partition` → member. */
    const owners = new Map<string, string>()
    return {
      saw({ kind, type, path, detail }) {
        if (
          kind === 'state' &&
          String(detail.to).startsWith('preparingRebalance') &&
          groupPath.test(path)
        )
          sometimes('group rebalanced')
        if (kind !== 'command' || type !== 'partitions.assign' || !clientPath.test(path)) return
        const member = cluster.registry.roots.get(path)?.getSnapshot() as Member | undefined
        if (member === undefined || member.context.groupId === null) return
        const { groupId, memberId, generationId } = member.context
        const assignment = detail.assignment as readonly { topic: string; partition: number }[]
        for (const { topic, partition } of assignment) {
          const key = `${groupId} generation ${generationId}: ${topic}-${partition}`
          const owner = owners.get(key)
          if (owner === undefined) owners.set(key, memberId)
          else if (owner !== memberId) violated(`${key} belongs to ${owner} and to ${memberId}`)
          sometimes('partition assigned')
        }
      },
    }
  },
}
