/** ZooKeeper's error codes, as they stand in reply headers (KeeperException.Code). */
export const keeperCodes = {
  OK: 0,
  SYSTEMERROR: -1,
  /** A part of a multi behind the one that failed. */
  RUNTIMEINCONSISTENCY: -2,
  DATAINCONSISTENCY: -3,
  /** Made up by the client: the link broke, and the request may or may not have been applied. */
  CONNECTIONLOSS: -4,
  MARSHALLINGERROR: -5,
  UNIMPLEMENTED: -6,
  OPERATIONTIMEOUT: -7,
  BADARGUMENTS: -8,
  UNKNOWNSESSION: -12,
  NEWCONFIGNOQUORUM: -13,
  RECONFIGINPROGRESS: -14,
  APIERROR: -100,
  NONODE: -101,
  NOAUTH: -102,
  BADVERSION: -103,
  NOCHILDRENFOREPHEMERALS: -108,
  NODEEXISTS: -110,
  NOTEMPTY: -111,
  SESSIONEXPIRED: -112,
  INVALIDCALLBACK: -113,
  INVALIDACL: -114,
  AUTHFAILED: -115,
  SESSIONMOVED: -118,
  NOTREADONLY: -119,
  EPHEMERALONLOCALSESSION: -120,
  NOWATCHER: -121,
  REQUESTTIMEOUT: -122,
  RECONFIGDISABLED: -123,
  SESSIONCLOSEDREQUIRESASLAUTH: -124,
  QUOTAEXCEEDED: -125,
  THROTTLEDOP: -127,
} as const

export type KeeperCodeName = keyof typeof keeperCodes
export type KeeperCode = (typeof keeperCodes)[KeeperCodeName]

const namesByCode = new Map<number, KeeperCodeName>(
  Object.entries(keeperCodes).map(([name, code]) => [code, name as KeeperCodeName]),
)

/** `NONODE`; the number for a code that ZooKeeper does not have. */
export const keeperCodeName = (code: number): string => namesByCode.get(code) ?? String(code)

/** How a request to ZooKeeper failed. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError'
  readonly code: KeeperCodeName | 'UNKNOWN'
  readonly path: string
  /** Which part of a multi failed, counted from 0; null outside a multi. */
  readonly index: number | null

  constructor(code: number | KeeperCodeName, path = '', index: number | null = null) {
    const name = typeof code === 'string' ? code : (namesByCode.get(code) ?? 'UNKNOWN')
    super(`${name}${path === '' ? '' : ` for ${path}`}${index === null ? '' : ` (part ${index})`}`)
    this.code = name
    this.path = path
    this.index = index
  }
}

/** `error instanceof ZooKeeperError` with one of these codes. */
export const isKeeperError = (
  error: unknown,
  ...codes: readonly KeeperCodeName[]
): error is ZooKeeperError =>
  error instanceof ZooKeeperError &&
  (codes.length === 0 || codes.includes(error.code as KeeperCodeName))
