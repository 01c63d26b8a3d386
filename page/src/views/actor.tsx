import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { ActorStory } from '../../../story/story.ts'
import { count, duration, inline, shortSession, sinceStart } from '../format.ts'
import {
  type Arrow,
  activeIds,
  type Chart,
  charts,
  loadCharts,
  type State,
  takes,
} from '../model/chart.ts'
import { linkTo, param, rest, setParams } from '../model/route.ts'
import { now, recording, startMs } from '../model/time.ts'
import { ActorLink, Empty, ViewHead, Wide } from '../parts.tsx'
import { Graph } from './graph.tsx'

const search = signal('')

const shortPath = (path: string): string => path.replace(/0x[0-9a-f]{11,}/, id => shortSession(id))

/** All actors, by the node they are on. */
export function ActorsView(): JSX.Element {
  const { story, atMs } = now.value
  const showsStopped = param('stopped') === '1'
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
  const actors = [...story.actors.values()].filter(
    ({ path, chart, state, status }) =>
      (showsStopped || status === 'running') &&
      words.every(word => `${path} ${chart} ${state}`.toLowerCase().includes(word)),
  )
  const byNode = Map.groupBy(actors, ({ path }) => /^(client\/[^/]+|[^/]+)/.exec(path)?.[0] ?? path)
  const nodes = [...byNode.keys()].sort()
  return (
    <>
      <ViewHead title="Statecharts">
        <label>
          Filter{' '}
          <input
            type="search"
            value={search.value}
            onInput={event => {
              search.value = event.currentTarget.value
            }}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={showsStopped}
            onChange={() => setParams({ stopped: showsStopped ? null : '1' })}
          />{' '}
          those that have stopped
        </label>
      </ViewHead>
      <p class="faint">
        Every part of the cluster that has modes is a statechart: {count(actors.length, 'actor')}.
      </p>
      <div class="columns">
        {nodes.map(node => (
          <section key={node} class="card" aria-label={node}>
            <h2>{node}</h2>
            <table class="plain">
              <caption class="visually-hidden">Statecharts of {node}</caption>
              <thead class="visually-hidden">
                <tr>
                  <th scope="col">Actor</th>
                  <th scope="col">State</th>
                  <th scope="col">Since</th>
                </tr>
              </thead>
              <tbody>
                {(byNode.get(node) ?? []).map(({ path, state, status, stateSinceMs }) => (
                  <tr key={path} class={status}>
                    <th scope="row">
                      <ActorLink path={path}>
                        {path === node ? node : shortPath(path.slice(node.length + 1))}
                      </ActorLink>
                    </th>
                    <td>{status === 'running' ? state : `${status} (${state})`}</td>
                    <td class="faint number since">{duration(Math.max(0, atMs - stateSinceMs))}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        ))}
      </div>
    </>
  )
}

/** `after lagTime`, as arrows have it, of `xstate.after.lagTime.partitionReplica.leader`. */
const afterOf = (event: string, state: string): string =>
  `after ${event.slice('xstate.after.'.length, -state.length - 1)}`

/** The state that a timer belongs to: what its event ends with. */
function timerState(event: string, active: ReadonlySet<string>): string {
  let found = ''
  for (const id of active) if (event.endsWith(`.${id}`) && id.length > found.length) found = id
  return found
}

function ArrowRow(props: {
  readonly arrow: Arrow
  readonly chart: Chart
  readonly isTaken: boolean
  readonly left: number | null
}): JSX.Element {
  const { arrow, chart, isTaken, left } = props
  const target = arrow.to.map(id => id.slice(chart.root.id.length + 1)).join(' and ')
  return (
    <li class={isTaken ? 'arrow taken' : 'arrow'}>
      {isTaken && (
        <>
          <span aria-hidden="true">▶ </span>
          <span class="visually-hidden">last taken: </span>
        </>
      )}
      <b>{arrow.on}</b>
      {arrow.guard !== '' && <i> [{arrow.guard}]</i>}
      {arrow.actions.length > 0 && <span class="faint"> / {arrow.actions.join(', ')}</span>}
      {target !== '' && <span> → {target}</span>}
      {target === '' && arrow.actions.length === 0 && <span class="faint"> (nothing)</span>}
      {left !== null && <span class="badge">{duration(left)} left</span>}
    </li>
  )
}

function StateBox(props: {
  readonly state: State
  readonly chart: Chart
  readonly actor: ActorStory
  readonly active: ReadonlySet<string>
  readonly isFirst: boolean
}): JSX.Element {
  const { state, chart, actor, active, isFirst } = props
  const isActive = active.has(state.id)
  const arrows = chart.arrows.filter(({ from }) => from === state.id)
  const { step } = actor
  const { atMs } = now.value
  const cameFrom =
    step === null ? new Set<string>() : activeIds(chart.root.id, chart.root, step.from)
  const timers = new Map(
    actor.timers
      .filter(({ event }) => timerState(event, active) === state.id)
      .map(({ event, dueAtMs }) => [afterOf(event, state.id), dueAtMs]),
  )
  const signs: Readonly<Record<string, string>> = { final: ' ◎', parallel: ' ∥' }
  return (
    <li
      class={`state ${isActive ? 'active' : ''} ${state.states.length > 0 ? 'compound' : ''}`}
      aria-current={isActive ? 'true' : undefined}
      data-state={state.id}
    >
      <div class="state-name">
        {isFirst && (
          <span class="first" title="entered first">
            ●{' '}
          </span>
        )}
        {state.key}
        {signs[state.type] ?? ''}
        {isActive && (
          <span class="badge now">
            <span aria-hidden="true">▶ </span>active
          </span>
        )}
      </div>
      {state.description !== '' && <p class="description">{state.description}</p>}
      {(state.entry.length > 0 || state.exit.length > 0) && (
        <p class="does faint">
          {state.entry.length > 0 && `entry / ${state.entry.join(', ')}`}
          {state.entry.length > 0 && state.exit.length > 0 && ' · '}
          {state.exit.length > 0 && `exit / ${state.exit.join(', ')}`}
        </p>
      )}
      {arrows.length > 0 && (
        <ul class="arrows">
          {arrows.map((arrow, at) => {
            const due = timers.get(arrow.on)
            return (
              <ArrowRow
                key={at}
                arrow={arrow}
                chart={chart}
                isTaken={isTakenArrow(arrow, step, cameFrom, active)}
                left={due === undefined ? null : Math.max(0, due - atMs)}
              />
            )
          })}
        </ul>
      )}
      {state.states.length > 0 && (
        <ul class="states">
          {state.states.map(child => (
            <StateBox
              key={child.id}
              state={child}
              chart={chart}
              actor={actor}
              active={active}
              isFirst={child.id === state.initial}
            />
          ))}
        </ul>
      )}
    </li>
  )
}

/** Whether an arrow can be the one that led here: guards are not looked into. */
export function isTakenArrow(
  arrow: Arrow,
  step: ActorStory['step'],
  cameFrom: ReadonlySet<string>,
  active: ReadonlySet<string>,
): boolean {
  if (step === null || !cameFrom.has(arrow.from) || arrow.to.length === 0) return false
  if (!arrow.to.every(id => active.has(id))) return false
  return step.fact === null ? arrow.on.startsWith('after ') : arrow.on === step.fact
}

function Context({ actor }: { readonly actor: ActorStory }): JSX.Element {
  const keys = Object.keys(actor.context)
  if (keys.length === 0) return <p class="faint">The trace does not have it.</p>
  return (
    <table class="plain context">
      <caption class="visually-hidden">Context, and what its last change was</caption>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {keys.map(key => {
          const isChanged = key in actor.before && actor.step?.from !== ''
          return (
            <tr key={key} class={isChanged ? 'changed' : ''}>
              <th scope="row">{key}</th>
              <td>
                <code>{inline(actor.context[key], 400)}</code>
                {isChanged && (
                  <span class="was">
                    {' '}
                    <b>changed</b>, was <code>{inline(actor.before[key], 120)}</code>
                  </span>
                )}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

const historyMax = 12

function History({ path }: { readonly path: string }): JSX.Element {
  const { story } = now.value
  const { lines } = recording
  const found = []
  // The last of a story that may be long: not further back than a busy actor's lines are.
  let at = recording.indexOf(story.seq + 1) - 1
  for (const end = Math.max(0, at - 20_000); at >= end && found.length < historyMax; at--) {
    const line = lines[at]
    if (line?.path === path && line.kind !== 'context') found.push(line)
  }
  return (
    <ol class="history">
      {found.map(line => (
        <li key={line.seq}>
          <a href={linkTo(`actor/${path}`, { at: line.seq })} class="number">
            {sinceStart(line.atMs - startMs.value)}
          </a>{' '}
          <span class="faint">{line.kind}</span> {line.type}
        </li>
      ))}
    </ol>
  )
}

/** One actor's chart. */
export function ActorView(): JSX.Element {
  useEffect(loadCharts, [])
  const path = rest.value
  const { story, atMs } = now.value
  const actor = story.actors.get(path)
  if (actor === undefined)
    return (
      <>
        <ViewHead title={path} />
        <Empty>
          There is no such actor at this time. <a href={linkTo('actors')}>All that there are</a>
        </Empty>
      </>
    )
  const chart = charts.value.get(actor.chart)
  const active =
    chart === undefined || actor.status !== 'running'
      ? new Set<string>()
      : activeIds(chart.root.id, chart.root, actor.state)
  const isGraph = param('view') === 'graph'
  const { step } = actor
  return (
    <>
      <ViewHead title={path}>
        <fieldset class="tabs">
          <legend class="visually-hidden">Drawn as</legend>
          {[
            ['boxes', 'Boxes'],
            ['graph', 'Graph'],
          ].map(([name, text]) => (
            <label key={name}>
              <input
                type="radio"
                name="drawn"
                checked={isGraph === (name === 'graph')}
                onChange={() => setParams({ view: name === 'graph' ? 'graph' : null })}
              />
              {text}
            </label>
          ))}
        </fieldset>
      </ViewHead>
      <div class={isGraph ? 'actor drawn' : 'actor'}>
        <aside aria-label="This actor">
          <dl>
            <dt>State</dt>
            <dd>
              <b>{actor.status === 'running' ? actor.state : actor.status}</b>{' '}
              <span class="faint">for {duration(Math.max(0, atMs - actor.stateSinceMs))}</span>
            </dd>
            {actor.error !== null && (
              <>
                <dt>Failed</dt>
                <dd class="word bad">⚠ {actor.error}</dd>
              </>
            )}
            <dt>Chart</dt>
            <dd>
              {chart?.name ?? actor.chart}
              {chart !== undefined && <span class="faint"> (machines/…/{chart.name}.ts)</span>}
            </dd>
            <dt>Last step</dt>
            <dd>
              {step === null ? (
                'none'
              ) : (
                <>
                  {step.from || '(start)'} → <b>{step.to}</b>
                  <br />
                  {step.fact === null
                    ? step.from === ''
                      ? 'at its start'
                      : 'a timer was over'
                    : `on ${step.fact}`}
                  ,{' '}
                  <a href={linkTo(`actor/${path}`, { at: step.seq, view: param('view') })}>
                    {sinceStart(step.atMs - startMs.value)} s
                  </a>
                </>
              )}
            </dd>
            <dt>Timers</dt>
            <dd>
              {actor.timers.length === 0
                ? 'none'
                : actor.timers.map(({ event, dueAtMs }) => (
                    <div key={event}>
                      {afterOf(event, timerState(event, active))}:{' '}
                      <span class="number">{duration(Math.max(0, dueAtMs - atMs))}</span> left
                    </div>
                  ))}
            </dd>
          </dl>
          <h2>Context</h2>
          <Context actor={actor} />
          {chart !== undefined && active.size > 0 && (
            <>
              <h2>Takes now</h2>
              <ul class="takes">
                {takes(chart, active)
                  .filter(({ on }) => !on.startsWith('after '))
                  .map(({ on, arrows }) => (
                    <li
                      key={on}
                      class={
                        arrows.every(({ to, actions }) => to.length === 0 && actions.length === 0)
                          ? 'dropped'
                          : ''
                      }
                    >
                      {on}
                      {arrows.every(
                        ({ to, actions }) => to.length === 0 && actions.length === 0,
                      ) && <span class="faint"> (dropped)</span>}
                    </li>
                  ))}
              </ul>
            </>
          )}
          <h2>What it did last</h2>
          <History path={path} />
          <p>
            <a href={linkTo('events', { q: `path:${path}` })}>All its lines</a>
          </p>
        </aside>
        <div class="chart">
          {chart === undefined ? (
            <Empty>{charts.value.size === 0 ? 'Loading …' : 'Its chart is none of ours.'}</Empty>
          ) : isGraph ? (
            <Wide label={`Graph of ${chart.name}`}>
              <Graph chart={chart} active={active} actor={actor} />
            </Wide>
          ) : (
            <ul class="states root">
              <StateBox
                state={chart.root}
                chart={chart}
                actor={actor}
                active={active}
                isFirst={false}
              />
            </ul>
          )}
        </div>
      </div>
    </>
  )
}
