import { computed } from '@preact/signals'
import type { JSX } from 'preact'
import { count, sinceStart } from '../format.ts'
import { linkTo, param, setParams } from '../model/route.ts'
import { type Arrow, type Sequence, sequenceOf } from '../model/sequence.ts'
import { lookAt, now, recording, startMs, version } from '../model/time.ts'
import { Empty, ViewHead, Wide } from '../parts.tsx'

const arrowsMax = 60
const laneWidth = 190
const rowHeight = 22
const headHeight = 34

const hidden = computed(() => new Set((param('hide') ?? '').split(',').filter(Boolean)))

/** Where each broker listens: what lines of the trace have of a message's other end. */
const addresses = computed(() => {
  const found = new Map<string, string>()
  for (const [path, actor] of now.value.story.actors) {
    const { endpoint } = actor.context
    if (/^broker-\d+$/.test(path) && typeof endpoint === 'string') found.set(endpoint, path)
  }
  return found
})

const sequence = computed((): Sequence => {
  version.value
  const { story } = now.value
  return sequenceOf(recording.lines, recording.indexOf(story.seq + 1), {
    arrowsMax,
    steady: param('steady') === '1',
    hidden: hidden.value,
    addresses: addresses.value,
  })
})

const isLost = ({ receivedSeq }: Arrow): boolean => receivedSeq === null

/** Every line at which something leaves, arrives or happens has a row, in the order of the trace. */
function rowsOf({ arrows, happenings }: Sequence): ReadonlyMap<number, number> {
  const seqs = new Set<number>()
  for (const { sentSeq, receivedSeq } of arrows) {
    seqs.add(sentSeq)
    if (receivedSeq !== null) seqs.add(receivedSeq)
  }
  for (const { seq } of happenings) seqs.add(seq)
  return new Map([...seqs].sort((one, other) => one - other).map((seq, at) => [seq, at]))
}

function Picture({ told }: { readonly told: Sequence }): JSX.Element {
  const lanes = told.lanes.filter(lane => !hidden.value.has(lane))
  const rows = rowsOf(told)
  const x = (lane: string): number => lanes.indexOf(lane) * laneWidth + laneWidth / 2
  const y = (seq: number): number => headHeight + 14 + (rows.get(seq) ?? 0) * rowHeight
  const [width, height] = [lanes.length * laneWidth, headHeight + 20 + rows.size * rowHeight]
  return (
    <svg
      class="sequence"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`${count(told.arrows.length, 'message')} between ${lanes.join(', ')}. The table has the same in words.`}
    >
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerUnits="userSpaceOnUse"
          markerWidth="9"
          markerHeight="9"
          orient="auto"
        >
          <path d="M0 0 L8 4 L0 8 z" class="tip" />
        </marker>
      </defs>
      {lanes.map(lane => (
        <g key={lane}>
          <text class="lane" x={x(lane)} y={20} text-anchor="middle">
            {lane}
          </text>
          <line class="lane" x1={x(lane)} x2={x(lane)} y1={headHeight - 4} y2={height} />
        </g>
      ))}
      {told.arrows.map(arrow => {
        const { from, to, sentSeq, receivedSeq, name, error } = arrow
        const [x1, y1] = [x(from), y(sentSeq)]
        const x2 = isLost(arrow) ? (x1 + x(to)) / 2 : x(to)
        const y2 = receivedSeq === null ? y1 : y(receivedSeq)
        const isLong = Math.abs(x(to) - x1) > laneWidth * 1.5
        // Beside the lane it leaves, where long arrows would lie over each other's names.
        const at = isLong ? x1 + Math.sign(x2 - x1) * laneWidth * 0.5 : (x1 + x2) / 2
        const slope = x2 === x1 ? 0 : (y2 - y1) / (x2 - x1)
        return (
          <g
            key={`${sentSeq} ${receivedSeq}`}
            class={`message ${arrow.isAnswer ? 'answer' : ''} ${isLost(arrow) ? 'lost' : ''}`}
            onClick={() => lookAt(sentSeq)}
          >
            <title>{`line ${sentSeq}: ${from} → ${to} ${name}`}</title>
            <line x1={x1} y1={y1} x2={x2} y2={y2} marker-end={isLost(arrow) ? '' : 'url(#arrow)'} />
            {isLost(arrow) && (
              <text class="cross" x={x2} y={y2 + 5} text-anchor="middle">
                ✕
              </text>
            )}
            <text x={at} y={y1 + slope * (at - x1) - 4} text-anchor="middle">
              {name}
              {error === null ? '' : ` ${error}`}
            </text>
          </g>
        )
      })}
      {told.happenings.map(({ lane, seq, text }) => (
        <g key={seq} class="happening">
          <rect
            x={x(lane) - text.length * 3.4 - 6}
            y={y(seq) - 9}
            width={text.length * 6.8 + 12}
            height={18}
            rx={4}
          />
          <text x={x(lane)} y={y(seq) + 4} text-anchor="middle">
            {text}
          </text>
        </g>
      ))}
    </svg>
  )
}

/** Parameters that stay when one goes to a line. */
const keep = (at: number) => ({
  at,
  hide: param('hide'),
  steady: param('steady'),
  view: param('view'),
})

function Table({ told }: { readonly told: Sequence }): JSX.Element {
  const rows = [
    ...told.arrows.map(arrow => ({
      seq: arrow.sentSeq,
      atMs: arrow.atMs,
      from: arrow.from,
      to: arrow.to,
      what: `${arrow.name}${arrow.isAnswer ? ', answered' : ''}${arrow.error === null ? '' : ` ${arrow.error}`}`,
      arrival: arrow.receivedSeq === null ? '✕ never arrived' : `line ${arrow.receivedSeq}`,
    })),
    ...told.happenings.map(({ lane, seq, atMs, text }) => ({
      seq,
      atMs,
      from: lane,
      to: '',
      what: text,
      arrival: '',
    })),
  ].sort((one, other) => one.seq - other.seq)
  return (
    <table class="card">
      <caption class="visually-hidden">Messages in the order in which they were sent</caption>
      <thead>
        <tr>
          {['Line', 'Seconds', 'From', 'To', 'What', 'Arrived'].map(title => (
            <th scope="col" key={title}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <tr key={`${row.seq} ${row.what}`}>
            <td class="number">
              <a href={linkTo('sequence', keep(row.seq))}>{row.seq}</a>
            </td>
            <td class="number">{sinceStart(row.atMs - startMs.value)}</td>
            <td>{row.from}</td>
            <td>{row.to}</td>
            <td>{row.what}</td>
            <td>{row.arrival}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

export function SequenceView(): JSX.Element {
  const told = sequence.value
  const isTable = param('view') === 'table'
  return (
    <>
      <ViewHead title="Sequence">
        <fieldset class="tabs">
          <legend class="visually-hidden">Drawn as</legend>
          {[
            ['picture', 'Picture'],
            ['table', 'Table'],
          ].map(([name, text]) => (
            <label key={name}>
              <input
                type="radio"
                name="drawn"
                checked={isTable === (name === 'table')}
                onChange={() => setParams({ view: name === 'table' ? 'table' : null })}
              />
              {text}
            </label>
          ))}
        </fieldset>
        <label>
          <input
            type="checkbox"
            checked={param('steady') === '1'}
            onChange={event => setParams({ steady: event.currentTarget.checked ? '1' : null })}
          />{' '}
          fetches and heartbeats too
        </label>
      </ViewHead>
      <fieldset class="lanes">
        <legend>Lanes</legend>
        {[...new Set([...told.lanes, ...hidden.value])].map(lane => (
          <label key={lane}>
            <input
              type="checkbox"
              checked={!hidden.value.has(lane)}
              onChange={() => {
                const next = new Set(hidden.value)
                if (!next.delete(lane)) next.add(lane)
                setParams({ hide: [...next].join(',') })
              }}
            />{' '}
            {lane}
          </label>
        ))}
      </fieldset>
      <p class="faint">
        The last {count(told.arrows.length, 'message')} up to here. Solid lines ask, dashed ones
        answer, crossed ones never arrived.
      </p>
      {told.arrows.length === 0 && told.happenings.length === 0 ? (
        <Empty>No message up to here.</Empty>
      ) : (
        <Wide label="Messages between nodes">
          {isTable ? <Table told={told} /> : <Picture told={told} />}
        </Wide>
      )}
    </>
  )
}
