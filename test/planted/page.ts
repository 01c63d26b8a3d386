import type { PlantedBug } from './bugs.ts'
import type { Found } from './search.ts'

const [begin, end] = ['<!-- npm run planted -- --write -->', '<!-- so far -->']

/** The table of planted bugs, for people. */
export const plantedTable = (
  rows: readonly (readonly [PlantedBug, Found | null])[],
  within: number,
): string =>
  [
    '| Planted bug | What noticed | Seeds needed |',
    '| --- | --- | --- |',
    ...rows.map(
      ([{ name, what }, found]) =>
        `| \`${name}\`: ${what} | ${found?.by ?? '**nothing**'} | ${found?.seeds ?? `not within ${within}`} |`,
    ),
  ].join('\n')

/** A page with another table in its place. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no place for the table: ${begin}`)
  return `${page.slice(0, from + begin.length)}\n${table}\n${page.slice(to)}`
}

/** Seeds needed by bug, as the page has them. */
export const tableIn = (page: string): ReadonlyMap<string, number> =>
  new Map(
    [
      ...page
        .slice(page.indexOf(begin), page.indexOf(end))
        .matchAll(/^\| `([\w-]+)`: .* \| (\d+) \|$/gm),
    ].map(([, name, seeds]) => [name as string, Number(seeds)]),
  )
