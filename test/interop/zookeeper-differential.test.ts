import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePlatform } from '../../src/platform/node.ts'
import type { Address } from '../../src/ports.ts'
import { Ensemble } from '../actors/zookeeper/ensemble.ts'
import {
  apacheZooKeeperInstalled,
  startApacheZooKeeper,
  stopApacheZooKeepers,
} from './apache-zookeeper.ts'
import { random, steps, superDigest, transcript } from './zookeeper-steps.ts'

/**
 * Goal: to the same requests the embedded server says the same as Apache ZooKeeper: results, error codes, Stats but for times,
 * watch events and their order. Differences that are meant are in docs/ZOOKEEPER.md.
 *
 * `npm run differential` looks at 200 random sequences of each kind, `ZOOKEEPER_SEEDS=1000` at that many; a failing one names its seed.
 */

const seeds = Number(process.env.ZOOKEEPER_SEEDS ?? 10)
const requestsPerSeed = 150

if (!apacheZooKeeperInstalled)
  console.warn(
    'Apache ZooKeeper is not installed (apt-get install zookeeper): not compared with it.',
  )

describe.skipIf(!apacheZooKeeperInstalled)('beside Apache ZooKeeper', () => {
  let ensemble: Ensemble
  let ours: Address
  let theirs: Address

  beforeAll(async () => {
    ensemble = new Ensemble(nodePlatform(), 0)
    ours = (await ensemble.start({ maxSessionTimeout: 40_000, superDigest })).address as Address
    const properties = {
      'zookeeper.DigestAuthenticationProvider.superDigest': superDigest,
    }
    theirs = (await startApacheZooKeeper({ properties })).address
  }, 60_000)

  afterAll(async () => {
    ensemble.zookeeper.close()
    await stopApacheZooKeepers()
    expect(ensemble.failures).toEqual([])
  })

  const compare = async (step: Parameters<typeof transcript>[0]): Promise<number> => {
    const [mine, theirs2] = await Promise.all([transcript(step, ours), transcript(step, theirs)])
    expect(mine).toEqual(theirs2)
    return mine.length
  }

  for (const [name, step] of Object.entries(steps))
    test(name, async () => {
      expect(await compare(step)).toBeGreaterThan(0)
    })

  for (const sessions of [1, 2] as const)
    test(`random requests, sessions: ${sessions}`, { timeout: 60_000 + seeds * 5000 }, async () => {
      for (let seed = 1; seed <= seeds; seed++)
        try {
          await compare(random(seed, requestsPerSeed, sessions))
        } catch (error) {
          throw new Error(`seed ${seed}, sessions ${sessions}`, { cause: error })
        }
    })
})
