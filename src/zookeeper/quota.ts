/**
 * Quotas as ZooKeeper keeps them (Quotas, StatsTrack): `/zookeeper/quota/<path>/zookeeper_limits` says how many nodes and bytes
 * there may be at a path and below, `zookeeper_stats` beside it how many there are. The server counts in place: no version, no
 * transaction and no watch tells of it.
 */
import { parentPath } from './znode-path.ts'

const quotaPath = '/zookeeper/quota'
const limitsName = 'zookeeper_limits'
const statsName = 'zookeeper_stats'

export const limitsPath = (path: string): string => `${quotaPath}${path}/${limitsName}`
export const statsPath = (path: string): string => `${quotaPath}${path}/${statsName}`

/** Whose limits or figures a node holds; null where it is no such node. */
export function quotaNodeOf(path: string): { kind: 'limits' | 'stats'; of: string } | null {
  if (!path.startsWith(`${quotaPath}/`)) return null
  const name = path.slice(path.lastIndexOf('/') + 1)
  const kind = name === limitsName ? 'limits' : name === statsName ? 'stats' : null
  const of = parentPath(path).slice(quotaPath.length)
  return kind === null || of === '' ? null : { kind, of }
}

/** By ZooKeeper's names: `count`, `bytes`, `countHardLimit`, `byteHardLimit`; what is absent or -1 is no limit. */
export type QuotaFigures = ReadonlyMap<string, number>

/** `count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=5`, where the odd `=` hides what is new from older parsers. */
export function readQuota(data: Uint8Array | null): QuotaFigures {
  const figures = new Map<string, number>()
  for (const pair of new TextDecoder().decode(data ?? undefined).split(/[,;]+/)) {
    const [name = '', value = ''] = pair.split('=')
    const figure = value === '' ? -1 : Number(value)
    if (name !== '') figures.set(name, Number.isSafeInteger(figure) ? figure : -1)
  }
  return figures
}

export function writeQuota(figures: QuotaFigures): Uint8Array {
  const figure = (name: string): number => figures.get(name) ?? -1
  const others = [...figures.keys()].filter(name => name !== 'count' && name !== 'bytes').sort()
  const more =
    others.length === 0 ? '' : `=${others.map(name => `;${name}=${figure(name)}`).join('')}`
  return new TextEncoder().encode(`count=${figure('count')},bytes=${figure('bytes')}${more}`)
}

/** The figures with so many nodes and bytes more. */
export const counted = (data: Uint8Array | null, count: number, bytes: number): Uint8Array => {
  const figures = readQuota(data)
  const sum = (name: string, more: number): number => (figures.get(name) ?? -1) + more
  return writeQuota(
    new Map([...figures, ['count', sum('count', count)], ['bytes', sum('bytes', bytes)]]),
  )
}

/** The nearest path at or above that has limits. The root is never counted. */
export function nearestLimited(limited: ReadonlySet<string>, path: string): string | null {
  for (let at = path; at !== '/'; at = parentPath(at)) if (limited.has(at)) return at
  return null
}

/** Whether so many nodes and bytes more pass a hard limit. A soft one refuses nothing. */
export function exceedsHardLimit(
  limits: Uint8Array | null,
  stats: Uint8Array | null,
  count: number,
  bytes: number,
): boolean {
  const limit = readQuota(limits)
  const used = readQuota(stats)
  const passes = (hard: string, name: string, more: number): boolean => {
    const most = limit.get(hard) ?? -1
    return more !== 0 && most > -1 && (used.get(name) ?? -1) + more > most
  }
  return passes('countHardLimit', 'count', count) || passes('byteHardLimit', 'bytes', bytes)
}
