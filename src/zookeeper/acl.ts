import { type KeeperCode, keeperCodes } from './error.ts'
import { sha1 } from './sha1.ts'

/** What an ACL entry allows, as bits. */
export const permissions = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const

/** Somebody, as a scheme sees them: `world:anyone`, `ip:127.0.0.1`, `digest:user:hash`. */
export interface Identity {
  readonly scheme: string
  readonly id: string
}

export interface Acl {
  readonly perms: number
  readonly id: Identity
}

/** An entry as a client sends it: not even names need be there. */
export interface AskedAcl {
  readonly perms: number
  readonly id: { readonly scheme: string | null; readonly id: string | null }
}

/** `world:anyone` may do all. */
export const openAcl: readonly Acl[] = [
  { perms: permissions.all, id: { scheme: 'world', id: 'anyone' } },
]

export const readOnlyAcl: readonly Acl[] = [
  { perms: permissions.read, id: { scheme: 'world', id: 'anyone' } },
]

/** Whose digest this is: all may do all. */
const superScheme = 'super'

function ipv4Bits(text: string): number | null {
  const parts = text.split('.')
  if (parts.length !== 4) return null
  let bits = 0
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return null
    bits = ((bits << 8) | Number(part)) >>> 0
  }
  return bits
}

/** `10.0.0.0/8` → its bits and how many of them count; null where it is no such thing. */
function ipRange(text: string): { bits: number; length: number } | null {
  const slash = text.indexOf('/')
  const bits = ipv4Bits(slash < 0 ? text : text.slice(0, slash))
  const length = slash < 0 ? '32' : text.slice(slash + 1)
  if (bits === null || !/^\d{1,2}$/.test(length) || Number(length) > 32) return null
  return { bits, length: Number(length) }
}

/** Java's `split(":")` drops empty parts at the end, and counts two for `user:hash`. */
const isDigestId = (id: string): boolean => id.replace(/:+$/, '').split(':').length === 2

function isValidId({ scheme, id }: Identity): boolean {
  if (scheme === 'ip') return ipRange(id) !== null
  if (scheme === 'digest') return isDigestId(id)
  return false
}

function matches(identity: Identity, entry: Identity): boolean {
  if (identity.scheme !== entry.scheme) return false
  if (entry.scheme === 'digest') return identity.id === entry.id
  if (entry.scheme !== 'ip') return false
  const address = ipv4Bits(identity.id)
  const range = ipRange(entry.id)
  if (address === null || range === null) return false
  const mask = range.length === 0 ? 0 : (0xffffffff << (32 - range.length)) >>> 0
  return (address & mask) >>> 0 === (range.bits & mask) >>> 0
}

/**
 * Whether one of these identities may do it. An empty list allows all, as does the super user.
 *
 * @param perm one of {@link permissions}, or several or-ed: any of them suffices.
 */
export function isAllowed(
  acl: readonly Acl[],
  perm: number,
  identities: readonly Identity[],
): boolean {
  if (acl.length === 0 || identities.some(identity => identity.scheme === superScheme)) return true
  return acl.some(
    ({ perms, id }) =>
      (perms & perm) !== 0 &&
      ((id.scheme === 'world' && id.id === 'anyone') ||
        identities.some(identity => matches(identity, id))),
  )
}

/** Schemes whose entries name somebody. */
const idSchemes = ['world', 'digest', 'ip']

const same = (a: AskedAcl, b: AskedAcl): boolean =>
  a.perms === b.perms && a.id.scheme === b.id.scheme && a.id.id === b.id.id

/**
 * The list as it is stored: without repetitions, `auth` replaced by who the connection has proved to be. INVALIDACL where
 * an entry is of no known form, MARSHALLINGERROR where it lacks the id of a known scheme (PrepRequestProcessor.fixupACL).
 */
export function fixedUpAcl(
  acl: readonly AskedAcl[] | null,
  identities: readonly Identity[],
): readonly Acl[] | KeeperCode {
  const fixed: Acl[] = []
  for (const [index, entry] of (acl ?? []).entries()) {
    if (acl?.findIndex(other => same(other, entry)) !== index) continue
    const { perms } = entry
    const { scheme, id } = entry.id
    if (scheme === 'auth') {
      // An address proves nothing: `auth` never stands for it.
      const proved = identities.filter(it => it.scheme === 'digest' || it.scheme === superScheme)
      if (proved.length === 0) return keeperCodes.INVALIDACL
      fixed.push(...proved.map(identity => ({ perms, id: identity })))
    } else if (scheme === null) return keeperCodes.INVALIDACL
    else if (id === null)
      return idSchemes.includes(scheme) ? keeperCodes.MARSHALLINGERROR : keeperCodes.INVALIDACL
    else if ((scheme === 'world' && id === 'anyone') || isValidId({ scheme, id }))
      fixed.push({ perms, id: { scheme, id } })
    else return keeperCodes.INVALIDACL
  }
  if (fixed.length === 0) return keeperCodes.INVALIDACL
  return fixed
}

/** What those may see who are not admin: who may, not the hash of their password. */
export const redactedAcl = (acl: readonly Acl[]): readonly Acl[] =>
  acl.map(({ perms, id }) => ({
    perms,
    id: id.scheme === 'digest' ? { scheme: 'digest', id: id.id.replace(/:.*/s, ':x') } : id,
  }))

/** An identity without its secret: `whoAmI`. */
export const userName = ({ scheme, id }: Identity): string =>
  scheme === 'digest' ? (id.split(':')[0] ?? '') : id

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = bytes.subarray(i, i + 3)
    const triple = (a << 16) | ((b ?? 0) << 8) | (c ?? 0)
    for (let d = 0; d < 4; d++)
      text += d > 1 && i + d > bytes.length ? '=' : base64Digits[(triple >> (18 - 6 * d)) & 63]
  }
  return text
}

/** Who presented `user:password`: `user:base64(sha1(user:password))` (DigestAuthenticationProvider). */
export function digestIdentity(credentials: Uint8Array): Identity {
  const user = new TextDecoder().decode(credentials).split(':')[0] ?? ''
  return { scheme: 'digest', id: `${user}:${base64(sha1(credentials))}` }
}
