/** Where the page is: `#/actor/broker-1/controller?at=812&view=graph`. Everything that is looked at is in it. */
import { computed, signal } from '@preact/signals'

const hash = signal(location.hash)
addEventListener('hashchange', () => {
  hash.value = location.hash
})

const parts = computed(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?')
  return { path, params: new URLSearchParams(query) }
})

/** `actor`; `map` where nothing is said. */
export const view = computed(() => parts.value.path.split('/', 1)[0] || 'map')

/** What comes after: `broker-1/controller`. */
export const rest = computed(() =>
  parts.value.path.split('/').slice(1).map(decodeURIComponent).join('/'),
)

export const param = (name: string): string | null => parts.value.params.get(name)

/** A link to a view: the position in time goes with it, other parameters stay behind. */
export function linkTo(
  path: string,
  params: Readonly<Record<string, string | number | null>> = {},
): string {
  const query = new URLSearchParams()
  const at = param('at')
  if (at !== null) query.set('at', at)
  for (const [name, value] of Object.entries(params))
    if (value === null) query.delete(name)
    else query.set(name, String(value))
  const text = query.toString()
  return `#/${path.split('/').map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`
}

/** Changes parameters of the view one is in; null takes one away. The way back leads past it. */
export function setParams(changes: Readonly<Record<string, string | null>>): void {
  const params = new URLSearchParams(parts.value.params)
  for (const [name, value] of Object.entries(changes))
    if (value === null || value === '') params.delete(name)
    else params.set(name, value)
  const query = params.toString()
  const next = `#/${parts.value.path}${query === '' ? '' : `?${query}`}`
  history.replaceState(null, '', next)
  hash.value = next
}
