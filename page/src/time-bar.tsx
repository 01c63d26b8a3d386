import { computed, effect, signal } from '@preact/signals'
import type { JSX } from 'preact'
import { sinceStart } from './format.ts'
import { type Mark, markOf, stops } from './model/marks.ts'
import { param, setParams } from './model/route.ts'
import {
  connection,
  cursor,
  firstSeq,
  lastSeq,
  lookAt,
  now,
  recording,
  startMs,
  step,
  version,
} from './model/time.ts'

const isPlaying = signal(false)
/** As fast as it was is 1. */
const speed = signal(0.1)

/** Marks of all lines that are kept; each line is looked at once. */
let found: { of: unknown; upTo: number; marks: { seq: number; mark: Mark }[] } = {
  of: null,
  upTo: 0,
  marks: [],
}
const marks = computed(() => {
  version.value
  if (found.of !== recording) found = { of: recording, upTo: 0, marks: [] }
  const { lines } = recording
  for (let at = recording.indexOf(found.upTo + 1); at < lines.length; at++) {
    const line = lines[at]
    if (line === undefined) break
    const mark = markOf(line)
    if (mark !== null) found.marks.push({ seq: line.seq, mark })
    found.upTo = line.seq
  }
  return found.marks.filter(({ seq }) => seq >= firstSeq())
})

const unit = (): string => (stops[param('step') ?? ''] ? (param('step') as string) : 'line')

export const stepBy = (by: 1 | -1, what = unit()): void => {
  isPlaying.value = false
  step(by, stops[what] ?? (() => true))
}

export function togglePlay(): void {
  if (!isPlaying.value && cursor.value === null) {
    if (connection.value !== 'live') lookAt(firstSeq())
    else {
      // Live is playing already: it stands still then.
      lookAt(lastSeq())
      return
    }
  }
  isPlaying.value = !isPlaying.value
}

effect(() => {
  if (!isPlaying.value) return
  let before = performance.now()
  let storyMs = now.peek().atMs
  const timer = setInterval(() => {
    const wall = performance.now()
    storyMs += (wall - before) * speed.peek()
    before = wall
    const { lines } = recording
    let index = recording.indexOf((cursor.peek() ?? 0) + 1)
    const from = index
    while (index < lines.length && (lines[index]?.atMs ?? 0) <= storyMs) index++
    if (index > from) lookAt(lines[index - 1]?.seq ?? null)
    if (index >= lines.length) {
      isPlaying.value = false
      lookAt(connection.peek() === 'live' ? null : lastSeq())
    }
  }, 50)
  return () => clearInterval(timer)
})

/** What stands at the line one looks at. */
const told = computed(() => {
  version.value
  const seq = cursor.value
  const line = seq === null ? undefined : recording.line(seq)
  return line === undefined ? '' : `${line.path} ${line.kind} ${line.type}`
})

const signs = { fault: '✕', election: '★', node: '●', note: '✎' } as const

export function TimeBar(): JSX.Element {
  version.value
  const [first, last] = [firstSeq(), lastSeq()]
  const seq = cursor.value ?? last
  const isAtEnd = cursor.value === null
  const time = sinceStart(now.value.atMs - startMs.value)
  const live = connection.value === 'live'
  const span = Math.max(1, last - first)
  const state = !isAtEnd
    ? `line ${seq} of ${last}`
    : { live: 'live', file: 'end of the recording', connecting: 'connecting …', lost: 'no answer' }[
        connection.value
      ]
  return (
    <section class={isAtEnd ? 'time-bar' : 'time-bar past'} aria-label="Time">
      <div class="buttons">
        <button
          type="button"
          onClick={togglePlay}
          aria-label={isPlaying.value || (isAtEnd && live) ? 'Pause' : 'Play'}
        >
          <span aria-hidden="true">{isPlaying.value || (isAtEnd && live) ? '❚❚' : '▶'}</span>
        </button>
        <button type="button" onClick={() => lookAt(first)} aria-label="To the beginning">
          <span aria-hidden="true">|◀</span>
        </button>
        <button type="button" onClick={() => stepBy(-1, 'mark')} aria-label="To the mark before">
          <span aria-hidden="true">[</span>
        </button>
        <button type="button" onClick={() => stepBy(-1)} aria-label="−1, one step back">
          <span aria-hidden="true">−1</span>
        </button>
        <button type="button" onClick={() => stepBy(1)} aria-label="+1, one step on">
          <span aria-hidden="true">+1</span>
        </button>
        <button type="button" onClick={() => stepBy(1, 'mark')} aria-label="To the next mark">
          <span aria-hidden="true">]</span>
        </button>
        <button
          type="button"
          class={isAtEnd ? 'live on' : 'live'}
          aria-pressed={isAtEnd}
          onClick={() => {
            isPlaying.value = false
            lookAt(null)
          }}
        >
          {live ? 'Live' : 'End'}
        </button>
      </div>
      <div class="slider">
        <div class="marks" aria-hidden="true">
          {marks.value.slice(-300).map(({ seq: at, mark }) => (
            <span
              key={at}
              class={`mark ${mark.kind}`}
              title={`${mark.text} (line ${at})`}
              style={{ left: `${(100 * (at - first)) / span}%` }}
            >
              {signs[mark.kind]}
            </span>
          ))}
        </div>
        <input
          type="range"
          min={first}
          max={last}
          value={seq}
          aria-label="Line of the trace"
          aria-valuetext={`line ${seq} of ${last}, ${time} s${told.value === '' ? '' : `, ${told.value}`}`}
          onInput={event => {
            isPlaying.value = false
            lookAt(Number(event.currentTarget.value))
          }}
        />
      </div>
      <div class="where">
        <span class="number">{time} s</span> <span>{state}</span>{' '}
        <span class="told">{told.value}</span>
      </div>
      <div class="choices">
        <label>
          Step by{' '}
          <select value={unit()} onChange={event => setParams({ step: event.currentTarget.value })}>
            <option value="line">line</option>
            <option value="state">change of state</option>
            <option value="message">message</option>
            <option value="mark">mark</option>
          </select>
        </label>
        <label>
          Speed{' '}
          <select
            value={String(speed.value)}
            onChange={event => {
              speed.value = Number(event.currentTarget.value)
            }}
          >
            {[0.01, 0.1, 0.5, 1, 10].map(value => (
              <option key={value} value={String(value)}>
                {value}×
              </option>
            ))}
          </select>
        </label>
      </div>
    </section>
  )
}
