/** Times and numbers as the page writes them. */

/** `3.2 s`, `480 ms`, `4 min` */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`
}

/** Since the beginning of the story: `12.418`, in seconds. */
export const sinceStart = (ms: number): string => (ms / 1000).toFixed(3)

/** `0x1a20…0002` */
export const shortSession = (id: string): string =>
  id.length > 11 ? `${id.slice(0, 6)}…${id.slice(-4)}` : id

/** A value of a context in one line. */
export function inline(value: unknown, lettersMax = 120): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > lettersMax ? `${text.slice(0, lettersMax - 1)}…` : text
}

export const count = (n: number, one: string, more = `${one}s`): string =>
  `${n} ${n === 1 ? one : more}`
