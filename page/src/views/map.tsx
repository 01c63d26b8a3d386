import { computed } from '@preact/signals'
import type { JSX } from 'preact'
import {
  brokerFaults,
  commandLine,
  controlOption,
  faultKinds,
  inflict,
  refusal,
  underWay,
} from '../act.ts'
import { count, duration, shortSession } from '../format.ts'
import {
  type Broker,
  brokersOf,
  type Partition,
  partitionsOf,
  type Replica,
  sessionsOf,
} from '../model/cluster.ts'
import { linkTo, param, setParams } from '../model/route.ts'
import { isLive, now } from '../model/time.ts'
import { ActorLink, Empty, NodeState, ViewHead, Wide } from '../parts.tsx'

export const partitions = computed(() => partitionsOf(now.value.story, now.value.atMs))
export const brokers = computed(() => brokersOf(now.value.story, partitions.value))

const label = (fault: string): string => {
  const words = fault.replaceAll('-', ' ')
  return words[0]?.toUpperCase() + words.slice(1)
}

function FaultButton(props: { readonly fault: string; readonly broker: Broker }): JSX.Element {
  const { fault, broker } = props
  const why = refusal(fault, broker.state)
  const isUnderWay = underWay.value.has(`${fault} ${broker.id}`)
  return (
    <li>
      <button
        type="button"
        disabled={why !== null || isUnderWay}
        title={why ?? faultKinds.value[fault] ?? ''}
        aria-label={`${label(fault)} broker ${broker.id}`}
        onClick={() => void inflict(fault, broker.id)}
      >
        {label(fault)}
      </button>
      <code>{commandLine(`fault ${fault} ${broker.id}`)}</code>
    </li>
  )
}

function BrokerCard({ broker }: { readonly broker: Broker }): JSX.Element {
  const { id, state, sinceMs, isController, leads, replicas } = broker
  const { atMs } = now.value
  return (
    <section class={`card broker ${state}`} aria-labelledby={`broker-${id}`}>
      <h2 id={`broker-${id}`}>
        <ActorLink path={`broker-${id}`}>Broker {id}</ActorLink>
        {isController && (
          <span class="badge">
            <span aria-hidden="true">♛</span> controller
          </span>
        )}
      </h2>
      <p>
        <NodeState state={state} /> <span class="faint">for {duration(atMs - sinceMs)}</span>
      </p>
      <dl>
        <dt>Address</dt>
        <dd>{broker.endpoint ?? 'no znode'}</dd>
        <dt>Chart</dt>
        <dd>{broker.chart ?? 'no process'}</dd>
        <dt>Leads</dt>
        <dd>
          {leads} of {count(replicas, 'replica')}
        </dd>
        <dt>Controller</dt>
        <dd>
          <ActorLink path={`broker-${id}/controller`}>
            {now.value.story.actors.get(`broker-${id}/controller`)?.state || 'none'}
          </ActorLink>
        </dd>
      </dl>
      {broker.error !== null && <p class="word bad">⚠ {broker.error}</p>}
      <ul class="faults">
        {brokerFaults().map(fault => (
          <FaultButton key={fault} fault={fault} broker={broker} />
        ))}
      </ul>
    </section>
  )
}

function Sessions(): JSX.Element {
  const { story, atMs } = now.value
  const sessions = sessionsOf(story)
  const state = story.nodes.get('zookeeper')?.state ?? 'unknown'
  const isPast = sessions.every(({ expiresAtMs }) => expiresAtMs === null)
  return (
    <section class="card zookeeper" aria-labelledby="zookeeper">
      <h2 id="zookeeper">
        <a href={linkTo('znodes')}>ZooKeeper</a>
      </h2>
      <p>
        <NodeState state={state} />{' '}
        <span class="faint">
          {count(story.znodes.size, 'znode')}, {count(sessions.length, 'session')}
        </span>
      </p>
      <Wide label="Sessions of ZooKeeper">
        <table class="sessions">
          <caption class="visually-hidden">Sessions of ZooKeeper</caption>
          <thead>
            <tr>
              <th scope="col">Session</th>
              <th scope="col">Of</th>
              <th scope="col">State</th>
              <th scope="col" title="Until it expires if nothing is heard of it">
                Time left
              </th>
              <th scope="col">Ephemeral znodes</th>
              <th scope="col">Watches</th>
            </tr>
          </thead>
          <tbody>
            {sessions.map(session => {
              const left =
                session.expiresAtMs === null ? null : Math.max(0, session.expiresAtMs - atMs)
              return (
                <tr key={session.id}>
                  <th scope="row">
                    <ActorLink path={`zookeeper/session/${session.id}`} title={session.id}>
                      {shortSession(session.id)}
                    </ActorLink>
                  </th>
                  <td>{session.owner}</td>
                  <td>{session.state}</td>
                  <td class="left">
                    {left === null ? (
                      <span class="faint">not looked up</span>
                    ) : (
                      <>
                        <meter
                          aria-hidden="true"
                          min={0}
                          max={session.timeoutMs}
                          low={session.timeoutMs / 3}
                          value={left}
                        />
                        <span class="number">{duration(left)}</span> of{' '}
                        {duration(session.timeoutMs)}
                      </>
                    )}
                  </td>
                  <td>{session.ephemerals.join(' ') || <span class="faint">none</span>}</td>
                  <td class="number">{session.watches}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Wide>
      {isPast && sessions.length > 0 && (
        <p class="faint">Time left is looked up while a page is open; nobody looked then.</p>
      )}
    </section>
  )
}

/** From log start over the high watermark to the log end, on the scale of the longest replica. */
function Extent({
  replica,
  end,
}: {
  readonly replica: Replica
  readonly end: number
}): JSX.Element {
  const of = (offset: number): number => (end === 0 ? 0 : (100 * offset) / end)
  const { logStart, highWatermark, logEnd } = replica
  const [start, committed, last] = [of(logStart), of(highWatermark ?? 0), of(logEnd ?? 0)]
  return (
    <svg class="extent" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" width="100" height="8" />
      <rect class="committed" x={start} width={Math.max(0, committed - start)} height="8" />
      <rect
        class="uncommitted"
        x={Math.max(start, committed)}
        y="2.5"
        width={Math.max(0, last - Math.max(start, committed))}
        height="3"
      />
      {end > 0 && <rect class="watermark" x={Math.max(0, committed - 1)} width="1.2" height="8" />}
    </svg>
  )
}

function roleOf(replica: Replica): readonly [sign: string, word: string, tone: string] {
  const { role, chart, isUp, isDeposed } = replica
  if (!isUp) return role === 'leader' ? ['✕', 'Leader, down', 'bad'] : ['✕', 'Offline', 'bad']
  if (isDeposed) return ['⚠', 'Deposed leader', 'warn']
  if (chart?.startsWith('failed')) return ['⚠', 'Failed', 'bad']
  if (role === 'leader')
    return chart?.startsWith('leader') ? ['★', 'Leader', 'lead'] : ['☆', 'Leader to be', 'busy']
  return ['☆', 'Follower', 'follow']
}

function ReplicaCell(props: {
  readonly row: Partition
  readonly replica: Replica | undefined
}): JSX.Element {
  const { row, replica } = props
  if (replica === undefined) return <td class="none">–</td>
  const [sign, word, tone] = roleOf(replica)
  const path = `broker-${replica.broker}/partition/${row.topic}-${row.partition}`
  const behind = replica.behind !== null && replica.behind > 0 ? `, ${replica.behind} behind` : ''
  const isr = replica.isInIsr
    ? `in ISR${behind}`
    : `out of ISR${replica.lateMs === null ? '' : ` ${duration(replica.lateMs)}`}${behind}`
  return (
    <td class={`replica ${tone}`} data-role={replica.role} data-broker={replica.broker}>
      <div class="top">
        <ActorLink path={path}>
          <span class={`word ${tone}`}>
            <span aria-hidden="true">{word === 'Follower' ? '·' : sign}</span> {word}
          </span>
        </ActorLink>
        <span class={replica.isInIsr ? 'isr in' : 'isr out'}>
          <span aria-hidden="true">{replica.isInIsr ? '✓' : '✕'}</span> {isr}
        </span>
      </div>
      <Extent replica={replica} end={row.end} />
      <div class="offsets">
        <span title="log start offset">{replica.logStart}</span>
        <span title="high watermark: what consumers may read ends here">
          HW {replica.highWatermark ?? '–'}
        </span>
        <span title="log end offset: where the next record goes">LEO {replica.logEnd ?? '–'}</span>
        <span title="leader epoch that this replica knows">
          {replica.leaderEpoch === null ? 'no epoch' : `epoch ${replica.leaderEpoch}`}
        </span>
      </div>
    </td>
  )
}

function PartitionRow(props: { readonly row: Partition }): JSX.Element {
  const { row } = props
  const preferred = row.replicas[0]?.broker
  return (
    <tr data-partition={`${row.topic}-${row.partition}`}>
      <th scope="row">
        <span class="name">
          {row.topic}-{row.partition}
        </span>
        <span class="decided">
          {row.leader < 0 ? (
            <span class="word bad">✕ no leader</span>
          ) : (
            <>
              leader {row.leader}
              {preferred !== undefined && row.leader !== preferred && (
                <span title="The first of its replicas should lead it">
                  {' '}
                  (preferred {preferred})
                </span>
              )}
            </>
          )}
          {', '}epoch {row.leaderEpoch}, ISR {row.isr.join(',') || 'empty'}
        </span>
      </th>
      {brokers.value.map(({ id }) => (
        <ReplicaCell
          key={id}
          row={row}
          replica={row.replicas.find(({ broker }) => broker === id)}
        />
      ))}
    </tr>
  )
}

/** Faults that are active, and how often they have bitten. */
export const standingFaults = () =>
  [...now.value.story.samples].flatMap(([key, sample]) => {
    if (!key.startsWith('fault ')) return []
    const fault = sample as { what: string; fired: number; isActive: boolean }
    return fault.isActive ? [{ key, what: fault.what, fired: fault.fired }] : []
  })

const isInternal = (topic: string): boolean => topic.startsWith('__')

export function MapView(): JSX.Element {
  const showsInternal = param('internal') === '1'
  const rows = partitions.value.filter(({ topic }) => showsInternal || !isInternal(topic))
  const hidden = partitions.value.length - rows.length
  const standing = standingFaults()
  return (
    <>
      <ViewHead title="Cluster map">
        {controlOption() !== null && (
          <span class="faint">
            Command lines take <code>{controlOption()}</code> besides.
          </span>
        )}
      </ViewHead>
      <div class="cards">
        {brokers.value.map(broker => (
          <BrokerCard key={broker.id} broker={broker} />
        ))}
      </div>
      {standing.length > 0 && (
        <section class="card standing" aria-labelledby="standing">
          <h2 id="standing">Faults that stand</h2>
          <ul>
            {standing.map(({ key, what, fired }) => (
              <li key={key}>
                <span class="word bad">
                  <span aria-hidden="true">{/^(partition|isolate)/.test(what) ? '✂' : '⚠'}</span>{' '}
                  {/^(partition|isolate)/.test(what) ? 'lines cut: ' : ''}
                  {what}
                </span>{' '}
                <span class="faint">fired {fired}</span>
              </li>
            ))}
          </ul>
          <p class="command">
            <button
              type="button"
              disabled={!isLive.value}
              title={isLive.value ? faultKinds.value.heal : 'return to live first'}
              onClick={() => void inflict('heal', null)}
            >
              Heal all lines
            </button>{' '}
            <code>{commandLine('fault heal')}</code>
          </p>
        </section>
      )}
      <section aria-labelledby="partitions">
        <div class="section-head">
          <h2 id="partitions">Partitions</h2>
          <label>
            <input
              type="checkbox"
              checked={showsInternal}
              onChange={() => setParams({ internal: showsInternal ? null : '1' })}
            />{' '}
            internal topics{hidden > 0 ? ` (${hidden} partitions hidden)` : ''}
          </label>
        </div>
        {rows.length === 0 ? (
          <Empty>
            No partitions yet. <code>{commandLine('up --topic orders:3:3')}</code> begins with some.
          </Empty>
        ) : (
          <Wide label="Partitions and their replicas">
            <table class="map">
              <caption class="visually-hidden">
                Every partition with its replica on each broker
              </caption>
              <thead>
                <tr>
                  <th scope="col">Partition</th>
                  {brokers.value.map(({ id, state, isController }) => (
                    <th scope="col" key={id}>
                      Broker {id} <NodeState state={state} />
                      {isController && <span class="faint"> controller</span>}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map(row => (
                  <PartitionRow key={`${row.topic}-${row.partition}`} row={row} />
                ))}
              </tbody>
            </table>
          </Wide>
        )}
      </section>
      <Sessions />
    </>
  )
}
