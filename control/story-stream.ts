import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Trace, TraceEntry } from '../actors/trace.ts'
import type { Line } from '../story/line.ts'
import { Recording } from '../story/recording.ts'
import { toJson } from '../story/story.ts'
import { type EventStream, openEventStream, sinceOf } from './sse.ts'

/** Lines kept for pages that are opened later: some minutes of a cluster at work, 25 MB. */
const linesMax = 50_000

/** Lines that come within this time go in one message, ms: a page redraws no oftener. */
const batchMs = 50

/** Lines of one message: what a page takes in without a pause that can be felt. */
const batchLinesMax = 2000

/** What the page is told of where its story comes from. */
export interface StorySource {
  /** `cluster`: it goes on, and can be acted on; `file`: it has an end. */
  readonly kind: 'cluster' | 'file'
  /** The file's name, or the cluster's bootstrap servers. */
  readonly name: string
  /** The control address, for the command lines beside the buttons. */
  readonly control: string
}

/** The story as it is kept for pages: the lines, and what was before the first of them. */
export class StoryStream {
  readonly recording: Recording
  readonly #readers = new Map<EventStream, Line[]>()
  #timer: NodeJS.Timeout | undefined
  readonly #source: StorySource

  constructor(source: StorySource, recording = new Recording(undefined, linesMax)) {
    this.#source = source
    this.recording = recording
  }

  get isRead(): boolean {
    return this.#readers.size > 0
  }

  /** Takes in what a trace keeps, and every line from now on. */
  follow(trace: Pick<Trace, 'kept' | 'entries'>): () => void {
    for (const entry of trace.kept) this.#take(entry)
    const subscription = trace.entries.subscribe(entry => this.#take(entry))
    return () => {
      subscription.unsubscribe()
      clearTimeout(this.#timer)
    }
  }

  #take(line: TraceEntry): void {
    this.recording.add(line)
    if (this.#readers.size === 0) return
    for (const waiting of this.#readers.values()) waiting.push(line)
    this.#timer ??= setTimeout(() => this.#flush(), batchMs)
  }

  #flush(): void {
    this.#timer = undefined
    for (const [reader, waiting] of this.#readers) {
      if (waiting.length > 0) writeLines(reader, waiting)
      this.#readers.set(reader, [])
    }
  }

  /**
   * Server-sent events: `story` with the state before the first line that is kept (left out for a reader that comes back and
   * has missed nothing that is gone), `lines` with all that are kept, `end` where a file ends, else `live` and `lines` as they come.
   */
  stream(request: IncomingMessage, response: ServerResponse): void {
    const { recording } = this
    const since = sinceOf(request)
    const reader = openEventStream(response, () => void this.#readers.delete(reader))
    const { base, lines } = recording
    const goesOn = since >= base.seq && since <= recording.end.seq
    if (!goesOn) reader.write('story', { source: this.#source, story: toJson(base) }, base.seq)
    writeLines(reader, goesOn ? lines.slice(recording.indexOf(since + 1)) : lines)
    reader.write(this.#source.kind === 'file' ? 'end' : 'live', {})
    this.#readers.set(reader, [])
  }
}

function writeLines(reader: EventStream, lines: readonly Line[]): void {
  for (let at = 0; at < lines.length; at += batchLinesMax) {
    const batch = lines.slice(at, at + batchLinesMax)
    reader.write('lines', batch, batch.at(-1)?.seq)
  }
}
