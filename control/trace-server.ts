import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Line, parseLine } from '../story/line.ts'
import { Recording } from '../story/recording.ts'
import { answerFile } from './page-files.ts'
import { answer, type ControlServer, checkSender, HttpError } from './server.ts'
import { StoryStream } from './story-stream.ts'

/** Lines of a file that are shown; the first ones of a longer file are told in the story before them. */
const linesMax = 150_000

/**
 * Reads a trace that `samsa up --trace` has written; one whose name ends in `.gz` is unpacked.
 *
 * @throws Error what the system says of the file; where a line is none of a trace, which
 */
export async function readTraceFile(path: string): Promise<Recording> {
  const file = createReadStream(path)
  const input: Readable = path.endsWith('.gz') ? file.pipe(createGunzip()) : file
  file.on('error', error => input.destroy(error))
  const recording = new Recording(undefined, linesMax)
  let number = 0
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (text === '') continue
    let line: Line
    try {
      line = parseLine(text)
    } catch (error) {
      throw new Error(`${path}, line ${number}: ${(error as Error).message}`)
    }
    recording.add(line)
  }
  if (recording.end.seq === 0) throw new Error(`${path} holds no line of a trace`)
  return recording
}

/**
 * The page on a recording, without a cluster: on loopback, as `startControl`.
 *
 * @param options.name what the page says that it shows: the file's path
 * @throws the listener's error (`code` EADDRINUSE where the port is taken)
 */
export function startTraceServer(
  recording: Recording,
  options: { readonly name: string; readonly port: number },
): Promise<ControlServer> {
  let port = options.port
  const source = { kind: 'file', name: basename(options.name), control: '' } as const
  const story = new StoryStream(source, recording)
  const server = createServer((request, response) => {
    void (async () => {
      try {
        checkSender(request, port)
        const { pathname } = new URL(request.url ?? '/', 'http://control')
        if (request.method !== 'GET') throw new HttpError(405, 'A recording cannot be acted on')
        if (await answerFile(pathname, response)) return
        if (pathname !== '/api/story') throw new HttpError(404, `No GET ${pathname}`)
        story.stream(request, response)
      } catch (error) {
        const status = error instanceof HttpError ? error.status : 500
        if (response.headersSent) response.destroy()
        else answer(response, status, { error: (error as Error).message })
      }
    })()
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      port = (server.address() as AddressInfo).port
      resolve({
        url: `http://127.0.0.1:${port}`,
        close: () =>
          new Promise(done => {
            server.close(() => done())
            server.closeAllConnections()
          }),
      })
    })
  })
}
