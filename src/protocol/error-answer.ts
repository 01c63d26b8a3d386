/** Answers that say an error, for any API, made from its table: what a broker says that refuses some of a request, or all of it. */
import { type ErrorCode, errorMessage } from '../error.ts'
import { noUuid } from '../ids.ts'
import {
  errorSites,
  type Level,
  type Site,
  type Thing,
  thingOf,
  typeIn,
  type Values,
} from './error-sites.ts'
import { type Api, type Fields, struct, zeroOf } from './schema.ts'

/** What stands beside an error where Kafka says −1 for "none". */
const unknown = new Set([
  'nodeId',
  'port',
  'baseOffset',
  'highWatermark',
  'offset',
  'timestamp',
  'endOffset',
  'committedOffset',
  'lowWatermark',
  'producerId',
  'producerEpoch',
  'generationId',
])

export interface ErrorPlacement {
  /** How many things of the request are refused by name; 0 where it named none. */
  readonly named: number
  /** The request without what is refused; null where nothing is left of it. */
  readonly rest: Values | null
  /**
   * The answer: what the rest was answered with, and the error for what is refused. `placed` counts the errors in it.
   *
   * @param given the answer to the rest; null where there was none
   */
  answer(given: Values | null): { readonly body: Values; readonly placed: number }
}

/**
 * The place of an error in an API's answers: the shallowest there is for a whole request, the deepest that the request
 * names (topics, partitions) for some things of it.
 *
 * @param of `whole`: the error is one of the request; `each`: one of the things it names.
 */
export function errorSite(
  api: Api,
  version: number,
  of: 'whole' | 'each',
  named: { readonly topic: boolean; readonly partition: boolean },
): Site | undefined {
  const says = ({ levels }: Site, role: string): boolean =>
    levels.some(({ keys }) => keys.some(key => key.role === role))
  const sites = errorSites(api, version).filter(
    site =>
      (!named.topic || says(site, 'topic') || says(site, 'topicId')) &&
      (!named.partition || says(site, 'partition')),
  )
  if (of === 'whole') return sites[0]
  const asked = sites.filter(({ levels }) => levels.every(level => level.asked !== null))
  return asked.at(-1) ?? sites.at(-1)
}

/** What says the error: all other fields as if nothing were known. */
function refusal(site: Site, version: number, code: ErrorCode, keys: Values): Values {
  const said: Record<string, unknown> = { ...(zeroOf(struct(site.fields)) as Values), ...keys }
  for (const name of Object.keys(site.fields)) {
    if (typeIn(site.fields, name, version) === undefined) continue
    if (name === site.error) said[name] = code
    else if (name === 'errorMessage') said[name] = errorMessage(code)
    else if (unknown.has(name)) said[name] = -1
  }
  return said
}

const isSaid = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && value !== noUuid

/** An answer may say both a topic's name and its id where the request said only one. */
const isSame = (level: Level, a: Values, b: Values): boolean => {
  const both = level.keys.filter(({ answer }) => isSaid(a[answer]) && isSaid(b[answer]))
  return both.length > 0 && both.every(({ answer }) => a[answer] === b[answer])
}

/** One thing of the request: what the answer calls it, and itself. */
interface Asked {
  readonly keys: Values
  readonly thing: Thing
  readonly item: unknown
}

function askedAt(level: Level, request: Values, above: Thing): readonly Asked[] {
  const listed = level.asked === null ? null : (request[level.asked] as readonly unknown[] | null)
  return (listed ?? []).map(item => {
    const value = level.keys.some(({ asked }) => asked === null) ? undefined : (item as Values)
    const keys = Object.fromEntries(
      level.keys.map(({ answer, asked }) => [answer, asked === null ? item : value?.[asked]]),
    )
    const thing = thingOf(level.fields, keys, above)
    return { keys, thing: value === undefined ? thing : { ...thing, ...topicOf(value) }, item }
  })
}

const topicOf = (value: Values): Thing =>
  value.resourceType === 2 ? { topic: String(value.resourceName) } : {}

/**
 * Refuses what `refuses` says of a request, or all of it.
 *
 * @param site where: see {@link errorSite}
 * @param refuses of things the request names, and of those an answer names that the request did not
 */
export function placeError(
  api: Api,
  version: number,
  request: Values,
  code: ErrorCode,
  site: Site,
  refuses: (thing: Thing) => boolean,
): ErrorPlacement {
  if (site.levels.length === 0)
    return {
      named: 1,
      rest: null,
      answer: () => ({ body: refusal(site, version, code, {}), placed: 1 }),
    }
  let named = 0

  /** Takes the refused out of a request, and puts them in an answer's shape. */
  const split = (
    depth: number,
    value: Values,
    above: Thing,
  ): { rest: Values | null; refused: Values } => {
    const level = site.levels[depth] as Level
    const isLast = depth === site.levels.length - 1
    const kept: unknown[] = []
    const refused: Values[] = []
    for (const { keys, thing, item } of askedAt(level, value, above)) {
      if (isLast) {
        if (refuses(thing)) {
          named++
          refused.push(refusal(site, version, code, keys))
        } else kept.push(item)
        continue
      }
      const below = split(depth + 1, item as Values, thing)
      if (below.rest !== null) kept.push(below.rest)
      const nested = below.refused[(site.levels[depth + 1] as Level).answer] as readonly unknown[]
      if (nested.length > 0)
        refused.push({ ...(zeroOf(struct(level.fields)) as Values), ...keys, ...below.refused })
    }
    const isEmpty = level.asked !== null && Array.isArray(value[level.asked]) && kept.length === 0
    return {
      rest: isEmpty ? null : level.asked === null ? value : withList(value, level.asked, kept),
      refused: { [level.answer]: refused },
    }
  }

  const { rest, refused } = split(0, request, {})
  return {
    named,
    rest,
    answer: given => {
      let placed = 0
      const merge = (depth: number, into: Values, errors: Values, above: Thing): Values => {
        const level = site.levels[depth] as Level
        const isLast = depth === site.levels.length - 1
        const added = [...((errors[level.answer] ?? []) as readonly Values[])]
        const merged = ((into[level.answer] ?? []) as readonly Values[]).map(element => {
          const thing = thingOf(level.fields, element, above)
          const at = added.findIndex(error => isSame(level, error, element))
          const [error] = at < 0 ? [] : added.splice(at, 1)
          if (!isLast) return merge(depth + 1, element, error ?? {}, thing)
          if (error === undefined && !refuses(thing)) return element
          placed++
          return error ?? refusal(site, version, code, pick(element, level))
        })
        placed += countLeaves(site, depth, added)
        return { ...into, [level.answer]: [...merged, ...added] }
      }
      const body = merge(
        0,
        given ?? (zeroOf(struct(api.response as Fields)) as Values),
        refused,
        {},
      )
      return { body, placed }
    },
  }
}

const withList = (value: Values, name: string, kept: readonly unknown[]): Values =>
  Array.isArray(value[name]) ? { ...value, [name]: kept } : value

const pick = (element: Values, { keys }: Level): Values =>
  Object.fromEntries(keys.map(({ answer }) => [answer, element[answer]]))

function countLeaves(site: Site, depth: number, elements: readonly Values[]): number {
  const below = site.levels[depth + 1]
  if (below === undefined) return elements.length
  return elements.reduce(
    (sum, element) =>
      sum + countLeaves(site, depth + 1, (element[below.answer] ?? []) as readonly Values[]),
    0,
  )
}
