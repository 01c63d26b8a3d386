import { afterAll, beforeAll, describe } from 'vitest'
import {
  type ApacheZooKeeper,
  apacheZooKeeperInstalled,
  startApacheZooKeeper,
  stopApacheZooKeepers,
} from './apache-zookeeper.ts'
import { tellStories } from './stories.ts'

if (!apacheZooKeeperInstalled)
  console.warn('Apache ZooKeeper is not installed (apt-get install zookeeper): no stories on it.')

describe.skipIf(!apacheZooKeeperInstalled)('on Apache ZooKeeper', () => {
  let server: ApacheZooKeeper
  let story = 0

  beforeAll(async () => {
    server = await startApacheZooKeeper()
  }, 60_000)
  afterAll(stopApacheZooKeepers)

  tellStories(() => `${server.address.host}:${server.address.port}/story-${++story}`)
})
