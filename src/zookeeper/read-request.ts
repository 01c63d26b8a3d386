/** Answers a read from the tree, and leaves the watches it asks for (FinalRequestProcessor). */
import { zookeeperWatchesMax } from '../limits.ts'
import { isAllowed, permissions, redactedAcl, userName } from './acl.ts'
import { type DataTree, statOf, type Znode } from './data-tree.ts'
import { type KeeperCode, keeperCodes } from './error.ts'
import { type Operation, type RequestBody, type ResponseBody, toWireStat } from './jute.ts'
import type { PartResult, ReadPart } from './multi.ts'
import type { Requester, WriteRules } from './request-to-txn.ts'
import type { Watcher, WatcherType, Watches } from './watches.ts'

const readOperations = [
  'exists',
  'getData',
  'getAcl',
  'getChildren',
  'getChildren2',
  'getAllChildrenNumber',
  'getEphemerals',
  'checkWatches',
  'removeWatches',
  'addWatch',
  'whoAmI',
  'sync',
  'sasl',
] as const satisfies readonly Operation[]

export type ReadOperation = (typeof readOperations)[number]

export const isReadOperation = (operation: Operation): operation is ReadOperation =>
  (readOperations as readonly Operation[]).includes(operation)

/** What reads are answered from, and who asks. */
export interface Reading {
  readonly tree: DataTree
  readonly watches: Watches
  readonly requester: Requester
  readonly watcher: Watcher
  readonly rules: WriteRules
}

/** The answer, or how it failed. */
type Answer<O extends Operation> = ResponseBody<O> | KeeperCode

const watchModes = ['persistent', 'recursive'] as const

/** Answers by operation: each is given the request's body. */
const answers: {
  readonly [O in ReadOperation]: (reading: Reading, body: RequestBody<O>) => Answer<O>
} = {
  exists({ tree, watches, watcher }, { path, watch }) {
    if (path.includes('\0')) return keeperCodes.BADARGUMENTS
    if (watch && !mayWatch(watches, watcher)) return keeperCodes.THROTTLEDOP
    // The watch stays also where there is no node: it waits for one.
    if (watch) watches.add('data', path, watcher)
    const node = tree.node(path)
    return node === undefined ? keeperCodes.NONODE : { stat: toWireStat(statOf(node)) }
  },

  getData: (reading, { path, watch }) =>
    readable(reading, path, watch, node => {
      if (watch) reading.watches.add('data', path, reading.watcher)
      return { data: node.data, stat: toWireStat(statOf(node)) }
    }),

  getChildren: (reading, { path, watch }) =>
    readable(reading, path, watch, node => {
      if (watch) reading.watches.add('child', path, reading.watcher)
      return { children: [...node.children] }
    }),

  getChildren2: (reading, { path, watch }) =>
    readable(reading, path, watch, node => {
      if (watch) reading.watches.add('child', path, reading.watcher)
      return { children: [...node.children], stat: toWireStat(statOf(node)) }
    }),

  getAllChildrenNumber: (reading, { path }) =>
    readable(reading, path, false, () => ({ count: reading.tree.descendantCount(path) })),

  getAcl(reading, { path }) {
    const node = reading.tree.node(path)
    if (node === undefined) return keeperCodes.NONODE
    if (!may(reading, node, permissions.read | permissions.admin)) return keeperCodes.NOAUTH
    const acl = may(reading, node, permissions.admin) ? node.acl : redactedAcl(node.acl)
    return { acl, stat: toWireStat(statOf(node)) }
  },

  getEphemerals({ tree, requester }, { prefix }) {
    const owned = tree.ephemeralsOf(requester.session)
    const all = prefix === null || prefix.trim() === '' || prefix === '/'
    return { paths: all ? owned : owned.filter(path => path.startsWith(prefix)) }
  },

  checkWatches: ({ watches, watcher }, { path, watcherType }) =>
    withType(watcherType, type => (watches.has(path, watcher, type) ? {} : keeperCodes.NOWATCHER)),

  removeWatches: ({ watches, watcher }, { path, watcherType }) =>
    withType(watcherType, type =>
      watches.remove(path, watcher, type) ? {} : keeperCodes.NOWATCHER,
    ),

  addWatch({ watches, watcher }, { path, mode }) {
    const watchMode = watchModes[mode]
    if (watchMode === undefined) return keeperCodes.MARSHALLINGERROR
    if (!mayWatch(watches, watcher)) return keeperCodes.THROTTLEDOP
    watches.addPersistent(path, watcher, watchMode)
    return { error: keeperCodes.OK }
  },

  whoAmI: ({ requester }) => ({
    clients: requester.identities.map(identity => ({
      scheme: identity.scheme,
      user: userName(identity),
    })),
  }),

  // All writes before it have been applied: there is one server, and it takes one request after another.
  sync: (_, { path }) => ({ path }),

  // What a server without JAAS says.
  sasl: () => ({ token: null }),
}

const may = (
  { requester, rules }: Pick<Reading, 'requester' | 'rules'>,
  node: Znode,
  perm: number,
): boolean => rules.skipACL || isAllowed(node.acl, perm, requester.identities)

/** Whether a connection may leave more watches, `count` of them. */
export const mayWatch = (watches: Watches, watcher: Watcher, count = 1): boolean =>
  watches.countOf(watcher) + count <= zookeeperWatchesMax

function readable<T>(
  reading: Reading,
  path: string,
  watch: boolean,
  read: (node: Znode) => T,
): T | KeeperCode {
  const node = reading.tree.node(path)
  if (node === undefined) return keeperCodes.NONODE
  if (watch && !mayWatch(reading.watches, reading.watcher)) return keeperCodes.THROTTLEDOP
  return may(reading, node, permissions.read) ? read(node) : keeperCodes.NOAUTH
}

/** WatcherType.fromInt refuses others while it reads the body. */
const withType = <T>(
  watcherType: number,
  answer: (type: WatcherType) => T | KeeperCode,
): T | KeeperCode =>
  watcherType === 1 || watcherType === 2 || watcherType === 3
    ? answer(watcherType)
    : keeperCodes.MARSHALLINGERROR

export const answerRead = <O extends ReadOperation>(
  reading: Reading,
  operation: O,
  body: RequestBody<O>,
): Answer<O> => answers[operation](reading, body)

/** multiRead: each part for itself, not as one transaction. */
export const answerReads = (
  reading: Reading,
  parts: readonly ReadPart[],
): PartResult<Operation>[] =>
  parts.map(({ operation, body }) => {
    const answer = answerRead<ReadOperation>(reading, operation, body)
    return typeof answer === 'number'
      ? { operation: 'error', error: answer }
      : ({ operation, body: answer } as PartResult<Operation>)
  })
