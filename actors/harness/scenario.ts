/**
 * A scenario: what is done to a cluster, line by line, and what then happened. It is a test, a guided tour and documentation at once.
 *
 * ```
 * # Leader dies
 * # What it is about.
 *
 * # A sentence for the step.
 * > kill broker 3
 *     what happened, as it was told
 * ```
 *
 * Lines that begin with `#` are for the reader, `>` is what is done, and what is indented is what happened: the run compares it, or writes it.
 */
export interface Scenario {
  /** Of its file, without the ending: `leader-dies`. */
  readonly name: string
  readonly title: string
  /** What it is about. */
  readonly summary: string
  readonly steps: readonly ScenarioStep[]
  readonly lines: readonly string[]
}

export interface ScenarioStep {
  /** What the reader is told before it. */
  readonly prose: string
  readonly command: string
  /** In the file, from 1. */
  readonly line: number
  /** What happens, as the file has it. */
  readonly outcome: readonly string[]
}

/** The file is no scenario, or a step of it cannot be done: the message says where. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
}

const indent = '    '

/** @throws ScenarioError with the line that is none */
export function parseScenario(name: string, text: string): Scenario {
  const lines = text.replace(/\n+$/, '').split('\n')
  const steps: (ScenarioStep & { outcome: string[] })[] = []
  const paragraphs: string[][] = [[]]
  let prose: string[] = []
  for (const [at, line] of lines.entries()) {
    if (line.startsWith('#')) {
      const said = line.replace(/^# ?/, '')
      if (steps.length === 0) paragraphs.at(-1)?.push(said)
      prose.push(said)
    } else if (line.startsWith('> ')) {
      const command = line.slice(2).trim()
      steps.push({ prose: prose.join(' '), command, line: at + 1, outcome: [] })
      prose = []
    } else if (line.startsWith(indent) && steps.length > 0)
      steps.at(-1)?.outcome.push(line.slice(indent.length))
    else if (line === '') {
      prose = []
      if (steps.length === 0) paragraphs.push([])
    } else
      throw new ScenarioError(
        `${name}.txt:${at + 1}: "${line}" is neither prose (#), nor a command (>), nor indented as what happened`,
      )
  }
  const [[title, ...summary] = []] = paragraphs
  if (title === undefined || steps.length === 0)
    throw new ScenarioError(`${name}.txt: a scenario has a title (# …) and steps (> …)`)
  return { name, title, summary: summary.join(' '), steps, lines }
}

/** The file anew, with what happened this time. @param outcomes one for each step */
export function printScenario(
  { lines }: Scenario,
  outcomes: readonly (readonly string[])[],
): string {
  let at = 0
  const printed = lines.flatMap(line => {
    if (line.startsWith(indent)) return []
    if (!line.startsWith('> ')) return [line]
    return [line, ...(outcomes[at++] ?? []).map(told => indent + told)]
  })
  return `${printed.join('\n')}\n`
}
