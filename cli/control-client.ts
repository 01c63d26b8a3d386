import type { Command } from 'commander'

export const defaultControlUrl = 'http://127.0.0.1:9080'

/** The option of every command that talks to a running cluster. */
export const withControl = (command: Command): Command =>
  command.option('--control <url>', 'the control address of a running cluster', defaultControlUrl)

/** Asks a running cluster. @throws Error that says what, why and what to do. */
export async function askControl(control: string, path: string, body?: unknown): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(new URL(path, control), {
      ...(body === undefined
        ? {}
        : {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          }),
    })
  } catch (error) {
    const cause = (error as Error).cause as Error | undefined
    throw new Error(
      `no cluster answers at ${control} (${cause?.message ?? (error as Error).message}): start one with "samsa up", or name its control address with --control`,
    )
  }
  const text = await response.text()
  let answer: { error?: string }
  try {
    answer = JSON.parse(text)
  } catch {
    throw new Error(`what answers at ${control} is no samsa: it said ${text.slice(0, 80)}`)
  }
  if (!response.ok) throw new Error(answer.error ?? `${control} answered ${response.status}`)
  return answer
}
