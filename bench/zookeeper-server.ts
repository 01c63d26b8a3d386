/** The embedded server of `zookeeper.bench.ts`, in a process of its own: `{"dataDir"?, "forceSync"?}`. */
import { startZooKeeperServer } from '../actors/node.ts'
import { untilSession } from './zookeeper-load.ts'

const { dataDir, forceSync = false } = JSON.parse(process.argv[2] ?? '{}') as {
  dataDir?: string
  forceSync?: boolean
}
const start = (directory?: string) =>
  startZooKeeperServer({
    ...(directory === undefined ? {} : { dataDir: directory }),
    forceSync,
  })

const server = await start(dataDir)
process.on('message', async (another: { dataDir: string }) => {
  const startMs = performance.now()
  const second = await start(another.dataDir)
  await untilSession(second.address.port)
  const durationMs = performance.now() - startMs
  await second.stop()
  process.send?.({ durationMs })
})
process.on('SIGINT', () => process.exit())
process.send?.({ port: server.address.port })
