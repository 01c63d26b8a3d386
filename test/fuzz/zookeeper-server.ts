import { expect } from 'vitest'
import { nodePlatform } from '../../src/platform/node.ts'
import { seededRandom } from '../../src/platform/random.ts'
import type { Address } from '../../src/ports.ts'
import { Ensemble } from '../actors/zookeeper/ensemble.ts'
import { RawClient } from '../actors/zookeeper/raw-client.ts'
import { bytesInUse, send, stream } from './zookeeper-bytes.ts'

/** What one seed may leave behind in memory: nodes that bent requests created, lines of the trace, what the engine compiled. */
const leftBytesMax = 32 * 1024 * 1024

/** A real server under bent frames: it answers or closes, goes on serving everybody else, and keeps nothing. */
export async function bombard(seed: number, connections: number): Promise<void> {
  const ensemble = new Ensemble(nodePlatform(), 0)
  const server = await ensemble.start({ maxSessionTimeout: 1000 })
  const at = server.address as Address
  const healthy = await RawClient.session(at.host, at.port)
  const random = seededRandom(seed)
  try {
    let before = 0
    for (let sent = 0; sent < connections; sent += 10) {
      await Promise.all(Array.from({ length: 10 }, () => send(at, stream(random), random)))
      const [reply] = await healthy.call('exists', { path: '/', watch: false })
      expect(reply).toMatchObject({ heard: 'reply', error: 0 })
      // What comes with the first is compiled code.
      if (sent === 0) before = bytesInUse()
    }
    expect(bytesInUse() - before).toBeLessThan(leftBytesMax)
    expect(ensemble.failures).toEqual([])
  } finally {
    healthy.destroy()
    server.close()
  }
}
