/**
 * The least a Kafka broker on `node:net` can do: three listeners that read the frames and answer each with bytes made beforehand. Nothing is
 * decoded, checked, kept or replicated. What a cluster is measured against.
 *
 * Its parent sends, for each listener, the body of the answer to each API key, in base64; it says on which ports it listens before.
 */
import { createServer, type Server } from 'node:net'

/** Of each listener: API key → what follows the correlation id in an answer. */

export type FloorAnswers = readonly Readonly<Record<number, string>>[]

const listeners = 3
/** Length, API key, version and correlation id stand in the first bytes of a request. */
const startBytes = 12

let answers: Map<number, Buffer>[] = []

function serve(index: number): Server {
  return createServer({ noDelay: true }, socket => {
    const start = Buffer.alloc(startBytes)
    let started = 0
    let skip = 0
    socket.on('error', () => {})
    socket.on('data', chunk => {
      const written: Buffer[] = []
      let at = 0
      while (at < chunk.length) {
        if (skip > 0) {
          const here = Math.min(skip, chunk.length - at)
          skip -= here
          at += here
        } else {
          const here = Math.min(startBytes - started, chunk.length - at)
          chunk.copy(start, started, at, at + here)
          started += here
          at += here
          if (started < startBytes) break
          skip = start.readInt32BE(0) - (startBytes - 4)
        }
        if (skip > 0 || started < startBytes) continue
        started = 0
        const body = answers[index]?.get(start.readInt16BE(4))
        if (body === undefined) throw new Error(`no answer to API ${start.readInt16BE(4)}`)
        const head = Buffer.alloc(8)
        head.writeInt32BE(body.length + 4)
        start.copy(head, 4, 8, 12)
        written.push(head, body)
      }
      if (written.length === 0) return
      socket.cork()
      for (const piece of written) socket.write(piece)
      socket.uncork()
    })
  })
}

process.on('message', (given: FloorAnswers) => {
  answers = given.map(
    bodies =>
      new Map(
        Object.entries(bodies).map(([key, body]) => [Number(key), Buffer.from(body, 'base64')]),
      ),
  )
  process.send?.({ ready: true })
})
process.on('disconnect', () => process.exit())

const servers = Array.from({ length: listeners }, (_, index) => serve(index))
await Promise.all(
  servers.map(server => new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))),
)
process.send?.({ ports: servers.map(server => (server.address() as { port: number }).port) })
