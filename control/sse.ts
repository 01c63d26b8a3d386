import type { IncomingMessage, ServerResponse } from 'node:http'

/** Bytes that may wait for a slow reader; past it the reader is dropped, and may come back. */
const waitingBytesMax = 64 * 1024 * 1024

/** A reader that hears nothing for minutes takes the connection for dead: a comment now and then, ms. */
const heartbeatMs = 30_000

/** Server-sent events on their way to one reader. */
export interface EventStream {
  /** @param id what the reader names when it comes back (`Last-Event-ID`) */
  write(name: string, data: unknown, id?: number): void
  end(): void
}

/** @param closed the reader has gone */
export function openEventStream(response: ServerResponse, closed: () => void): EventStream {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.flushHeaders()
  const heartbeat = setInterval(() => void response.write(':\n\n'), heartbeatMs)
  response.on('close', () => {
    clearInterval(heartbeat)
    closed()
  })
  return {
    write(name, data, id) {
      if (response.writableLength > waitingBytesMax) {
        response.destroy()
        return
      }
      const head = id === undefined ? '' : `id: ${id}\n`
      response.write(`${head}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    end: () => response.end(),
  }
}

/** The last line that the reader has: it says so when it comes back, or in the address. NaN where it has none. */
export function sinceOf(request: IncomingMessage): number {
  const { searchParams } = new URL(request.url ?? '/', 'http://control')
  return Number(request.headers['last-event-id'] ?? searchParams.get('since') ?? Number.NaN)
}
