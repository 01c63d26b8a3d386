import type { DataTree } from '../../../src/zookeeper/data-tree.ts'

/** All there is to know of a tree, to compare. The order of children and of ephemerals is none of it. */
export function dump(tree: Pick<DataTree, 'paths' | 'node' | 'lastZxid' | 'sessions'>): string {
  const nodes = [...tree.paths()].sort().map(path => {
    const { children, data, ...rest } = tree.node(path) ?? {}
    const text = data === null || data === undefined ? data : Buffer.from(data).toString('latin1')
    const plain = { text, children: [...(children ?? [])].sort(), ...rest }
    return `${path} ${JSON.stringify(Object.entries(plain).sort(([a], [b]) => (a < b ? -1 : 1)))}`
  })
  const sessions = [...tree.sessions].map(([id, timeoutMs]) => `${id} ${timeoutMs}`).sort()
  return [`zxid ${tree.lastZxid}`, ...sessions, ...nodes].join('\n')
}
