/** A node in the line: `_c_<guid>-latch-<number>`. */
export interface Candidate {
  readonly name: string
  readonly guid: string
  readonly number: number
}

/** In front of a candidate's number, which ZooKeeper appends. */
export const candidatePrefix = (guid: string): string => `_c_${guid}-latch-`

/** Those among the children of a latch that are candidates, the first in the line first. After 2147483647 numbers go on below zero. */
export const candidatesOf = (children: readonly string[]): readonly Candidate[] =>
  children
    .flatMap((name): Candidate[] => {
      const [, guid, digits] = /^_c_(.+)-latch-(-?\d{9,10})$/.exec(name) ?? []
      return guid === undefined ? [] : [{ name, guid, number: Number(digits) }]
    })
    .sort((a, b) => (a.number - b.number) | 0)

/** Its own node, the first where it has several, and the one in front of that; null for what there is not. */
export function inLine(
  candidates: readonly Candidate[],
  guid: string,
): { readonly own: string | null; readonly predecessor: string | null } {
  const place = candidates.findIndex(candidate => candidate.guid === guid)
  return {
    own: candidates[place]?.name ?? null,
    predecessor: candidates[place - 1]?.name ?? null,
  }
}
