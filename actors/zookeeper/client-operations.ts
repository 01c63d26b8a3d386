import { map, type Observable } from 'rxjs'
import { MalformedFrame, type Reader } from '../../src/binary/reader.ts'
import { openAcl } from '../../src/zookeeper/acl.ts'
import { keeperCodes, ZooKeeperError } from '../../src/zookeeper/error.ts'
import {
  fromWireStat,
  type Operation,
  type RequestBody,
  type ResponseBody,
  readResponse,
  writeRequest,
} from '../../src/zookeeper/jute.ts'
import { readMultiResults, type WritePart, writeMulti } from '../../src/zookeeper/multi.ts'
import type { Stat } from '../../src/zookeeper/txn.ts'
import type { CreateMode, CreateOptions, Op, OpResult, ZooKeeperOperations } from './client.ts'
import type { RememberedWatches } from './remembered-watches.ts'
import type { Asked, RequestQueue } from './request-queue.ts'

const flagsByMode: Readonly<Record<CreateMode, number>> = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  persistentWithTtl: 5,
  persistentSequentialWithTtl: 6,
}

const isTtlMode = (mode: CreateMode | undefined): boolean =>
  mode === 'persistentWithTtl' || mode === 'persistentSequentialWithTtl'

const watchModes = { persistent: 0, persistentRecursive: 1 } as const
const watcherTypes = { children: 1, data: 2, any: 3 } as const

/** A server's path as its client sees it. @param chroot empty for none */
export const below = (chroot: string, path: string): string => path.slice(chroot.length) || '/'

/** What may be asked of a server: each request goes out with the chroot in front of its path, and comes back without. */
export function clientOperations(
  requests: RequestQueue,
  remembered: RememberedWatches,
  chroot: string,
): ZooKeeperOperations {
  const withChroot = (path: string): string => (path === '/' ? chroot || '/' : chroot + path)
  const withoutChroot = (path: string): string => below(chroot, path)

  const ask = <O extends Operation, T>(
    operation: O,
    body: RequestBody<O> & { readonly path: string },
    answer: (body: ResponseBody<O>) => T,
    more: Pick<Asked<T>, 'answered' | 'answerOf'> = {},
  ): Observable<T> =>
    requests.ask<T>({
      operation,
      path: body.path,
      write: writer =>
        writeRequest(operation, writer, { ...body, path: withChroot(body.path) } as RequestBody<O>),
      read: reader => answer(readResponse(operation, reader)),
      ...more,
    })

  const watching = (
    path: string,
    kind: 'data' | 'child',
    watch: boolean | undefined,
  ): { answered(code: number): void } => ({
    answered(code) {
      if (watch && code === keeperCodes.OK) remembered.add(kind, withChroot(path))
    },
  })

  const creation = (path: string, data: Uint8Array | null, created: CreateOptions = {}) => ({
    path,
    data,
    acl: created.acl ?? openAcl,
    flags: flagsByMode[created.mode ?? 'persistent'],
  })

  const partOf = (op: Op): WritePart => {
    const path = withChroot(op.path)
    switch (op.op) {
      case 'create': {
        const body = creation(path, op.data, op)
        return isTtlMode(op.mode)
          ? { operation: 'createTtl', body: { ...body, ttlMs: op.ttlMs ?? 0 } }
          : { operation: 'create', body }
      }
      case 'delete':
        return { operation: 'delete', body: { path, version: op.version } }
      case 'setData':
        return { operation: 'setData', body: { path, data: op.data, version: op.version } }
      case 'check':
        return { operation: 'check', body: { path, version: op.version } }
    }
  }

  const readResults = (ops: readonly Op[], reader: Reader): readonly OpResult[] => {
    const results = readMultiResults(reader)
    const index = results.findIndex(it => it.operation === 'error' && it.error !== keeperCodes.OK)
    const failed = results[index]
    if (failed?.operation === 'error')
      throw new ZooKeeperError(failed.error, ops[index]?.path ?? '', index)
    return results.map((result): OpResult => {
      switch (result.operation) {
        case 'create':
        case 'create2':
          return { op: 'create', path: withoutChroot(result.body.path) }
        case 'setData':
          return { op: 'setData', stat: fromWireStat(result.body.stat) }
        case 'delete':
        case 'check':
          return { op: result.operation }
        default:
          throw new MalformedFrame(`${result.operation} among the results of a multi`)
      }
    })
  }

  const create2 = (
    path: string,
    data: Uint8Array | null,
    created: CreateOptions = {},
  ): Observable<{ path: string; stat: Stat }> => {
    const body = creation(path, data, created)
    const answer = (node: ResponseBody<'create2'>) => ({
      path: withoutChroot(node.path),
      stat: fromWireStat(node.stat),
    })
    if (isTtlMode(created.mode))
      return ask('createTtl', { ...body, ttlMs: created.ttlMs ?? 0 }, answer)
    return created.mode === 'container'
      ? ask('createContainer', body, answer)
      : ask('create2', body, answer)
  }

  return {
    create: (path, data, created = {}) =>
      isTtlMode(created.mode) || created.mode === 'container'
        ? create2(path, data, created).pipe(map(node => node.path))
        : ask('create', creation(path, data, created), body => withoutChroot(body.path)),
    create2,
    delete: (path, version = -1) => ask('delete', { path, version }, () => undefined),
    exists: (path, { watch = false } = {}) =>
      ask('exists', { path, watch }, (body): Stat | null => fromWireStat(body.stat), {
        answerOf: code => (code === keeperCodes.NONODE ? null : undefined),
        answered(code) {
          if (!watch) return
          if (code === keeperCodes.OK) remembered.add('data', withChroot(path))
          else if (code === keeperCodes.NONODE) remembered.add('exist', withChroot(path))
        },
      }),
    getData: (path, { watch = false } = {}) =>
      ask(
        'getData',
        { path, watch },
        body => ({ data: body.data, stat: fromWireStat(body.stat) }),
        watching(path, 'data', watch),
      ),
    setData: (path, data, version = -1) =>
      ask('setData', { path, data, version }, body => fromWireStat(body.stat)),
    getChildren: (path, { watch = false } = {}) =>
      ask('getChildren2', { path, watch }, body => body.children, watching(path, 'child', watch)),
    multi: ops =>
      requests.ask({
        operation: 'multi',
        path: ops[0]?.path ?? '',
        write: writer => writeMulti(writer, ops.map(partOf)),
        read: reader => readResults(ops, reader),
      }),
    sync: path => ask('sync', { path }, () => undefined),
    getAcl: path =>
      ask('getAcl', { path }, body => ({ acl: body.acl ?? [], stat: fromWireStat(body.stat) })),
    setAcl: (path, acl, version = -1) =>
      ask('setAcl', { path, acl, version }, body => fromWireStat(body.stat)),
    addWatch: (path, mode) =>
      ask('addWatch', { path, mode: watchModes[mode] }, () => undefined, {
        answered(code) {
          if (code === keeperCodes.OK) remembered.add(mode, withChroot(path))
        },
      }),
    removeWatches: (path, types = 'any') =>
      ask('removeWatches', { path, watcherType: watcherTypes[types] }, () => undefined, {
        answered(code) {
          if (code === keeperCodes.OK) remembered.removed(withChroot(path), types)
        },
      }),
    getAllChildrenNumber: path => ask('getAllChildrenNumber', { path }, body => body.count),
    getEphemerals: (prefix = '/') =>
      requests.ask({
        operation: 'getEphemerals',
        path: prefix,
        write: writer => writeRequest('getEphemerals', writer, { prefix: withChroot(prefix) }),
        read: reader =>
          readResponse('getEphemerals', reader)
            // A prefix is compared as text: `/app` is also one of `/apple`.
            .paths.filter(path => path.startsWith(`${chroot}/`))
            .map(withoutChroot),
      }),
    whoAmI: () =>
      requests.ask({
        operation: 'whoAmI',
        path: '',
        write: writer => writeRequest('whoAmI', writer, {}),
        read: reader => readResponse('whoAmI', reader).clients,
      }),
  }
}
