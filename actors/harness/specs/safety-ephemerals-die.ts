import type { Spec } from './spec.ts'

/** An ephemeral znode lives as long as its session: not a turn longer, and nobody else's closing takes it away. */
export const safetyEphemeralsDie: Spec = {
  name: 'safety-ephemerals-die-with-their-session',
  exercises: ['ephemeral created', 'session ended with ephemerals'],
  watch({ cluster, sometimes, violated }) {
    const owners = new Map<string, string>()
    return {
      saw({ kind, type, detail }) {
        if (kind !== 'znode') return
        const path = String(detail.path)
        if (type === 'created' && detail.ephemeralOwner !== undefined) {
          owners.set(path, String(detail.ephemeralOwner))
          sometimes('ephemeral created')
        }
        if (type === 'deleted' && owners.delete(path) && cluster.znode(path) !== undefined)
          violated(`${path} is said to be deleted, and is there`)
      },
      looked() {
        const sessions = new Map(
          cluster
            .state()
            .zookeeper.sessions.map(({ id, ephemerals }) => [id as string, ephemerals]),
        )
        for (const [path, owner] of owners) {
          const ephemerals = sessions.get(owner)
          if (ephemerals === undefined)
            violated(`${path} of session ${owner} is there, the session is not`)
          else if (!ephemerals.includes(path))
            violated(`${path} is not among the ephemerals of its session ${owner}`)
        }
        for (const [session, ephemerals] of sessions)
          for (const path of ephemerals)
            if (owners.get(path) !== session)
              violated(`${path} is an ephemeral of ${session}, and was not created by it`)
        if (owners.size > 0) sometimes('session ended with ephemerals')
      },
    }
  },
}
