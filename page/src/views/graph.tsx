import type { JSX } from 'preact'
import type { ActorStory } from '../../../story/story.ts'
import { activeIds, type Chart, type State } from '../model/chart.ts'
import { isTakenArrow } from './actor.tsx'

/** As the build has measured it. */
const labelHeight = 15

function everyState(state: State): readonly State[] {
  return [state, ...state.states.flatMap(everyState)]
}

/** A chart with its arrows as lines. The boxes have all of it in words. */
export function Graph(props: {
  readonly chart: Chart
  readonly active: ReadonlySet<string>
  readonly actor: ActorStory
}): JSX.Element {
  const { chart, active, actor } = props
  const states = new Map(everyState(chart.root).map(state => [state.id, state]))
  const { step } = actor
  const cameFrom =
    step === null ? new Set<string>() : activeIds(chart.root.id, chart.root, step.from)
  const taken = chart.arrows.filter(arrow => isTakenArrow(arrow, step, cameFrom, active))
  const isTaken = (line: Chart['lines'][number]): boolean =>
    taken.some(
      ({ from, to }) => to.includes(line.to) && (line.from === from || line.from === `${from}#any`),
    )
  return (
    <svg
      class="graph"
      width={chart.width}
      height={chart.height}
      viewBox={`0 0 ${chart.width} ${chart.height}`}
      role="img"
      aria-label={`${chart.name}: ${actor.state} is active. Boxes have the same in words.`}
    >
      <defs>
        {['tip', 'tip-taken'].map(id => (
          <marker
            key={id}
            id={id}
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerUnits="userSpaceOnUse"
            markerWidth="9"
            markerHeight="9"
            orient="auto-start-reverse"
          >
            <path d="M0 0 L8 4 L0 8 z" class={id} />
          </marker>
        ))}
      </defs>
      {chart.boxes.map(({ id, x, y, width, height }) => {
        const state = states.get(id)
        if (state === undefined)
          return id.endsWith('#start') ? (
            <circle key={id} class="start" cx={x + width / 2} cy={y + height / 2} r={5} />
          ) : (
            <text key={id} class="any" x={x + 5} y={y + 15}>
              in any state
            </text>
          )
        const isActive = active.has(id)
        return (
          <g
            key={id}
            data-state={id}
            class={isActive ? 'box active' : 'box'}
            data-active={isActive}
          >
            <title>{state.description}</title>
            <rect x={x} y={y} width={width} height={height} rx={8} class={state.type} />
            <text x={x + 10} y={y + 21}>
              {isActive ? '▶ ' : ''}
              {state.key}
              {state.type === 'final' ? ' ◎' : ''}
            </text>
          </g>
        )
      })}
      {chart.lines.map(line => {
        const lit = isTaken(line)
        const path = line.points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join(' ')
        return (
          <g key={`${line.from} ${line.to}`} class={lit ? 'line taken' : 'line'}>
            <path d={path} marker-end={`url(#${lit ? 'tip-taken' : 'tip'})`} />
            {line.labels.map((label, at) => (
              <text key={label} x={line.x + 3} y={line.y + 12 + at * labelHeight}>
                {label}
              </text>
            ))}
          </g>
        )
      })}
    </svg>
  )
}
