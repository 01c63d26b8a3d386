import {
  catchError,
  concat,
  defer,
  EMPTY,
  forkJoin,
  ignoreElements,
  map,
  type Observable,
  of,
  switchMap,
  throwError,
} from 'rxjs'
import { leaderLatchMachine, leads } from '../../machines/zookeeper/leader-latch.ts'
import { isKeeperError, type KeeperCodeName, ZooKeeperError } from '../../src/zookeeper/error.ts'
import { type Candidate, candidatePrefix, candidatesOf } from '../../src/zookeeper/latch-line.ts'
import { childPath, lastName, parentPath } from '../../src/zookeeper/znode-path.ts'
import { Channel } from '../channel.ts'
import type { World } from '../world.ts'
import type { ZooKeeperClient } from './client.ts'

export interface LeaderLatchOptions {
  /** The znode below which the candidates stand; made where it is missing, and gone when nobody stands there any more. */
  readonly path: string
  /** Who this is, for those who look at the line: the content of its node. Default: nothing. */
  readonly id?: string
  /** In the registry. Default: `<world>/leader-latch<path>`. */
  readonly registryPath?: string
}

/** One candidate; it stands until it leaves, over any number of connections and sessions. */
export interface LeaderLatch {
  readonly path: string
  /** Whether it leads now. Only while its connection is heard. */
  readonly leads: boolean
  /** Its node's name; null while it stands not, or does not know. */
  readonly candidate: string | null
  /** The node it waits for; null where there is none in front of it. */
  readonly predecessor: string | null
  /** Each change of `leads`. */
  readonly leadership: Observable<boolean>
  /** Emits who stands in the line, the leader first, by their ids. */
  line(): Observable<readonly string[]>
  /**
   * Leaves the line, at the call. Completes when its node is gone; fails with the `ZooKeeperError` that ended the candidate, where
   * one has. Without a connection it waits for one, or for the end of the session.
   */
  leave(): Observable<void>
}

/** `8-4-4-4-12`, random: as others write a GUID. */
function newGuid(world: World): string {
  const hex = [...world.platform.random.bytes(16)]
    .map(byte => byte.toString(16).padStart(2, '0'))
    .join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/**
 * Stands for leadership with a client's session. An expired session ends the candidate's node; with the next one (`client.reopen()`)
 * it stands again, at the end of the line.
 */
export function startLeaderLatch(
  world: World,
  client: ZooKeeperClient,
  options: LeaderLatchOptions,
): LeaderLatch {
  const { path, id } = options
  const data = id === undefined ? null : new TextEncoder().encode(id)
  const leadership = new Channel<boolean>()
  const ended = new Channel<void>()

  /** The node, and the latch above it where that is missing. */
  const create = (guid: string): Observable<string> => {
    const node = client.create(childPath(path, candidatePrefix(guid)), data, {
      mode: 'ephemeralSequential',
    })
    return whenFailed('NONODE', node, concat(...above(path).map(makeContainer), node))
  }
  const makeContainer = (at: string): Observable<never> =>
    whenFailed('NODEEXISTS', client.create(at, null, { mode: 'container' }), EMPTY).pipe(
      ignoreElements(),
    )
  const candidates = (): Observable<readonly Candidate[]> =>
    whenFailed('NONODE', client.getChildren(path), of([])).pipe(map(candidatesOf))
  const idOf = ({ name }: Candidate): Observable<string | null> =>
    whenFailed(
      'NONODE',
      client
        .getData(childPath(path, name))
        .pipe(map(node => new TextDecoder().decode(node.data ?? undefined) as string | null)),
      of(null),
    )

  const root = world.start(leaderLatchMachine, {
    path: options.registryPath ?? `${world.name}/leader-latch${path}`,
    input: { guid: newGuid(world), connected: client.state === 'connected' },
    performers: {
      'candidate.create': ({ guid }) =>
        ask(create(guid), created =>
          root.send({ type: 'candidate.created', candidate: lastName(created) }),
        ),
      'candidates.read': () => {
        // A server that lags behind would not show a node made over the connection before.
        client.sync(path).subscribe({ error: () => {} })
        ask(candidates(), found => root.send({ type: 'candidates.found', candidates: found }))
      },
      'predecessor.watch': ({ predecessor }) =>
        ask(client.exists(childPath(path, predecessor), { watch: true }), stat =>
          root.send({
            type: stat === null ? 'predecessor.gone' : 'predecessor.found',
            predecessor,
          }),
        ),
      'candidate.watch': ({ candidate }) =>
        ask(client.exists(childPath(path, candidate), { watch: true }), stat => {
          if (stat === null) root.send({ type: 'candidate.gone', candidate })
        }),
      'candidate.delete': ({ candidate }) =>
        ask(whenFailed('NONODE', client.delete(childPath(path, candidate)), of(undefined)), () =>
          root.send({ type: 'candidate.deleted', candidate }),
        ),
      'leadership.announce': command => leadership.next(command.leads),
    },
  })
  const snapshot = () => root.getSnapshot()
  const outcome = (): Observable<never> => {
    const { error } = snapshot().context
    return error === null
      ? EMPTY
      : throwError(() => new ZooKeeperError(error as KeeperCodeName, path))
  }

  /** Every request ends in a fact: its answer, or that it was refused or lost. */
  function ask<T>(request: Observable<T>, answered: (value: T) => void): void {
    request.subscribe({
      next: answered,
      error: error => {
        if (!(error instanceof ZooKeeperError)) throw error
        const { code } = error
        if (code === 'CONNECTIONLOSS' || code === 'SESSIONEXPIRED' || code === 'AUTHFAILED')
          root.send({ type: 'request.lost' })
        else root.send({ type: 'request.refused', error: code })
      },
    })
  }

  const sessions = client.session.subscribe(state => {
    if (state === 'connected') root.send({ type: 'session.connected' })
    else if (state === 'suspended') root.send({ type: 'session.suspended' })
    else if (state !== 'connecting') root.send({ type: 'session.expired' })
  })
  const watches = client.watches.subscribe(event => {
    if (event.kind !== 'deleted' || parentPath(event.path) !== path) return
    const name = lastName(event.path)
    const { candidate, predecessor } = snapshot().context
    if (name === candidate) root.send({ type: 'candidate.gone', candidate: name })
    else if (name === predecessor) root.send({ type: 'predecessor.gone', predecessor: name })
  })
  root.snapshots.subscribe({
    complete() {
      sessions.unsubscribe()
      watches.unsubscribe()
      ended.next()
      ended.complete()
      leadership.complete()
    },
  })

  return {
    path,
    get leads() {
      const now = snapshot()
      // Of a process that was killed only what it last believed is left.
      return now.status === 'active' && leads(now)
    },
    get candidate() {
      return snapshot().context.candidate
    },
    get predecessor() {
      return snapshot().context.predecessor
    },
    leadership: leadership.asObservable(),
    line: () =>
      candidates().pipe(
        switchMap(line => (line.length === 0 ? of([]) : forkJoin(line.map(idOf)))),
        // Who went between the two questions is in the line no more.
        map(ids => ids.filter(found => found !== null)),
      ),
    leave() {
      root.send({ type: 'leave.requested' })
      return defer(() =>
        snapshot().status === 'active' ? ended.pipe(switchMap(outcome)) : outcome(),
      )
    },
  }
}

/** A path and all above it but the root, the highest first. */
function above(path: string): string[] {
  const paths: string[] = []
  for (let at = path; at !== '/'; at = parentPath(at)) paths.unshift(at)
  return paths
}

/** Another answer where the request fails with this code. */
const whenFailed = <T>(
  code: KeeperCodeName,
  request: Observable<T>,
  otherwise: Observable<T>,
): Observable<T> =>
  request.pipe(
    catchError(error => (isKeeperError(error, code) ? otherwise : throwError(() => error))),
  )
