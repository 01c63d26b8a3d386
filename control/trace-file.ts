import { closeSync, openSync, writeSync } from 'node:fs'
import type { Trace, TraceEntry } from '../actors/trace.ts'

/** What is held back for one write: a write a line would cost more than the line. */
const heldBytesMax = 64 * 1024

/** No line is held back longer, ms: whoever follows the file sees it grow. */
const heldMsMax = 200

/** A trace on its way into a file, one line of JSON each (NDJSON). */
export interface TraceFile {
  /** Writes what the trace still keeps, then every line from now on. */
  follow(trace: Pick<Trace, 'kept' | 'entries'>): void
  /** Writes what is held back, and ends. May be called again. */
  close(): void
}

/**
 * Opens a file for a trace; what it held before is gone. Written in pieces of up to 64 KiB and synchronously, so that a slow disk
 * holds up the cluster and never fills the memory, and the last lines are there when the process exits by itself in whatever way.
 *
 * @param options.failed told once when a line cannot be written (a full disk); the rest of the story is then missing.
 * @throws the system's error (`code` ENOENT, EACCES …) where it cannot be opened.
 */
export function openTraceFile(path: string, options: { failed(error: Error): void }): TraceFile {
  const file = openSync(path, 'w')
  let held: string[] = []
  let heldLength = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let unsubscribe = (): void => {}

  const write = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (heldLength === 0) return
    const bytes = Buffer.from(held.join(''), 'utf8')
    held = []
    heldLength = 0
    // One call may write a part only.
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
  }
  const attempt = (): void => {
    try {
      write()
    } catch (error) {
      end()
      options.failed(error as Error)
    }
  }
  const end = (): void => {
    if (closed) return
    closed = true
    clearTimeout(timer)
    unsubscribe()
    process.off('exit', close)
    closeSync(file)
  }
  const close = (): void => {
    if (closed) return
    attempt()
    end()
  }
  const take = (entry: TraceEntry): void => {
    const line = `${JSON.stringify(entry)}\n`
    held.push(line)
    heldLength += line.length
    if (heldLength >= heldBytesMax) attempt()
    else timer ??= setTimeout(attempt, heldMsMax).unref()
  }
  process.on('exit', close)
  return {
    follow(trace) {
      for (const entry of trace.kept) if (!closed) take(entry)
      if (closed) return
      const subscription = trace.entries.subscribe(take)
      unsubscribe = () => subscription.unsubscribe()
    },
    close,
  }
}
