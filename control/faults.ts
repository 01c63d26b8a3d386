import type { BrokerHandle } from '../actors/cluster.ts'

/** What can be done to a broker on purpose. */
export const faultKinds = ['kill', 'stop', 'restart', 'pause', 'resume', 'expire-session'] as const

export type FaultKind = (typeof faultKinds)[number]

/** What each does, in one line: `samsa fault list` prints it. */
export const faultDescriptions: Readonly<Record<FaultKind, string>> = {
  kill: 'ends the process at once, as kill -9: its ZooKeeper session goes silent and expires',
  stop: 'controlled shutdown: leaders move first, then the session is closed',
  restart: 'starts a broker that is down; one that runs is stopped first',
  pause: 'stands still with its connections open, as SIGSTOP',
  resume: 'goes on after a pause, as SIGCONT',
  'expire-session': 'ZooKeeper ends its session now, though it lives',
}

/** Does it; answers the broker's state when it is done. Rejects where the broker's state does not allow it. */
export async function inflict(broker: BrokerHandle, fault: FaultKind): Promise<string> {
  switch (fault) {
    case 'kill':
      broker.kill()
      break
    case 'stop':
      await broker.stop()
      break
    case 'restart':
      await broker.restart()
      break
    case 'pause':
      broker.pause()
      break
    case 'resume':
      broker.resume()
      break
    case 'expire-session':
      broker.expireSession()
      break
  }
  return broker.state
}
