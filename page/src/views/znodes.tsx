import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { ZnodeStory } from '../../../story/story.ts'
import { count } from '../format.ts'
import { sessionsOf } from '../model/cluster.ts'
import { linkTo, rest } from '../model/route.ts'
import { now } from '../model/time.ts'
import { ActorLink, Empty, ViewHead } from '../parts.tsx'

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'
const nameOf = (path: string): string =>
  path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1)

/** Closed by hand; the rest of the upper branches stand open. */
const closed = signal<ReadonlySet<string>>(new Set())
const opened = signal<ReadonlySet<string>>(new Set())

const without = (set: ReadonlySet<string>, path: string): ReadonlySet<string> =>
  new Set([...set].filter(other => other !== path))

function toggle(path: string, isOpen: boolean): void {
  closed.value = isOpen ? new Set([...closed.value, path]) : without(closed.value, path)
  opened.value = isOpen ? without(opened.value, path) : new Set([...opened.value, path])
}

interface Item {
  readonly path: string
  readonly level: number
  readonly children: number
  readonly isOpen: boolean
}

/** What is seen of the tree, from top to bottom. */
function itemsOf(znodes: ReadonlyMap<string, ZnodeStory>, selected: string): readonly Item[] {
  const children = new Map<string, string[]>()
  for (const path of znodes.keys()) {
    const parent = parentOf(path)
    children.set(parent, [...(children.get(parent) ?? []), path])
  }
  const items: Item[] = []
  const walk = (path: string, level: number): void => {
    const inner = (children.get(path) ?? []).sort()
    const holdsSelected = selected !== path && selected.startsWith(path === '/' ? '/' : `${path}/`)
    const isOpen =
      inner.length > 0 &&
      !closed.value.has(path) &&
      (opened.value.has(path) || holdsSelected || (level < 3 && inner.length <= 20))
    items.push({ path, level, children: inner.length, isOpen })
    if (isOpen) for (const child of inner) walk(child, level + 1)
  }
  walk('/', 1)
  return items
}

const href = (path: string): string => linkTo(`znodes${path === '/' ? '' : path}`)

function Detail({ path }: { readonly path: string }): JSX.Element {
  const { story } = now.value
  const znode = story.znodes.get(path)
  if (znode === undefined)
    return path === '/' ? (
      <Empty>Choose a znode on the left.</Empty>
    ) : (
      <Empty>There is no {path} at this time.</Empty>
    )
  const sessions = sessionsOf(story)
  const owner = sessions.find(({ id }) => id === znode.ephemeralOwner)
  const watchers = (story.samples.get(`watch ${path}`) ?? []) as readonly string[]
  let data = znode.data
  try {
    if (data !== null) data = JSON.stringify(JSON.parse(data), null, 2)
  } catch {
    // As it is.
  }
  return (
    <div class="znode">
      <h2>{path}</h2>
      <dl>
        <dt>Created at zxid</dt>
        <dd class="number">{znode.createdZxid}</dd>
        <dt>Changed at zxid</dt>
        <dd class="number">{znode.changedZxid}</dd>
        <dt>Version</dt>
        <dd class="number">{znode.version}</dd>
        <dt>Owner</dt>
        <dd>
          {znode.ephemeralOwner === '' ? (
            'none: it is persistent'
          ) : (
            <>
              ephemeral of{' '}
              <ActorLink path={`zookeeper/session/${znode.ephemeralOwner}`}>
                {znode.ephemeralOwner}
              </ActorLink>
              {owner !== undefined && owner.owner !== '' && ` (${owner.owner})`}
            </>
          )}
        </dd>
        <dt>Watched by</dt>
        <dd>
          {watchers.length === 0
            ? 'nobody, as far as was looked up'
            : watchers
                .map(session => sessions.find(({ id }) => id === session)?.owner || session)
                .join(', ')}
        </dd>
        <dt>Last change</dt>
        <dd>
          <a href={linkTo('events', { at: znode.seq })}>line {znode.seq}</a>
        </dd>
      </dl>
      <h3>Data</h3>
      {data === null ? (
        <p class="faint">None, or too long for the trace.</p>
      ) : data === '' ? (
        <p class="faint">Empty.</p>
      ) : (
        <pre>{data}</pre>
      )}
    </div>
  )
}

export function ZnodesView(): JSX.Element {
  const tree = useRef<HTMLUListElement>(null)
  const { story } = now.value
  const selected = rest.value === '' ? '/' : `/${rest.value}`
  const items = itemsOf(story.znodes, selected)
  const focusable = items.some(({ path }) => path === selected) ? selected : '/'
  // The focus goes with the choice, where it is in the tree.
  useLayoutEffect(() => {
    const chosen = tree.current?.querySelector<HTMLElement>('[tabindex="0"]')
    if (tree.current?.contains(document.activeElement)) chosen?.focus()
  }, [focusable])
  const go = (path: string | undefined): void => {
    if (path === undefined) return
    location.hash = href(path)
  }
  const onKey = (event: KeyboardEvent): void => {
    const at = items.findIndex(({ path }) => path === focusable)
    const item = items[at]
    if (item === undefined) return
    const next: Readonly<Record<string, () => void>> = {
      ArrowDown: () => go(items[at + 1]?.path),
      ArrowUp: () => go(items[at - 1]?.path),
      Home: () => go(items[0]?.path),
      End: () => go(items.at(-1)?.path),
      ArrowRight: () =>
        item.isOpen ? go(items[at + 1]?.path) : item.children > 0 && toggle(item.path, false),
      ArrowLeft: () =>
        item.isOpen ? toggle(item.path, true) : item.path !== '/' && go(parentOf(item.path)),
    }
    const run = next[event.key]
    if (run === undefined) return
    event.preventDefault()
    run()
  }
  return (
    <>
      <ViewHead title="Znodes">
        <span class="faint">{count(story.znodes.size, 'znode')}</span>
      </ViewHead>
      <div class="split">
        <ul class="tree card" role="tree" aria-label="Znodes" ref={tree} onKeyDown={onKey}>
          {items.map(({ path, level, children, isOpen }) => {
            const znode = story.znodes.get(path)
            const isEphemeral = znode !== undefined && znode.ephemeralOwner !== ''
            return (
              <li
                key={path}
                role="treeitem"
                aria-level={level}
                aria-selected={path === selected}
                {...(children > 0 ? { 'aria-expanded': isOpen } : {})}
                tabIndex={path === focusable ? 0 : -1}
                style={{ paddingLeft: `${(level - 1) * 16 + 4}px` }}
                onClick={() => {
                  if (children > 0 && path === selected) toggle(path, isOpen)
                  else go(path)
                }}
              >
                <span class="fold" aria-hidden="true">
                  {children === 0 ? '' : isOpen ? '▾' : '▸'}
                </span>
                {nameOf(path)}
                {isEphemeral && <span class="faint"> ephemeral</span>}
                {children > 0 && !isOpen && <span class="faint"> ({children})</span>}
              </li>
            )
          })}
        </ul>
        <section class="card" aria-label="The znode that is chosen">
          <Detail path={selected} />
        </section>
      </div>
    </>
  )
}
