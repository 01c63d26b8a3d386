import type { SessionId } from '../src/ids.ts'
import type { Address } from '../src/ports.ts'
import type { World } from './world.ts'
import { startZooKeeperClient } from './zookeeper/client.ts'

/** The owner may come back to its session before it is closed. */
const triesMax = 10

/**
 * Ends a session of any ZooKeeper under its owner's feet: whoever knows its id and password may move it to a connection of its own
 * and close it. The owner learns of it as of any expiry, when it next reaches a server.
 *
 * @param options.sessionTimeoutMs how long each attempt to connect may take
 * @param options.done hears whether it is over
 */
export function endSession(
  world: World,
  options: {
    readonly servers: readonly Address[]
    readonly session: { readonly id: SessionId; readonly password: Uint8Array }
    readonly sessionTimeoutMs: number
    done(isOver: boolean): void
  },
): void {
  const { done, ...settings } = options
  const attempt = (number: number): void => {
    const client = startZooKeeperClient(world, {
      ...settings,
      path: `${world.name}/zookeeper-client/${number}`,
    })
    // It is over when a server refuses it: that a goodbye was sent says nothing.
    client.session.subscribe(state => {
      if (state === 'connected') client.close()
      else if (state === 'expired') done(true)
      else if (state === 'closed' && number < triesMax) attempt(number + 1)
      else if (state === 'closed') done(false)
    })
  }
  attempt(1)
}
