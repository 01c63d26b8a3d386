import {
  ControllerEpochZNode,
  ControllerZNode,
  TopicPartitionStateZNode,
} from '../../../src/zookeeper/paths.ts'
import { isMalformed } from '../../../src/zookeeper/znode-content.ts'
import type { Spec } from './spec.ts'

/** What only a controller writes. */
const ofController =
  /^\/brokers\/topics\/[^/]+\/partitions\/\d+\/state$|^\/brokers\/topics\/[^/]+$|^\/admin\/reassign_partitions$/

/**
 * One controller in a controller epoch, epochs only rise, and nobody writes as controller but the session that was elected last:
 * a deposed one finds the fence closed.
 */
export const safetyOneControllerPerEpoch: Spec = {
  name: 'safety-one-controller-per-epoch',
  exercises: ['controller elected', 'controller deposed', 'written by a controller'],
  watch({ cluster, sometimes, violated }) {
    /** Sessions by the epoch they were elected in. */
    const elected = new Map<number, string>()
    let lastEpoch = -1
    let lastSession: string | undefined
    return {
      saw({ kind, type, path, detail }) {
        if (kind === 'state' && detail.to === 'resigning' && path.endsWith('/controller'))
          sometimes('controller deposed')
        if (kind !== 'znode') return
        const znode = String(detail.path)
        const session = String(detail.session)
        if (znode === ControllerZNode.path && type === 'created') {
          const controllerEpoch = ControllerEpochZNode.decode(
            cluster.znode(ControllerEpochZNode.path) ?? null,
          )
          if (isMalformed(controllerEpoch)) return violated('/controller_epoch cannot be read')
          if (controllerEpoch <= lastEpoch)
            violated(`controller epoch ${controllerEpoch} after ${lastEpoch}`)
          const before = elected.get(controllerEpoch)
          if (before !== undefined && before !== session)
            violated(`controller epoch ${controllerEpoch}: sessions ${before} and ${session}`)
          elected.set(controllerEpoch, session)
          lastEpoch = controllerEpoch
          lastSession = session
          sometimes('controller elected')
          return
        }
        if (!ofController.test(znode) || (type !== 'changed' && type !== 'created')) return
        // Topics are made by whichever broker was asked (AdminZkClient), before any controller has elected.
        if (type === 'created' && !znode.endsWith('/state')) return
        sometimes('written by a controller')
        if (session !== lastSession)
          violated(`${znode} written by ${session}; the controller is ${lastSession}`)
        if (!znode.endsWith('/state')) return
        const state = TopicPartitionStateZNode.decode(cluster.znode(znode) ?? null)
        if (!isMalformed(state) && state.controllerEpoch !== lastEpoch)
          violated(`${znode} has controller epoch ${state.controllerEpoch}, not ${lastEpoch}`)
      },
    }
  },
}
