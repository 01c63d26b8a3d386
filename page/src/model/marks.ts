/** Lines at which a step may stop, and those that are worth a mark on the time bar. */
import type { Line } from '../../../story/line.ts'

export const stops: Readonly<Record<string, (line: Line) => boolean>> = {
  line: () => true,
  state: ({ kind }) => kind === 'state',
  message: ({ kind }) => kind === 'message',
  mark: line => markOf(line) !== null,
}

export interface Mark {
  readonly kind: 'fault' | 'election' | 'node' | 'note'
  readonly text: string
}

/** What makes a line worth a mark; null for nearly all. */
export function markOf({ kind, path, type, detail }: Line): Mark | null {
  if (kind === 'node') {
    if (type === 'killed' || type === 'paused' || type === 'failed' || type === 'expire-session')
      return { kind: 'fault', text: `${path} ${type}` }
    return type === 'running' || type === 'stopped'
      ? { kind: 'node', text: `${path} ${type}` }
      : null
  }
  if (kind === 'note' && path === 'story') return { kind: 'note', text: type }
  if (kind === 'state') {
    const from = String(detail.from ?? '')
    if (
      path.endsWith('/leader-election') &&
      type.startsWith('electing') &&
      !from.startsWith('electing')
    )
      return { kind: 'election', text: `${path.split('/')[0]} elects leaders` }
    if (path.endsWith('/controller') && type.startsWith('elected') && !from.startsWith('elected'))
      return { kind: 'election', text: `${path.split('/')[0]} becomes controller` }
    if (path.startsWith('zookeeper/session/') && type === 'expiring')
      return { kind: 'fault', text: `session ${path.slice(18)} expires` }
  }
  return null
}
