/** A line of the trace as it comes over HTTP or out of a file: what `actors/trace.ts` writes. */
export interface Line {
  readonly seq: number
  readonly atMs: number
  readonly path: string
  readonly kind: string
  readonly type: string
  readonly cause: number | null
  readonly detail: Readonly<Record<string, unknown>>
}

const isLine = (value: unknown): value is Line => {
  const line = value as Partial<Line> | null
  return (
    typeof line === 'object' &&
    line !== null &&
    Number.isSafeInteger(line.seq) &&
    typeof line.atMs === 'number' &&
    typeof line.path === 'string' &&
    typeof line.kind === 'string' &&
    typeof line.type === 'string' &&
    (line.cause === null || Number.isSafeInteger(line.cause)) &&
    typeof line.detail === 'object' &&
    line.detail !== null
  )
}

/**
 * One line of a trace file.
 *
 * @throws SyntaxError where it is no line of a trace
 */
export function parseLine(text: string): Line {
  const value: unknown = JSON.parse(text)
  if (!isLine(value)) throw new SyntaxError(`not a line of a trace: ${text.slice(0, 80)}`)
  return value
}
