import { catchError, concatMap, map, type Observable, throwError } from 'rxjs'
import type { BrokerId } from '../../src/ids.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import { isMalformed, ProducerIdBlockZNode } from '../../src/zookeeper/paths.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'
import { fenced } from './controller-znodes.ts'

/** Ids in one block (ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE). */
export const producerIdBlockSize = 1000

/** The first id of a block never given before: the znode says which was the last (ZkProducerIdManager). */
export function allocateBlock(
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  brokerId: BrokerId,
): Observable<number> {
  const { path } = ProducerIdBlockZNode
  return zookeeper
    .persistently(() => zookeeper.getData(path))
    .pipe(
      concatMap(({ data, stat }) => {
        const block = ProducerIdBlockZNode.decode(data)
        // Nobody knows which ids were given out: better none than one twice.
        if (isMalformed(block)) return throwError(() => new Error(`${path}: ${block.malformed}`))
        const start = block === null ? 0 : block.end + 1
        const end = start + producerIdBlockSize - 1
        return fenced(zookeeper, epochZkVersion, [
          {
            op: 'setData',
            path,
            data: ProducerIdBlockZNode.encode({ brokerId, start, end }),
            version: stat.version,
          },
        ]).pipe(
          map(() => start),
          catchError(error =>
            isKeeperError(error, 'BADVERSION')
              ? allocateBlock(zookeeper, epochZkVersion, brokerId)
              : throwError(() => error),
          ),
        )
      }),
    )
}
