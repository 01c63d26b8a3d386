import { map, type Observable } from 'rxjs'
import { type ErrorCode, errors } from '../../src/error.ts'
import type { BrokerId } from '../../src/ids.ts'
import { FindCoordinator } from '../../src/protocol/index.ts'
import type { BrokerConnections } from './broker-connections.ts'

/** Asks any broker who coordinates a group; its address is known to the connections afterwards. */
export const findCoordinator = (
  connections: BrokerConnections,
  groupId: string,
): Observable<{ readonly errorCode: ErrorCode; readonly brokerId: BrokerId }> =>
  connections
    .request('any', FindCoordinator, version =>
      version >= 4 ? { coordinatorKeys: [groupId] } : { key: groupId },
    )
    .pipe(
      map(response => {
        const { errorCode, nodeId, host, port } = response.coordinators[0] ?? response
        if (errorCode === errors.NONE) connections.learn([{ nodeId, host, port }])
        return { errorCode, brokerId: nodeId }
      }),
    )
