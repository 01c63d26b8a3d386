import type { Address } from '../ports.ts'

/** ZooKeeper's own port. */
const defaultPort = 2181

/** Where a client finds its servers, and the path before all of its own. */
export interface ConnectString {
  readonly servers: readonly Address[]
  /** Empty for none. */
  readonly chroot: string
}

/** `127.0.0.1:2181`; an IPv6 address stands in brackets. */
export const printAddress = ({ host, port }: Address): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/**
 * ZooKeeper's form (ConnectStringParser): `host[:port][,host[:port]…][/chroot]`; the port is 2181 unless said.
 *
 * @throws RangeError that says what is wrong with it
 */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf('/')
  const path = slash < 0 ? '' : text.slice(slash)
  const chroot = path === '/' ? '' : path
  if (chroot !== '' && (chroot.endsWith('/') || chroot.includes('//')))
    throw new RangeError(`${text}: ${chroot} is no path to put before others`)
  const servers = (slash < 0 ? text : text.slice(0, slash)).split(',').map((part): Address => {
    const [, bracketed, plain, digits] =
      /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d+))?$/.exec(part.trim()) ?? []
    const host = bracketed ?? plain
    const port = digits === undefined ? defaultPort : Number(digits)
    if (host === undefined || port < 1 || port > 65_535)
      throw new RangeError(`${text}: "${part}" is no server; host:port is expected`)
    return { host, port }
  })
  return { servers, chroot }
}
