import { test } from 'vitest'
import { bombard } from './zookeeper-server.ts'

/** Goal: no bytes hurt the ZooKeeper server. `FUZZ_SECONDS`, 20 unless set; a failing seed is in the error: `FUZZ_SEED` begins there. */

const seconds = Number(process.env.FUZZ_SECONDS ?? 20)

test('bent frames to a ZooKeeper server', { timeout: (seconds + 60) * 1000 }, async () => {
  const endAt = performance.now() + seconds * 1000
  for (
    let seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);
    performance.now() < endAt;
    seed++
  )
    try {
      await bombard(seed, 300)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
})
