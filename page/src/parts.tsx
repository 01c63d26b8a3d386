/** Small parts that several views are made of. */
import type { ComponentChildren, JSX } from 'preact'
import { linkTo } from './model/route.ts'

/** A state of a node, with a sign of its own: never by colour alone. */
const signs: Readonly<Record<string, readonly [sign: string, tone: string]>> = {
  running: ['●', 'good'],
  starting: ['◔', 'busy'],
  stopping: ['◑', 'busy'],
  paused: ['‖', 'warn'],
  killed: ['✕', 'bad'],
  stopped: ['○', 'quiet'],
  failed: ['⚠', 'bad'],
}

export function NodeState({ state }: { readonly state: string }): JSX.Element {
  const [sign, tone] = signs[state] ?? ['·', 'quiet']
  return (
    <span class={`word ${tone}`}>
      <span aria-hidden="true">{sign}</span> {state}
    </span>
  )
}

export function ActorLink(props: {
  readonly path: string
  readonly children?: ComponentChildren
  readonly title?: string
}): JSX.Element {
  return (
    <a
      href={linkTo(`actor/${props.path}`)}
      title={props.title ?? `The statechart of ${props.path}`}
    >
      {props.children ?? props.path}
    </a>
  )
}

/** A heading with the sentence that says what is seen. */
export function ViewHead(props: {
  readonly title: string
  readonly children?: ComponentChildren
}): JSX.Element {
  return (
    <div class="view-head">
      <h1>{props.title}</h1>
      {props.children}
    </div>
  )
}

export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>
}

/** A wide thing that scrolls by itself, also by keyboard. */
export function Wide(props: {
  readonly label: string
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <div class="wide" role="region" aria-label={props.label} tabIndex={0}>
      {props.children}
    </div>
  )
}
