import type { PlantedBug } from './bugs.ts'
import type { Found } from './search.ts'

const [begin, end] = ['<!-- npm run planted -- --write -->', '<!-- so far -->']

const rowOf = ({ name, what }: PlantedBug, by: string, seeds: string): string =>
  `| \`${name}\`: ${what} | ${by} | ${seeds} |`

/**
 * The table of planted bugs, for people.
 *
 * @param rows what was found, null where nothing was; of bugs that are not among them the page is asked
 * @param within so many seeds
 */
export function plantedTable(
  bugs: readonly PlantedBug[],
  rows: ReadonlyMap<string, Found | null>,
  within: number,
  page: string,
): string {
  const before = new Map(
    [...partOf(page).matchAll(/^\| `([\w-]+)`: .* \| (.*) \| (.*) \|$/gm)].map(
      ([, name, by, seeds]) => [name as string, [by as string, seeds as string] as const],
    ),
  )
  return [
    '| Planted bug | What noticed | Seeds needed |',
    '| --- | --- | --- |',
    ...bugs.map(bug => {
      const found = rows.get(bug.name)
      if (found === undefined) return rowOf(bug, ...(before.get(bug.name) ?? ['not tried yet', '']))
      if (found === null) return rowOf(bug, '**nothing**', `not within ${within}`)
      return rowOf(bug, found.by, String(found.seeds))
    }),
  ].join('\n')
}

const partOf = (page: string): string => page.slice(page.indexOf(begin), page.indexOf(end))

/** A page with another table in its place. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no place for the table: ${begin}`)
  return `${page.slice(0, from + begin.length)}\n${table}\n${page.slice(to)}`
}

/** Seeds needed by bug, as the page has them. */
export const tableIn = (page: string): ReadonlyMap<string, number> =>
  new Map(
    [...partOf(page).matchAll(/^\| `([\w-]+)`: .* \| (\d+) \|$/gm)].map(([, name, seeds]) => [
      name as string,
      Number(seeds),
    ]),
  )
