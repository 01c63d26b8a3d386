import { computed, effect, signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { loadFaultKinds, outcome } from './act.ts'
import { count } from './format.ts'
import { controllerOf } from './model/cluster.ts'
import { linkTo, view } from './model/route.ts'
import { connection, isLive, lookAt, now, source } from './model/time.ts'
import { stepBy, TimeBar, togglePlay } from './time-bar.tsx'
import { ActorsView, ActorView } from './views/actor.tsx'
import { EventsView } from './views/events.tsx'
import { GroupsView } from './views/groups.tsx'
import { brokers, MapView, partitions } from './views/map.tsx'
import { MetricsView } from './views/metrics.tsx'
import { SequenceView } from './views/sequence.tsx'
import { TopicsView } from './views/topics.tsx'
import { ZnodesView } from './views/znodes.tsx'

const views: Readonly<
  Record<string, { readonly title: string; readonly View: () => JSX.Element }>
> = {
  map: { title: 'Map', View: MapView },
  actors: { title: 'Statecharts', View: ActorsView },
  events: { title: 'Events', View: EventsView },
  sequence: { title: 'Sequence', View: SequenceView },
  znodes: { title: 'Znodes', View: ZnodesView },
  groups: { title: 'Groups', View: GroupsView },
  topics: { title: 'Topics', View: TopicsView },
  metrics: { title: 'Metrics', View: MetricsView },
}

const current = computed(() => (view.value === 'actor' ? 'actors' : view.value))

function Strip(): JSX.Element {
  const running = brokers.value.filter(({ state }) => state === 'running').length
  const rows = partitions.value
  const controller = controllerOf(now.value.story)
  const small = rows.filter(({ isr, replicas }) => isr.length < replicas.length).length
  const leaderless = rows.filter(
    ({ leader, replicas }) => !replicas.some(({ broker, isUp }) => broker === leader && isUp),
  ).length
  const item = (isGood: boolean, text: string): JSX.Element => (
    <li class={`word ${isGood ? 'good' : 'bad'}`}>
      <span aria-hidden="true">{isGood ? '✓' : '✕'}</span> {text}
    </li>
  )
  return (
    <ul class="strip" aria-label="How the cluster is">
      {item(
        running === brokers.value.length,
        `${running}/${count(brokers.value.length, 'broker')}`,
      )}
      {item(controller >= 0, controller < 0 ? 'no controller' : `controller ${controller}`)}
      {item(small === 0, `${small} under-replicated`)}
      {item(leaderless === 0, `${leaderless} without leader`)}
    </ul>
  )
}

/** What changed, in words, for those who listen: at most one message in two seconds. */
const spoken = signal('')
let lastSpoken = 0
let before = new Map<string, string>()
effect(() => {
  if (!isLive.value) return
  const states = new Map<string, string>()
  for (const { id, state } of brokers.value) states.set(`Broker ${id}`, state)
  const controller = controllerOf(now.value.story)
  if (controller >= 0) states.set('Controller', `broker ${controller}`)
  let moved = 0
  for (const { topic, partition, leader } of partitions.value) {
    const key = `leader ${topic}-${partition}`
    states.set(key, String(leader))
    if (before.has(key) && before.get(key) !== String(leader)) moved++
  }
  const changes = [...states].filter(
    ([what, state]) =>
      !what.startsWith('leader ') && before.has(what) && before.get(what) !== state,
  )
  if (changes.length === 0 && moved === 0) {
    if (before.size === 0) before = states
    return
  }
  if (Date.now() - lastSpoken < 2000) return
  before = states
  lastSpoken = Date.now()
  const words = changes.map(([what, state]) => `${what}: ${state}.`)
  if (moved > 0) words.push(`${count(moved, 'partition')} changed leader.`)
  spoken.value = words.join(' ')
})

const keysAreOn = signal(localStorage.getItem('keys') !== 'off')

const keys: readonly (readonly [key: string, what: string, run: () => void])[] = [
  ['p', 'pause or play', togglePlay],
  ['l', 'live', () => lookAt(null)],
  ['[', 'to the mark before', () => stepBy(-1, 'mark')],
  [']', 'to the next mark', () => stepBy(1, 'mark')],
  [',', 'one step back', () => stepBy(-1)],
  ['.', 'one step on', () => stepBy(1)],
]

function Help(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if (
        /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) &&
        target.getAttribute('type') !== 'range'
      )
        return
      if (event.key === '?') {
        dialog.current?.showModal()
        return
      }
      if (!keysAreOn.value || dialog.current?.open) return
      const found = keys.find(([key]) => key === event.key)
      if (found === undefined) return
      event.preventDefault()
      found[2]()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  return (
    <>
      <button type="button" class="help" onClick={() => dialog.current?.showModal()}>
        <span aria-hidden="true">?</span>
        <span class="visually-hidden">Keys</span>
      </button>
      <dialog ref={dialog} aria-labelledby="keys">
        <h2 id="keys">Keys</h2>
        <dl>
          {keys.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
          <div>
            <dt>
              <kbd>?</kbd>
            </dt>
            <dd>this</dd>
          </div>
        </dl>
        <label>
          <input
            type="checkbox"
            checked={keysAreOn.value}
            onChange={event => {
              keysAreOn.value = event.currentTarget.checked
              localStorage.setItem('keys', keysAreOn.value ? 'on' : 'off')
            }}
          />{' '}
          single keys do this
        </label>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  )
}

export function App(): JSX.Element {
  const found = views[current.value]
  const isActor = view.value === 'actor'
  const title = found?.title ?? 'Not found'
  const isFile = source.value?.kind === 'file'
  useEffect(() => {
    document.title = `${title} · Samsa`
  }, [title])
  useEffect(() => {
    if (source.value?.kind === 'cluster') loadFaultKinds().catch(() => {})
  }, [source.value])
  const View = found?.View
  return (
    <>
      <button
        type="button"
        class="skip"
        onClick={() => document.getElementById('content')?.focus()}
      >
        To the content
      </button>
      <header>
        <div class="brand">
          <strong>Samsa</strong>
          {isFile && <span class="faint">{source.value?.name}</span>}
        </div>
        <nav aria-label="Views">
          <ul>
            {Object.entries(views).map(([name, { title: text }]) => (
              <li key={name}>
                <a href={linkTo(name)} aria-current={current.value === name ? 'page' : undefined}>
                  {text}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <Strip />
        <Help />
      </header>
      {connection.value === 'lost' && (
        <section class="lost" aria-label="Connection">
          <p role="alert">The cluster does not answer: what you see is the last of it.</p>
        </section>
      )}
      {!isLive.value && !isFile && (
        <section class="past-note" aria-label="The past">
          You look at the past.{' '}
          <button type="button" onClick={() => lookAt(null)}>
            Return to live
          </button>
        </section>
      )}
      <main id="content" tabIndex={-1}>
        {connection.value === 'connecting' ? (
          <p class="empty">Connecting …</p>
        ) : isActor ? (
          <ActorView />
        ) : View === undefined ? (
          <p class="empty">There is no view “{view.value}”.</p>
        ) : (
          <View />
        )}
      </main>
      <footer>
        <p class={outcome.value?.isError ? 'outcome word bad' : 'outcome'} role="status">
          {outcome.value === null
            ? ''
            : `${outcome.value.isError ? '⚠ ' : ''}${outcome.value.text}`}
        </p>
        <p class="visually-hidden" role="status" aria-live="polite">
          {spoken.value}
        </p>
        <TimeBar />
      </footer>
    </>
  )
}
