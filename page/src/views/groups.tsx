import type { JSX } from 'preact'
import { count } from '../format.ts'
import { rest } from '../model/route.ts'
import { now } from '../model/time.ts'
import { ActorLink, Empty, ViewHead, Wide } from '../parts.tsx'
import { partitions } from './map.tsx'

interface Member {
  readonly memberId: string
  readonly clientId: string
  readonly clientHost: string
}

interface Row {
  readonly name: string
  readonly committed: number | null
  readonly end: number | null
  readonly owner: string | null
}

/** A group as its coordinator has it, or as its offsets are all that is left of it. */
function Group({ id }: { readonly id: string }): JSX.Element {
  const { story } = now.value
  const actor = [...story.actors.values()].find(
    ({ path, status }) => status === 'running' && path.endsWith(`/group/${id}`),
  )
  const members = Object.values((actor?.context.members ?? {}) as Readonly<Record<string, Member>>)
  const assigned = (story.samples.get(`assigned ${id}`) ?? {}) as Record<string, readonly string[]>
  const committed = story.committed.get(id) ?? {}
  const ends = new Map(
    partitions.value.map(({ topic, partition, leader, replicas }) => [
      `${topic}-${partition}`,
      replicas.find(({ broker }) => broker === leader)?.highWatermark ?? null,
    ]),
  )
  const names = new Set([...Object.keys(committed), ...Object.values(assigned).flat()])
  const rows: readonly Row[] = [...names].sort().map(name => ({
    name,
    committed: committed[name]?.offset ?? null,
    end: ends.get(name) ?? null,
    owner: Object.keys(assigned).find(member => assigned[member]?.includes(name)) ?? null,
  }))
  const coordinator = actor?.path.split('/')[0]
  return (
    <section class="card group" aria-labelledby={`group-${id}`}>
      <h2 id={`group-${id}`}>{id}</h2>
      <dl>
        <dt>State</dt>
        <dd>
          {actor === undefined ? (
            <span class="word warn">⚠ no coordinator has it</span>
          ) : (
            <ActorLink path={actor.path}>{actor.state}</ActorLink>
          )}
        </dd>
        <dt>Generation</dt>
        <dd>{String(actor?.context.generationId ?? 'none')}</dd>
        <dt>Coordinator</dt>
        <dd>{coordinator ?? 'none'}</dd>
      </dl>
      <h3>{count(members.length, 'member')}</h3>
      {members.length > 0 && (
        <ul class="members">
          {members.map(({ memberId, clientId, clientHost }) => (
            <li key={memberId}>
              <b>{clientId}</b> <span class="faint">{clientHost}</span>
              {actor?.context.leader === memberId && <span class="badge">leader</span>}
              <br />
              {assigned[memberId] === undefined ? (
                <span class="faint">assignment not looked up</span>
              ) : assigned[memberId].length === 0 ? (
                <span class="faint">no partition</span>
              ) : (
                assigned[memberId].join(', ')
              )}
            </li>
          ))}
        </ul>
      )}
      <Wide label={`Offsets of ${id}`}>
        <table>
          <caption class="visually-hidden">Committed offsets and lag of {id}</caption>
          <thead>
            <tr>
              <th scope="col">Partition</th>
              <th scope="col" title="The next record that the group would read after a restart">
                Committed
              </th>
              <th scope="col" title="The high watermark of its leader: what can be read ends here">
                End
              </th>
              <th scope="col" title="End less committed">
                Lag
              </th>
              <th scope="col">Read by</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                <td class="number">{row.committed ?? <span class="word warn">no commit</span>}</td>
                <td class="number">{row.end ?? 'unknown'}</td>
                <td class="number">
                  {row.committed === null || row.end === null ? (
                    <span class="faint">unknown</span>
                  ) : (
                    Math.max(0, row.end - row.committed)
                  )}
                </td>
                <td>
                  {members.find(({ memberId }) => memberId === row.owner)?.clientId ?? (
                    <span class="faint">nobody</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
      {rows.length === 0 && <p class="faint">Nothing is committed or assigned yet.</p>}
    </section>
  )
}

export function GroupsView(): JSX.Element {
  const { story } = now.value
  const ids = new Set(story.committed.keys())
  for (const { path, status } of story.actors.values()) {
    const [, id] = /^broker-\d+\/group\/(.*)$/.exec(path) ?? []
    if (id !== undefined && status === 'running') ids.add(id)
  }
  const shown = [...ids].sort().filter(id => rest.value === '' || rest.value === id)
  return (
    <>
      <ViewHead title="Consumer groups" />
      {shown.length === 0 ? (
        <Empty>No consumer has asked a coordinator for a group yet.</Empty>
      ) : (
        <div class="cards two">
          {shown.map(id => (
            <Group key={id} id={id} />
          ))}
        </div>
      )}
    </>
  )
}
