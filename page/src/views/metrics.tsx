import { computed } from '@preact/signals'
import type { JSX } from 'preact'
import type { Line } from '../../../story/line.ts'
import { now, recording, source, version } from '../model/time.ts'
import { Empty, ViewHead } from '../parts.tsx'

interface Point {
  readonly atMs: number
  readonly value: number
}

/** Points that a small chart has room for. */
const pointsMax = 240

/** What each metric was whenever it was looked up, by its name and labels. */
let series: { of: unknown; upTo: number; points: Map<string, Point[]> } = {
  of: null,
  upTo: 0,
  points: new Map(),
}

function take({ kind, atMs, detail }: Line): void {
  if (kind !== 'sample') return
  for (const [what, value] of Object.entries(detail)) {
    if (!what.startsWith('metric ')) continue
    const key = what.slice('metric '.length)
    const points = series.points.get(key) ?? []
    series.points.set(key, points)
    points.push({ atMs, value: Number(value ?? Number.NaN) })
  }
}

const all = computed(() => {
  version.value
  if (series.of !== recording) series = { of: recording, upTo: 0, points: new Map() }
  const { lines } = recording
  for (let at = recording.indexOf(series.upTo + 1); at < lines.length; at++) {
    const line = lines[at] as Line
    take(line)
    series.upTo = line.seq
  }
  return { points: series.points }
})

/** Stands for a value until the next one. */
function Sparkline(props: {
  readonly points: readonly Point[]
  readonly untilMs: number
}): JSX.Element | null {
  const shown = props.points
    .filter(({ atMs, value }) => atMs <= props.untilMs && !Number.isNaN(value))
    .slice(-pointsMax)
  const [first] = shown
  if (first === undefined) return null
  const span = Math.max(1, props.untilMs - first.atMs)
  const top = Math.max(1, ...shown.map(({ value }) => value))
  const [width, height] = [220, 34]
  const x = (atMs: number): string => ((width * (atMs - first.atMs)) / span).toFixed(1)
  const y = (value: number): string => (height - 2 - ((height - 6) * value) / top).toFixed(1)
  const path = shown.map(({ atMs, value }, at) =>
    at === 0 ? `M0 ${y(value)}` : `H${x(atMs)} V${y(value)}`,
  )
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={`${path.join(' ')} H${width}`} />
    </svg>
  )
}

export function MetricsView(): JSX.Element {
  const { story, atMs } = now.value
  const { points } = all.value
  const byName = new Map<string, { labels: string; key: string; value: number }[]>()
  for (const [what, value] of story.samples) {
    const [, name, labels] = /^metric ([^{]+)(.*)$/.exec(what) ?? []
    if (name === undefined) continue
    const same = byName.get(name) ?? []
    byName.set(name, same)
    same.push({ labels: labels ?? '', key: `${name}${labels ?? ''}`, value: Number(value) })
  }
  return (
    <>
      <ViewHead title="Metrics">
        {source.value?.kind === 'cluster' && (
          <span class="faint">
            The same for Prometheus: <a href="/metrics">/metrics</a>
          </span>
        )}
      </ViewHead>
      {byName.size === 0 ? (
        <Empty>Metrics are looked up while a page is open; nobody looked then.</Empty>
      ) : (
        <div class="columns">
          {[...byName].sort().map(([name, rows]) => (
            <section key={name} class="card metric">
              <h2>{name}</h2>
              <table class="plain">
                <caption class="visually-hidden">{name}</caption>
                <thead class="visually-hidden">
                  <tr>
                    <th scope="col">Labels</th>
                    <th scope="col">Over time</th>
                    <th scope="col">Value</th>
                  </tr>
                </thead>
                <tbody>
                  {rows
                    .sort((one, other) => (one.labels < other.labels ? -1 : 1))
                    .map(({ labels, key, value }) => (
                      <tr key={key}>
                        <th scope="row">
                          {labels === ''
                            ? 'cluster'
                            : labels.slice(1, -1).replaceAll('"', '').replaceAll(',', ', ')}
                        </th>
                        <td>
                          <Sparkline points={points.get(key) ?? []} untilMs={atMs} />
                        </td>
                        <td class="number since">{value}</td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </section>
          ))}
        </div>
      )}
    </>
  )
}
