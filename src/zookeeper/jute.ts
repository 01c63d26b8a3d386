/**
 * ZooKeeper's messages as tables (zookeeper.jute), in the same language as Kafka's: no versions, no tags, all lengths in
 * four bytes. Session ids are `bigint` here and {@link SessionId} everywhere else.
 */
import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import { noSession, type SessionId, sessionId, sessionIdBits } from '../ids.ts'
import { type Codec, codec } from '../protocol/codec.ts'
import {
  array,
  bool,
  bytes,
  type Fields,
  int32,
  int64Bits,
  int64Clamped,
  nullable,
  records,
  string,
  struct,
  type ValueOf,
} from '../protocol/schema.ts'
import type { Stat } from './txn.ts'

const identity = struct({ scheme: string, id: string })
export const aclList = nullable(array({ perms: int32, id: identity }))
/** As clients send it: kazoo leaves the id of `auth` null. */
const askedIdentity = struct({ scheme: nullable(string), id: nullable(string) })
const askedAclList = nullable(array({ perms: int32, id: askedIdentity }))
export const buffer = nullable(bytes)
const paths = array(string)

const wireStat = struct({
  czxid: int64Clamped,
  mzxid: int64Clamped,
  ctime: int64Clamped,
  mtime: int64Clamped,
  version: int32,
  cversion: int32,
  aversion: int32,
  ephemeralOwner: int64Bits,
  dataLength: int32,
  numChildren: int32,
  pzxid: int64Clamped,
})

export type WireStat = ValueOf<{ stat: typeof wireStat }>['stat']

/** The bits of the ids in use: one owner stands on many Stats. */
let lastOwner: SessionId = noSession
let lastOwnerBits = 0n

export function toWireStat(stat: Stat): WireStat {
  if (stat.ephemeralOwner !== lastOwner) {
    lastOwnerBits = sessionIdBits(stat.ephemeralOwner)
    lastOwner = stat.ephemeralOwner
  }
  return { ...stat, ephemeralOwner: lastOwnerBits }
}

export const fromWireStat = (stat: WireStat): Stat => ({
  ...stat,
  ephemeralOwner: stat.ephemeralOwner === 0n ? noSession : sessionId(stat.ephemeralOwner),
})

// ─── Connecting ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Neither has a header. A byte `readOnly` follows, unless the client is older than 3.4: then in neither. */
export const connectRequest = {
  protocolVersion: int32,
  lastZxidSeen: int64Clamped,
  timeoutMs: int32,
  sessionId: int64Bits,
  password: buffer,
} satisfies Fields

export const connectResponse = {
  protocolVersion: int32,
  /** 0: there is no such session any more. */
  timeoutMs: int32,
  sessionId: int64Bits,
  password: buffer,
} satisfies Fields

export const requestHeader = { xid: int32, opcode: int32 } satisfies Fields
export const replyHeader = { xid: int32, zxid: int64Clamped, error: int32 } satisfies Fields

/** xids that are no request's number. */
export const specialXids = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const

export const watcherEvent = { type: int32, state: int32, path: string } satisfies Fields

/** What a notification tells, and its number on the wire. */
export const eventTypes = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const

/** The only state a server sends. */
export const syncConnected = 3

// ─── Operations ──────────────────────────────────────────────────────────────────────────────────────────────────────

const creation = { path: string, data: buffer, acl: askedAclList, flags: int32 }
const reading = { path: string, watch: bool }
const withStat = { path: string, stat: wireStat }
const none = {} satisfies Fields

/** The operations a client may ask for, with their bodies. `multi` and `multiRead` have bodies of their own: see `multi.ts`. */
export const operations = {
  create: { opcode: 1, request: creation, response: { path: string } },
  delete: { opcode: 2, request: { path: string, version: int32 }, response: none },
  exists: { opcode: 3, request: reading, response: { stat: wireStat } },
  // A node's content is never changed in place: a long one goes out without a copy.
  getData: { opcode: 4, request: reading, response: { data: records, stat: wireStat } },
  setData: {
    opcode: 5,
    request: { path: string, data: buffer, version: int32 },
    response: { stat: wireStat },
  },
  getAcl: { opcode: 6, request: { path: string }, response: { acl: aclList, stat: wireStat } },
  setAcl: {
    opcode: 7,
    request: { path: string, acl: askedAclList, version: int32 },
    response: { stat: wireStat },
  },
  getChildren: { opcode: 8, request: reading, response: { children: array(string) } },
  sync: { opcode: 9, request: { path: string }, response: { path: string } },
  ping: { opcode: 11, request: none, response: none },
  getChildren2: {
    opcode: 12,
    request: reading,
    response: { children: array(string), stat: wireStat },
  },
  /** Only as a part of a multi. */
  check: { opcode: 13, request: { path: string, version: int32 }, response: none },
  multi: { opcode: 14, request: none, response: none },
  create2: { opcode: 15, request: creation, response: withStat },
  reconfig: {
    opcode: 16,
    request: {
      joining: nullable(string),
      leaving: nullable(string),
      newMembers: nullable(string),
      configId: int64Clamped,
    },
    response: { data: buffer, stat: wireStat },
  },
  checkWatches: { opcode: 17, request: { path: string, watcherType: int32 }, response: none },
  removeWatches: { opcode: 18, request: { path: string, watcherType: int32 }, response: none },
  createContainer: { opcode: 19, request: creation, response: withStat },
  createTtl: { opcode: 21, request: { ...creation, ttlMs: int64Clamped }, response: withStat },
  multiRead: { opcode: 22, request: none, response: none },
  auth: {
    opcode: 100,
    request: { type: int32, scheme: string, credentials: buffer },
    response: none,
  },
  setWatches: {
    opcode: 101,
    request: { relativeZxid: int64Clamped, data: paths, exist: paths, child: paths },
    response: none,
  },
  sasl: { opcode: 102, request: { token: buffer }, response: { token: buffer } },
  getEphemerals: {
    opcode: 103,
    request: { prefix: nullable(string) },
    response: { paths: array(string) },
  },
  getAllChildrenNumber: {
    opcode: 104,
    request: { path: string },
    response: { count: int32 },
  },
  setWatches2: {
    opcode: 105,
    request: {
      relativeZxid: int64Clamped,
      data: paths,
      exist: paths,
      child: paths,
      persistent: paths,
      persistentRecursive: paths,
    },
    response: none,
  },
  /** Answers with an error code although its header has one (ZooKeeper's ErrorResponse). */
  addWatch: {
    opcode: 106,
    request: { path: string, mode: int32 },
    response: { error: int32 },
  },
  whoAmI: {
    opcode: 107,
    request: none,
    response: { clients: array({ scheme: string, user: string }) },
  },
  closeSession: { opcode: -11, request: none, response: none },
} as const satisfies Record<string, { opcode: number; request: Fields; response: Fields }>

export type Operation = keyof typeof operations
export type RequestBody<O extends Operation> = ValueOf<(typeof operations)[O]['request']>
export type ResponseBody<O extends Operation> = ValueOf<(typeof operations)[O]['response']>

const operationsByOpcode = new Map<number, Operation>(
  Object.entries(operations).map(([name, { opcode }]) => [opcode, name as Operation]),
)

/** Undefined for one that no client may ask for. */
export const operationOf = (opcode: number): Operation | undefined => operationsByOpcode.get(opcode)

// ─── Reading and writing ─────────────────────────────────────────────────────────────────────────────────────────────

export const jute = <F extends Fields>(fields: F): Codec<F> => codec(fields, 0, 'jute')

export const readRequest = <O extends Operation>(operation: O, reader: Reader): RequestBody<O> =>
  jute(operations[operation].request as Fields).read(reader) as RequestBody<O>

export const writeRequest = <O extends Operation>(
  operation: O,
  writer: Writer,
  body: RequestBody<O>,
): void => jute(operations[operation].request as Fields).write(writer, body)

export const readResponse = <O extends Operation>(operation: O, reader: Reader): ResponseBody<O> =>
  jute(operations[operation].response as Fields).read(reader) as ResponseBody<O>

export const writeResponse = <O extends Operation>(
  operation: O,
  writer: Writer,
  body: ResponseBody<O>,
): void => jute(operations[operation].response as Fields).write(writer, body)

/** A frame in pieces, its length in front. */
export function frame(write: (writer: Writer) => void): Uint8Array[] {
  const writer = new Writer(128)
  writer.int32(0)
  write(writer)
  return writer.frame()
}

/** Reads with `read`; null where the bytes are not that. */
export function parsed<T>(bytes: Uint8Array, read: (reader: Reader) => T): T | null {
  try {
    return read(new Reader(bytes))
  } catch (error) {
    if (error instanceof MalformedFrame) return null
    throw error
  }
}
