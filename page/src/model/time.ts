/** Where the page stands in time: the recording it has, the line it looks at, and the story there. */
import { computed, effect, signal } from '@preact/signals'
import type { Line } from '../../../story/line.ts'
import { Recording } from '../../../story/recording.ts'
import { fromJson, type Story, type StoryJson } from '../../../story/story.ts'
import { param, setParams } from './route.ts'

/** Lines that the page keeps. */
const linesMax = 150_000

export interface Source {
  readonly kind: 'cluster' | 'file'
  readonly name: string
  readonly control: string
}

export const source = signal<Source | null>(null)

/** `connecting`: nothing has come yet; `live`: it goes on; `file`: this is all; `lost`: the server does not answer. */
export const connection = signal<'connecting' | 'live' | 'file' | 'lost'>('connecting')

export let recording = new Recording(undefined, linesMax)

/** Rises with every batch of lines. */
export const version = signal(0)

/** The wall clock, a few times a second while the page is live: timers count down. */
export const tick = signal(0)

/** The line that is looked at; null follows the end. */
export const cursor = computed<number | null>(() => {
  const at = param('at')
  return at === null || !/^\d+$/.test(at) ? null : Number(at)
})

export const isLive = computed(() => cursor.value === null && connection.value !== 'file')

export interface Now {
  readonly story: Story
  /** ms since 1970 */
  readonly atMs: number
  readonly isLive: boolean
}

let at: { readonly seq: number; readonly of: Recording; readonly story: Story } | undefined

/** The story that all views show. */
export const now = computed<Now>(() => {
  version.value
  const seq = cursor.value
  if (seq === null) {
    const story = recording.end
    if (connection.value !== 'live') return { story, atMs: story.atMs, isLive: false }
    tick.value
    return { story, atMs: Math.max(story.atMs, Date.now()), isLive: true }
  }
  // An address may be of a line that is still to come.
  const isBehind = at !== undefined && at.story.seq < Math.min(seq, recording.end.seq)
  if (at === undefined || at.seq !== seq || at.of !== recording || isBehind)
    at = { seq, of: recording, story: recording.at(seq) }
  return { story: at.story, atMs: at.story.atMs, isLive: false }
})

/** When the recording begins, ms since 1970. */
export const startMs = computed(() => {
  version.value
  return recording.lines[0]?.atMs ?? recording.base.atMs
})

export const firstSeq = (): number => recording.lines[0]?.seq ?? recording.base.seq
export const lastSeq = (): number => recording.end.seq

/** Looks at a line; the last one of a live story is not the live end: that goes on. */
export function lookAt(seq: number | null): void {
  if (seq === null) setParams({ at: null })
  else setParams({ at: String(Math.max(firstSeq(), Math.min(lastSeq(), seq))) })
}

/** The next line before or after that a step may stop at. */
export function step(by: 1 | -1, stopsAt: (line: Line) => boolean): void {
  const { lines } = recording
  const seq = cursor.value ?? lastSeq()
  let index = recording.indexOf(seq)
  if (by === 1 && lines[index] !== undefined && (lines[index] as Line).seq > seq) index--
  for (index += by; index >= 0 && index < lines.length; index += by) {
    const line = lines[index] as Line
    if (stopsAt(line)) {
      lookAt(line.seq)
      return
    }
  }
  if (by === 1) lookAt(connection.value === 'live' ? null : lastSeq())
  else lookAt(firstSeq())
}

function take(batch: readonly Line[]): void {
  for (const line of batch) recording.add(line)
  version.value++
}

/** Begins to read the story, and goes on after every break. */
export function connect(): void {
  const events = new EventSource('/api/story')
  events.addEventListener('story', ({ data }: MessageEvent<string>) => {
    const told = JSON.parse(data) as { source: Source; story: StoryJson }
    recording = new Recording(fromJson(told.story), linesMax)
    source.value = told.source
  })
  events.addEventListener('lines', ({ data }: MessageEvent<string>) => take(JSON.parse(data)))
  events.addEventListener('live', () => {
    connection.value = 'live'
    version.value++
  })
  events.addEventListener('end', () => {
    events.close()
    connection.value = 'file'
    version.value++
  })
  events.addEventListener('error', () => {
    connection.value = 'lost'
    // The browser gives up by itself where the server refuses.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000)
  })
}

let ticking: ReturnType<typeof setInterval> | undefined
effect(() => {
  clearInterval(ticking)
  if (isLive.value && connection.value === 'live')
    ticking = setInterval(() => void tick.value++, 200)
})
