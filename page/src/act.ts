/** What the page asks the cluster to do, and what came of it. */
import { signal } from '@preact/signals'
import { isLive, source } from './model/time.ts'

/** The last thing that was asked for, in a sentence. */
export const outcome = signal<{ readonly text: string; readonly isError: boolean } | null>(null)

/** What can be done, by its name on the command line, with what it does. */
export const faultKinds = signal<Readonly<Record<string, string>>>({})

export async function ask(path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(
    path,
    body === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
  )
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(String(answer.error ?? response.status))
  return answer
}

export async function loadFaultKinds(): Promise<void> {
  const { kinds, descriptions } = (await ask('/api/faults')) as {
    kinds: readonly string[]
    descriptions: Readonly<Record<string, string>>
  }
  faultKinds.value = Object.fromEntries(kinds.map(kind => [kind, descriptions[kind] ?? '']))
}

/** Brokers with a fault under way: `kill 2`. */
export const underWay = signal<ReadonlySet<string>>(new Set())

/** What is done to one broker, of all that can be done. */
export const brokerFaults = (): readonly string[] =>
  Object.keys(faultKinds.value).filter(kind => !['partition', 'latency', 'heal'].includes(kind))

/** @param broker null for what is done to the whole cluster */
export async function inflict(fault: string, broker: number | null): Promise<void> {
  const what = `${fault} ${broker}`
  const whom = broker === null ? 'lines' : `broker ${broker}`
  underWay.value = new Set([...underWay.value, what])
  outcome.value = { text: `${whom}: ${fault} …`, isError: false }
  try {
    const { state } = await ask('/api/faults', { fault, ...(broker === null ? {} : { broker }) })
    const now = state === undefined ? '' : `, it is ${state}`
    outcome.value = { text: `${whom}: ${fault} done${now}`, isError: false }
  } catch (error) {
    outcome.value = { text: (error as Error).message, isError: true }
  } finally {
    underWay.value = new Set([...underWay.value].filter(other => other !== what))
  }
}

/** Where a broker's state does not allow a fault, or the page does not look at now: why. Null where it does. */
export function refusal(fault: string, state: string): string | null {
  if (source.value?.kind === 'file') return 'this is a recording'
  if (!isLive.value) return 'return to live first'
  const allowed: Readonly<Record<string, readonly string[]>> = {
    kill: ['starting', 'running', 'paused', 'stopping'],
    stop: ['running'],
    restart: ['running', 'paused', 'killed', 'stopped', 'failed'],
    pause: ['running'],
    resume: ['paused'],
    'expire-session': ['running', 'paused', 'starting'],
  }
  const states = allowed[fault]
  return states === undefined || states.includes(state) ? null : `it is ${state}`
}

/** The same on the command line. */
export const commandLine = (command: string): string => `npx samsa ${command}`

/** What command lines need besides, where the control port is not the default one; null where it is. */
export function controlOption(): string | null {
  const control = source.value?.control ?? ''
  return control === '' || control.endsWith(':9080') ? null : `--control ${control}`
}
