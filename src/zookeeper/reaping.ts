import { reapedZnodesMax } from '../limits.ts'
import type { DataTree } from './data-tree.ts'

/**
 * Containers that had children and have none, TTL nodes without children that were not written for longer than they may live
 * (ContainerManager).
 *
 * @param nowMs the server's clock.
 */
export function reapable(tree: DataTree, nowMs: number): readonly string[] {
  const paths: string[] = []
  for (const path of tree.perishable) {
    const node = tree.node(path)
    if (node === undefined || node.children.size > 0) continue
    const { ownership } = node
    const isOver =
      ownership.kind === 'ttl'
        ? nowMs - node.mtimeMs > ownership.ttlMs
        : ownership.kind === 'container' && node.childrenCreated > 0
    if (isOver && paths.push(path) === reapedZnodesMax) break
  }
  return paths
}
