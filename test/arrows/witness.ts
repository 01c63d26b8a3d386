import { simulate } from '../../actors/harness/run.ts'

/** What may notice that an arrow is missing: a simulated seed, or a test that is no chart's own. */
export type Witness =
  | { readonly kind: 'seed'; readonly seed: number; readonly chaosMs: number }
  | { readonly kind: 'test'; readonly test: string }

export const nameOf = (witness: Witness): string =>
  witness.kind === 'seed' ? `seed ${witness.seed}` : witness.test

const firstLine = (text: string): string => (text.split('\n', 1)[0] as string).trim()

/** Runs a seed: what was wrong with it, null where nothing was. */
export async function runSeed(seed: number, chaosMs: number): Promise<string | null> {
  // What is thrown where nobody catches it is noticed as well.
  const thrown: unknown[] = []
  const caught = (error: unknown): void => {
    thrown.push(error)
  }
  process.on('uncaughtException', caught)
  process.on('unhandledRejection', caught)
  try {
    const { violations, anomalies } = await simulate({ seed, chaosMs })
    await new Promise(resolve => setImmediate(resolve))
    const [violation] = violations
    const [anomaly] = anomalies
    if (violation !== undefined) return `${violation.spec}: ${firstLine(violation.text)}`
    if (anomaly !== undefined) return `${anomaly.kind}: ${firstLine(anomaly.text)}`
    return thrown.length === 0 ? null : `thrown: ${firstLine(String(thrown[0]))}`
  } catch (error) {
    return `thrown: ${firstLine(String(error))}`
  } finally {
    process.off('uncaughtException', caught)
    process.off('unhandledRejection', caught)
  }
}
