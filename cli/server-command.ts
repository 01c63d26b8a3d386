/** What the commands have in common that serve until Ctrl-C: `up`, `broker`, `zookeeper`. */
import { InvalidArgumentError, Option } from 'commander'
import type { TraceEntry } from '../actors/trace.ts'

/** A parser of whole numbers in a range. */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text === '' || !Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is expected.`)
    return value
  }

export const port = whole(0, 65_535)

function collectOverride(text: string, overrides: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('key=value is expected, e.g. num.partitions=3.')
  return { ...overrides, [text.slice(0, at)]: text.slice(at + 1) }
}

/** `--override key=value`, as often as one likes. @param of whose configuration */
export const overrideOption = (of: string): Option =>
  new Option('--override <key=value>', `${of}; may be given again`)
    .argParser(collectOverride)
    .default({}, 'none')

export const profileOption = (): Option =>
  new Option('--profile <profile>', 'timeouts for tests, or the defaults of Kafka')
    .choices(['fast', 'kafka'])
    .default('fast')

export const jsonOption = (): Option =>
  new Option('--json', 'print one line of JSON on stdout when ready')

export const traceOption = (): Option =>
  new Option('--trace <file>', 'write the whole story into a file, one line of JSON each')

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export const interrupted = (): Promise<void> =>
  new Promise(resolve => {
    const stop = (): void => {
      process.once('SIGINT', () => process.exit(130))
      process.once('SIGTERM', () => process.exit(143))
      resolve()
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
  })

/** A listener's failure in words: which port, and what to do. @param options those that choose a port */
export function explain(error: unknown, options: string): Error {
  const { message } = error as Error
  const taken = /EADDRINUSE.*?(\d+)\D*$|port (\d+)\b.*\btaken/.exec(message)
  if (taken === null) return error as Error
  return new Error(
    `port ${taken[1] ?? taken[2]} is taken: end what listens there, or choose another with ${options} (0: any free one)`,
  )
}

/** Tells of elections, deaths and restarts while something runs: the story in a few lines. */
export function narrate({ kind, path, type, detail }: TraceEntry): void {
  if (kind === 'node') console.error(`${path}: ${type}`)
  else if (
    kind === 'znode' &&
    type === 'deleted' &&
    /^\/(brokers\/ids\/|controller$)/.test(String(detail.path))
  )
    console.error(`zookeeper: deleted ${detail.path}`)
  else if (kind === 'state' && type === 'registering.waiting')
    console.error(`${path}: another session has its znode; waits for that to end`)
  else if (kind === 'note' && detail.error !== undefined)
    console.error(`${path}: ${type}: ${detail.error}`)
}

/** Says that all is ready: on stdout for programs, on stderr for people. @param lines of the latter, the first one first */
export function sayReady(json: boolean, ready: object, lines: readonly string[]): void {
  if (json) console.log(JSON.stringify({ ready: true, ...ready }))
  else console.error([...lines, 'Ctrl-C stops it.'].join('\n'))
}
