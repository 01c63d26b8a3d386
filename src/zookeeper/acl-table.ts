import { type Acl, openAcl } from './acl.ts'

/** The list that nearly every node has: it stands in no table (ReferenceCountedACLCache). */
export const openAclId = -1

const isOpen = (acl: readonly Acl[]): boolean => {
  const [only, ...more] = acl
  return (
    only !== undefined &&
    more.length === 0 &&
    only.perms === 31 &&
    only.id.scheme === 'world' &&
    only.id.id === 'anyone'
  )
}

interface Listed {
  readonly id: number
  readonly key: string
  nodes: number
}

/** Each list of permissions once, for all the nodes that have it; forgotten with the last of them. */
export class AclTable {
  readonly #byKey = new Map<string, readonly Acl[]>()
  readonly #listed = new Map<readonly Acl[], Listed>()
  #lastId = 0

  /** The table's own copy of the list, for one node more. */
  add(acl: readonly Acl[]): readonly Acl[] {
    if (isOpen(acl)) return openAcl
    const key = JSON.stringify(acl.map(({ perms, id }) => [perms, id.scheme, id.id]))
    const known = this.#byKey.get(key) ?? acl
    const listed = this.#listed.get(known)
    if (listed !== undefined) listed.nodes++
    else {
      this.#byKey.set(key, known)
      this.#listed.set(known, { id: ++this.#lastId, key, nodes: 1 })
    }
    return known
  }

  /** One node less has it. @param acl as `add` answered it */
  remove(acl: readonly Acl[]): void {
    const listed = this.#listed.get(acl)
    if (listed === undefined || --listed.nodes > 0) return
    this.#listed.delete(acl)
    this.#byKey.delete(listed.key)
  }

  /** Every list with its number, as of now. */
  ids(): Map<readonly Acl[], number> {
    const ids = new Map<readonly Acl[], number>([[openAcl, openAclId]])
    for (const [acl, { id }] of this.#listed) ids.set(acl, id)
    return ids
  }
}
