/**
 * Three candidates lose their leader one after another: by death, by a lost session, by its own wish.
 *
 *   npx tsx examples/leader-latch.ts
 *
 * ZooKeeper's recipe for leader election: each candidate makes an ephemeral node with the next number; the lowest number leads, and each of
 * the others watches the one in front of it, so that a leader's end wakes one of them and not all. ZooKeeper and the candidates run in
 * this process's memory, on a stepping clock. In your own project the import is `samsa/memory`.
 */
import {
  type LeaderLatch,
  startZooKeeperServer,
  type ZooKeeperClientHandle,
} from '../actors/memory.ts'

const path = '/app/leader'
await using zookeeper = await startZooKeeperServer({ tickTime: 100 })
const startAtMs = zookeeper.platform.clock.now()
zookeeper.trace.entries.subscribe(({ kind, path: where, type, detail, atMs }) => {
  const told =
    kind === 'note' && where === 'story'
      ? type
      : kind === 'state' && where.includes('/leader-latch')
        ? `${detail.from === '' ? 'starts in' : `${detail.from} →`} ${type}`
        : kind === 'state' && where.startsWith('zookeeper/session')
          ? `${detail.from === '' ? 'starts in' : `${detail.from} →`} ${type}`
          : kind === 'znode' && String(detail.path).startsWith(`${path}/`)
            ? `${type} …${String(detail.path).slice(-'latch-0000000000'.length)}`
            : kind === 'message' && type === 'zk.watch'
              ? `is told: ${detail.kind} …${String(detail.path).slice(-'latch-0000000000'.length)}`
              : null
  if (told === null) return
  const seconds = ((atMs - startAtMs) / 1000).toFixed(3).padStart(7)
  console.log(`${seconds} s  ${where.replace(/_c_.*/, '').padEnd(34)}  ${told}`)
})

const candidates: { name: string; client: ZooKeeperClientHandle; latch: LeaderLatch }[] = []
for (const name of ['anna', 'bert', 'cleo']) {
  const client = zookeeper.client(name, { sessionTimeoutMs: 2000 })
  await client.connected()
  const latch = client.latch({ path, id: name })
  latch.leadership.subscribe(leads =>
    zookeeper.note(`${name} ${leads ? 'leads' : 'leads no more'}`),
  )
  await zookeeper.until(
    () => latch.candidate !== null && (latch.leads || latch.predecessor !== null),
  )
  candidates.push({ name, client, latch })
}
const [anna, bert, cleo] = candidates
if (anna === undefined || bert === undefined || cleo === undefined) throw new Error('three stand')

const leaders: string[] = []
/** One leads, and only one. */
const led = async (name: string): Promise<void> => {
  await zookeeper.until(() => candidates.some(({ latch }) => latch.leads))
  await zookeeper.advance(100)
  const now = candidates.filter(({ latch }) => latch.leads).map(candidate => candidate.name)
  leaders.push(...now)
  if (now.join() !== name) throw new Error(`${name} should lead, not ${now}`)
}

await led('anna')
zookeeper.note('anna dies without a word: her node stands as long as her session')
anna.client.kill()
await zookeeper.until(() => bert.latch.leads)

await led('bert')
zookeeper.note(
  "bert's session is ended: he is told when he asks next, and stands again, behind cleo",
)
bert.client.session.subscribe(state => state === 'expired' && bert.client.reopen())
zookeeper.expireSession(bert.client.sessionId)
await zookeeper.until(() => cleo.latch.leads && bert.latch.predecessor === cleo.latch.candidate)

await led('cleo')
zookeeper.note('cleo has had enough, and leaves')
cleo.latch.leave().subscribe()
await zookeeper.until(() => bert.latch.leads)

await led('bert')
zookeeper.note(`they led one after another: ${leaders.join(', ')}`)
