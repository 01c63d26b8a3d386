/**
 * Where an API's answers say what went wrong, read off its table: at the top, per topic, per partition, per group. And which
 * array of the request names the same things.
 */
import type { Uuid } from '../ids.ts'
import { type Api, type Fields, fieldOf, isWithin, type Type } from './schema.ts'

/** What a field says of the thing it stands in, whatever the API calls it. */
export type Role = 'topic' | 'topicId' | 'partition' | 'other'

const roles: Readonly<Record<string, Role>> = {
  topic: 'topic',
  name: 'topic',
  topicName: 'topic',
  topicId: 'topicId',
  partition: 'partition',
  index: 'partition',
  partitionIndex: 'partition',
  partitionId: 'partition',
  groupId: 'other',
  key: 'other',
  memberId: 'other',
  groupInstanceId: 'other',
  resourceName: 'other',
  resourceType: 'other',
  transactionalId: 'other',
}

/** A field of the answer that names its thing, and the request's field for it; null where the request lists bare values. */
interface Key {
  readonly role: Role
  readonly answer: string
  readonly asked: string | null
}

/** One array on the way down to an error, with the request's for the same things; null where the request has none. */
export interface Level {
  readonly answer: string
  readonly fields: Fields
  readonly asked: string | null
  readonly keys: readonly Key[]
}

/** A place for an error in an API's answers. */
export interface Site {
  /** Field of the error. */
  readonly error: string
  /** Fields beside it. */
  readonly fields: Fields
  /** Arrays on the way; none: at the top. */
  readonly levels: readonly Level[]
}

/** The type of a field in a version; undefined where the version lacks it. */
export function typeIn(fields: Fields, name: string, version: number): Type | undefined {
  const entry = fields[name]
  if (entry === undefined) return undefined
  const field = fieldOf(entry)
  return isWithin(version, field.versions) ? field.type : undefined
}

export const namesIn = (fields: Fields, version: number): string[] =>
  Object.keys(fields).filter(name => typeIn(fields, name, version) !== undefined)

const keyNames = (fields: Fields, version: number): string[] =>
  namesIn(fields, version).filter(name => name in roles)

function pairKeys(answer: Fields, asked: Fields, version: number): Key[] {
  const candidates = keyNames(asked, version)
  return keyNames(answer, version).flatMap(name => {
    const role = roles[name] as Role
    const same = candidates.includes(name)
      ? name
      : candidates.find(other => role !== 'other' && roles[other] === role)
    return same === undefined ? [] : [{ role, answer: name, asked: same }]
  })
}

/** The request's array for the things of an answer's array. */
function pairLevel(
  answer: string,
  fields: Fields,
  asked: Fields | undefined,
  version: number,
): { level: Level; below: Fields | undefined } {
  for (const name of asked === undefined ? [] : namesIn(asked, version)) {
    const element = typeIn(asked as Fields, name, version)?.element
    if (element === undefined || element === null) continue
    if (element.fields !== null) {
      const keys = pairKeys(fields, element.fields, version)
      // Names of topics that stand over the partitions of a flat answer are not enough.
      if (keys.length === 0) continue
      return { level: { answer, fields, asked: name, keys }, below: element.fields }
    }
    const bare = keyNames(fields, version).find(
      key => typeIn(fields, key, version)?.kind === element.kind,
    )
    if (bare === undefined) continue
    const key = { role: roles[bare] as Role, answer: bare, asked: null }
    return { level: { answer, fields, asked: name, keys: [key] }, below: undefined }
  }
  const keys = keyNames(fields, version).map(
    (name): Key => ({ role: roles[name] as Role, answer: name, asked: name }),
  )
  return { level: { answer, fields, asked: null, keys }, below: undefined }
}

/** All places for errors in an API's answers of a version, those at the top first. */
export function errorSites(api: Api, version: number): Site[] {
  const sites: Site[] = []
  const descend = (fields: Fields, asked: Fields | undefined, levels: readonly Level[]): void => {
    const names = namesIn(fields, version)
    const error = names.find(name => /^(partitionE|e)rrorCode$/.test(name))
    if (error !== undefined) sites.push({ error, fields, levels })
    for (const name of names) {
      const below = typeIn(fields, name, version)?.element?.fields
      if (below === undefined || below === null) continue
      const paired = pairLevel(name, below, asked, version)
      descend(below, paired.below, [...levels, paired.level])
    }
  }
  descend(api.response, api.request, [])
  return sites.sort((a, b) => a.levels.length - b.levels.length)
}

/** Something a request names. */
export interface Thing {
  readonly topic?: string
  readonly topicId?: Uuid
  readonly partition?: number
}

export type Values = Readonly<Record<string, unknown>>

/** What a struct's own fields say of a thing, added to what is known of it from above. */
export function thingOf(fields: Fields, value: Values, above: Thing): Thing {
  const thing: Record<string, unknown> = { ...above }
  for (const [name, role] of Object.entries(roles)) {
    if (role === 'other' || fields[name] === undefined) continue
    const said = value[name]
    if (role === 'partition' ? typeof said === 'number' : typeof said === 'string' && said !== '')
      thing[role] = said
  }
  // Of configurations: 2 is a topic.
  if (value.resourceType === 2 && typeof value.resourceName === 'string')
    thing.topic = value.resourceName
  return thing
}

/** Everything a request names, each as deep as it goes; `null` where it asks for all there is. */
export function thingsOf(fields: Fields, body: Values, above: Thing = {}): (Thing | null)[] {
  const things: (Thing | null)[] = []
  for (const [name, entry] of Object.entries(fields)) {
    const { element } = fieldOf(entry).type
    if (element === null) continue
    const listed = body[name] as readonly unknown[] | null | undefined
    if (listed === undefined) continue
    if (listed === null) {
      if (/topic/i.test(name)) things.push(null)
    } else if (element.fields !== null) {
      for (const item of listed) {
        const thing = thingOf(element.fields, item as Values, above)
        const below = thingsOf(element.fields, item as Values, thing)
        things.push(...(below.length === 0 ? [thing] : below))
      }
    } else if (element.kind === 'int32' && /^partition/.test(name))
      for (const partition of listed) things.push({ ...above, partition: partition as number })
    else if (element.kind === 'string' && /^topic/.test(name))
      for (const topic of listed) things.push({ ...above, topic: topic as string })
  }
  return things
}

/** Whether requests name topics at all. */
export const namesTopics = (fields: Fields): boolean =>
  Object.entries(fields).some(([name, entry]) => {
    const { element } = fieldOf(entry).type
    if (/^topic(Name|Id)?s?$/.test(name)) return true
    return element !== null && element.fields !== null && namesTopics(element.fields)
  })
