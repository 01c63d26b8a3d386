import { computed, signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { count, inline, sinceStart } from '../format.ts'
import { EventRows, type Row } from '../model/events.ts'
import { linkTo, param, setParams } from '../model/route.ts'
import { cursor, isLive, lookAt, now, recording, startMs, version } from '../model/time.ts'
import { Empty, ViewHead } from '../parts.tsx'

const rowHeight = 26
/** Rows above and below those that are seen. */
const spare = 6
/** A browser's boxes have a bound on their height, and lose precision below it. */
const heightMax = 8_000_000

let made: { key: string; of: unknown; rows: EventRows } | undefined

const rows = computed(() => {
  version.value
  const [filter, folds] = [param('q') ?? '', param('fold') !== '0']
  const key = `${folds} ${filter}`
  const { lines } = recording
  if (made?.key !== key || made.of !== recording)
    made = { key, of: recording, rows: new EventRows(filter, folds) }
  made.rows.add(lines, recording.indexOf(made.rows.seq + 1))
  return { all: made.rows.rows, hidden: made.rows.hidden, count: made.rows.rows.length }
})

const scrollTop = signal(0)
const height = signal(600)

function detailOf({ line, folded, ...row }: Row): string {
  if (folded > 0) {
    const { last } = row as { last: typeof line }
    return `${count(folded, 'line')} of fetches, heartbeats and the like, up to line ${last.seq}`
  }
  const { type: _, changed, from, to, ...detail } = line.detail as Record<string, unknown>
  if (line.kind === 'state') return `from ${String(from || '(start)')}`
  const text = inline(
    { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), ...detail },
    160,
  )
  return text === '{}' ? (changed === undefined ? '' : inline(changed, 160)) : text
}

/** What links of all rows begin and end with: made once, since rows are drawn while one scrolls. */
interface Base {
  readonly events: string
  readonly actor: string
  readonly at: string
}

const baseOf = (): Base => {
  const events = linkTo('events', { q: param('q'), fold: param('fold'), at: null })
  const at = param('at')
  return {
    events: `${events}${events.includes('?') ? '&' : '?'}at=`,
    actor: '#/actor/',
    at: at === null ? '' : `?at=${at}`,
  }
}

function EventRow(props: {
  readonly row: Row
  readonly index: number
  readonly top: number
  readonly isAt: boolean
  readonly base: Base
}): JSX.Element {
  const { row, index, top, isAt, base } = props
  const { line, folded } = row
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-current={isAt ? 'true' : undefined}
      class={`event ${folded > 0 ? 'folded' : `of-${line.kind}`} ${isAt ? 'at' : ''}`}
      style={{ top: `${top}px` }}
    >
      <span role="cell" class="number">
        <a href={`${base.events}${line.seq}`}>{line.seq}</a>
      </span>
      <span role="cell" class="number">
        {sinceStart(line.atMs - startMs.value)}
      </span>
      <span role="cell" class="path">
        {folded > 0 ? '' : <a href={`${base.actor}${line.path}${base.at}`}>{line.path}</a>}
      </span>
      <span role="cell" class="kind">
        {folded > 0 ? 'folded' : line.kind}
      </span>
      <span role="cell" class="what">
        {folded === 0 && <b>{line.type}</b>} <span class="faint">{detailOf(row)}</span>
      </span>
      <span role="cell" class="cause">
        {folded === 0 && line.cause !== null && (
          <a href={`${base.events}${line.cause}`} title="The line that led to this one">
            ← {line.cause}
          </a>
        )}
      </span>
    </div>
  )
}

/** The line one looks at, whole, and what led to it. */
function Detail({ seq }: { readonly seq: number }): JSX.Element | null {
  const line = recording.line(seq)
  if (line === undefined) return null
  const chain = []
  for (
    let cause = line.cause;
    cause !== null && chain.length < 20;
    cause = recording.line(cause)?.cause ?? null
  ) {
    const found = recording.line(cause)
    if (found === undefined) break
    chain.push(found)
  }
  return (
    <section class="card detail" aria-label="The line one looks at">
      <h2>
        Line {line.seq}: {line.kind} {line.type}
      </h2>
      <pre>{JSON.stringify(line.detail, null, 1)}</pre>
      {chain.length > 0 && (
        <>
          <h3>Because of</h3>
          <ol class="history">
            {chain.map(cause => (
              <li key={cause.seq}>
                <a
                  class="number"
                  href={linkTo('events', {
                    q: param('q'),
                    fold: param('fold'),
                    at: cause.seq,
                  })}
                >
                  {cause.seq}
                </a>{' '}
                {cause.path} <span class="faint">{cause.kind}</span> {cause.type}
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  )
}

/** Where a line stands among rows, or the row it was folded into. */
function rowIndex(all: readonly Row[], seq: number): number {
  let [low, high] = [0, all.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((all[middle] as Row).line.seq <= seq) low = middle + 1
    else high = middle
  }
  return low - 1
}

export function EventsView(): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const { all, hidden, count: rowCount } = rows.value
  const whole = rowCount * rowHeight
  // Beyond that height the scroll bar is a scale.
  const shown = Math.min(whole, heightMax)
  const scale = whole > shown ? (whole - height.value) / (shown - height.value) : 1
  const offset = scrollTop.value * scale
  const first = Math.max(0, Math.floor(offset / rowHeight) - spare)
  const last = Math.min(rowCount, Math.ceil((offset + height.value) / rowHeight) + spare)
  const base = baseOf()
  const at = cursor.value
  const atIndex = at === null ? -1 : rowIndex(all, at)

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  // Follows the end while live, and the line one looks at.
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    if (at === null) {
      if (isLive.value || now.value.story.seq > 0) element.scrollTop = element.scrollHeight
    } else {
      const top = atIndex * rowHeight
      const from = element.scrollTop * scale
      if (top < from || top > from + element.clientHeight - 2 * rowHeight)
        element.scrollTop = Math.max(0, (top - element.clientHeight / 2) / scale)
    }
  }, [at, at === null ? rowCount : 0])

  return (
    <>
      <ViewHead title="Events">
        <label>
          Filter{' '}
          <input
            type="search"
            size={30}
            placeholder="kind:state path:broker-1/**"
            value={param('q') ?? ''}
            onInput={event => setParams({ q: event.currentTarget.value })}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={param('fold') !== '0'}
            onChange={event => setParams({ fold: event.currentTarget.checked ? null : '0' })}
          />{' '}
          fold fetches and heartbeats
        </label>
        <span class="faint">
          {count(rowCount, 'row')}
          {hidden > 0 ? `, ${hidden} lines filtered out` : ''}
        </span>
      </ViewHead>
      {rowCount === 0 ? (
        <Empty>
          No line passes. A filter is words that a line must have, and <code>kind:state</code>,{' '}
          <code>path:broker-1/**</code>, <code>type:zk.*</code>, <code>cause:812</code>; a minus
          before any of them takes it away.
        </Empty>
      ) : (
        <div
          role="table"
          class="events"
          aria-label="Lines of the trace"
          aria-rowcount={rowCount + 1}
        >
          <div role="rowgroup">
            <div role="row" class="event head" aria-rowindex={1}>
              {['line', 'seconds', 'where', 'kind', 'what', 'because of'].map(title => (
                <span key={title} role="columnheader">
                  {title}
                </span>
              ))}
            </div>
          </div>
          <div
            class="scroll"
            role="rowgroup"
            tabIndex={0}
            ref={box}
            onScroll={event => {
              const top = event.currentTarget.scrollTop
              // Who scrolls up from the end wants to stay there.
              const isUp = top < scrollTop.peek() - rowHeight
              scrollTop.value = top
              if (isUp && isLive.value) lookAt(now.value.story.seq)
            }}
          >
            <div class="sizer" style={{ height: `${shown}px` }} role="presentation">
              {all.slice(first, last).map((row, index) => (
                <EventRow
                  key={row.line.seq}
                  row={row}
                  index={first + index}
                  top={(first + index) * rowHeight - offset + scrollTop.value}
                  isAt={first + index === atIndex}
                  base={base}
                />
              ))}
            </div>
          </div>
        </div>
      )}
      {at !== null && <Detail seq={at} />}
    </>
  )
}
