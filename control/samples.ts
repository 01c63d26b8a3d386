import type { Cluster } from '../actors/cluster.ts'
import type { Metrics } from './metrics.ts'

/** How often is looked, ms. */
const sampleMs = 500

/** What no event tells, by what it is. Only what is another than before goes into the trace. */
function look(cluster: Cluster, metrics: Metrics): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  const state = cluster.state()
  for (const { id, timeoutMs, expiresAtMs } of state.zookeeper.sessions)
    found[`session ${id}`] = { timeoutMs, expiresAtMs }
  for (const [session, paths] of cluster.watches())
    for (const path of paths) {
      const holders = found[`watch ${path}`] as string[] | undefined
      if (holders === undefined) found[`watch ${path}`] = [session]
      else holders.push(session)
    }
  for (const { topic, partition, replicaStates } of state.partitions)
    for (const { broker, logStartOffset } of replicaStates)
      if (logStartOffset !== null && logStartOffset > 0)
        found[`log start ${topic}-${partition} ${broker}`] = logStartOffset
  for (const { groupId, assignments } of state.groups) found[`assigned ${groupId}`] = assignments
  for (const [at, { what, fired, isActive }] of cluster.faults.all.entries())
    found[`fault ${at + 1}`] = { what, fired, isActive }
  for (const { name, labels, value } of metrics.read())
    if (!name.startsWith('kafka_log_')) found[`metric ${name}${labels}`] = value
  return found
}

/**
 * Looks now and then while somebody watches, and writes a `sample` line of what has changed: the page shows it, and can go back to it.
 *
 * @returns ends it
 */
export function sampleWhile(
  isWatched: () => boolean,
  cluster: Cluster,
  metrics: Metrics,
): () => void {
  let before: Record<string, string> = {}
  const timer = setInterval(() => {
    if (!isWatched()) return
    const now: Record<string, string> = {}
    const changed: Record<string, unknown> = {}
    for (const [what, value] of Object.entries(look(cluster, metrics))) {
      now[what] = JSON.stringify(value)
      if (now[what] !== before[what]) changed[what] = value
    }
    for (const what in before) if (!(what in now)) changed[what] = null
    before = now
    if (Object.keys(changed).length > 0)
      cluster.registry.trace.record('sample', 'control', 'sampled', changed)
  }, sampleMs)
  timer.unref()
  return () => clearInterval(timer)
}
