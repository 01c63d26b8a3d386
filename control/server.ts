import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Cluster } from '../actors/cluster.ts'
import { actorRow, actorView, streamActor } from './actors.ts'
import { type FaultKind, faultDescriptions, faultKinds, inflict } from './faults.ts'
import {
  inflictOnLines,
  type LineFaultKind,
  lineFaultDescriptions,
  lineFaultKinds,
  standingFaults,
} from './line-faults.ts'
import { Metrics } from './metrics.ts'
import { answerFile } from './page-files.ts'
import { Records } from './records.ts'
import { sampleWhile } from './samples.ts'
import { StoryStream } from './story-stream.ts'

/** A body longer than this is nobody's fault order. */
const bodyBytesMax = 64 * 1024

/** Lines of the trace that may wait for a slow reader of `/api/events`; past it the reader is dropped. */
const eventsBufferedBytesMax = 16 * 1024 * 1024

export interface ControlServer {
  /** `http://127.0.0.1:9080` */
  readonly url: string
  close(): Promise<void>
}

/** A refusal on its way to the client. */
export class HttpError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Names that mean this machine, whatever a page elsewhere makes a domain resolve to (DNS rebinding). */
function isOurs(authority: string | undefined, port: number): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].some(name => authority === `${name}:${port}`)
}

/**
 * The request must be meant for us (Host) and, where a browser says who asks (Origin), come from our own page: everybody
 * on this machine's browser could else kill brokers.
 */
export function checkSender(request: IncomingMessage, port: number): void {
  const { host, origin } = request.headers
  if (!isOurs(host, port))
    throw new HttpError(
      403,
      `Host ${host ?? '(none)'} is not this server: ask for 127.0.0.1:${port}`,
    )
  if (origin !== undefined && !isOurs(origin.replace(/^http:\/\//, ''), port))
    throw new HttpError(403, `Origin ${origin} may not control this cluster`)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new HttpError(415, 'Send the body as application/json')
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyBytesMax) throw new HttpError(413, `The body exceeds ${bodyBytesMax} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new HttpError(400, 'The body is not JSON')
  }
}

export function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(`${text}\n`)
}

/** Server-sent events: what the trace still holds after `since`, then every new line. */
function streamEvents(cluster: Cluster, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://control')
  const since = Number(
    request.headers['last-event-id'] ?? url.searchParams.get('since') ?? Number.NaN,
  )
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.flushHeaders()
  const write = (entry: { seq: number }): void => {
    if (response.writableLength > eventsBufferedBytesMax) response.destroy()
    else response.write(`id: ${entry.seq}\ndata: ${JSON.stringify(entry)}\n\n`)
  }
  if (!Number.isNaN(since))
    for (const entry of cluster.trace.kept) if (entry.seq > since) write(entry)
  const subscription = cluster.trace.entries.subscribe(write)
  response.on('close', () => subscription.unsubscribe())
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new HttpError(400, `${path} is not percent-encoded UTF-8`)
  }
}

const paths = ['/api/state', '/api/events', '/api/story', '/api/actors', '/api/faults', '/metrics']

const actorsPath = '/api/actors/'

/** One actor: now, or its snapshots as server-sent events for those who accept them. */
function answerActor(
  cluster: Cluster,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const root = cluster.registry.roots.get(path)
  if (root === undefined)
    throw new HttpError(404, `No actor ${path} is running: GET /api/actors has all that are`)
  if (request.headers.accept?.includes('text/event-stream')) streamActor(cluster, root, response)
  else answer(response, 200, actorView(root, root.getSnapshot(), null))
}

/** What cannot be is the client's mistake. */
function orRefuse<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof RangeError) throw new HttpError(400, error.message)
    throw error
  }
}

/** What one control port serves. */
interface Served {
  readonly cluster: Cluster
  readonly story: StoryStream
  readonly records: Records
  readonly metrics: Metrics
}

const textOrNull = (value: unknown): string | null =>
  value === undefined || value === null ? null : String(value)

async function answerTopic(
  { cluster, records }: Served,
  topic: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!cluster.state().partitions.some(partition => partition.topic === topic))
    throw new HttpError(404, `No topic ${topic}: GET /api/state has all there are`)
  if (request.method === 'POST') {
    const { partition, key, value } = (await readJson(request)) as Record<string, unknown>
    const sent = await records.send({
      topic,
      ...(partition === undefined || partition === null ? {} : { partition: Number(partition) }),
      key: textOrNull(key),
      value: textOrNull(value),
    })
    return answer(response, 200, { topic, ...sent })
  }
  const begin = new URL(request.url ?? '/', 'http://control').searchParams.get('offset')
  records.tail(topic, begin === 'earliest' ? 'earliest' : 'latest', response)
}

async function route(
  served: Served,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { cluster } = served
  const path = new URL(request.url ?? '/', 'http://control').pathname
  const method = request.method ?? 'GET'
  const [, topic] = /^\/api\/topics\/([^/]+)\/records$/.exec(path) ?? []
  if (topic !== undefined && (method === 'GET' || method === 'POST'))
    return answerTopic(served, decoded(topic), request, response)
  if (method === 'GET' && (await answerFile(path, response))) return
  if (method === 'GET' && path.startsWith(actorsPath))
    return answerActor(cluster, decoded(path.slice(actorsPath.length)), request, response)
  switch (`${method} ${path}`) {
    case 'GET /api/state':
      return answer(response, 200, cluster.state())
    case 'GET /api/actors':
      return answer(response, 200, [...cluster.registry.roots.values()].map(actorRow))
    case 'GET /api/events':
      return streamEvents(cluster, request, response)
    case 'GET /api/story':
      return served.story.stream(request, response)
    case 'GET /metrics':
      response.writeHead(200, {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.end(served.metrics.text())
      return
    case 'GET /api/faults':
      return answer(response, 200, {
        kinds: [...faultKinds, ...lineFaultKinds],
        descriptions: { ...faultDescriptions, ...lineFaultDescriptions },
        brokers: cluster.state().brokers,
        standing: standingFaults(cluster),
      })
    case 'POST /api/faults': {
      const body = (await readJson(request)) as { fault?: unknown; broker?: unknown }
      const fault = body.fault as FaultKind
      if (lineFaultKinds.includes(body.fault as LineFaultKind))
        return answer(response, 200, {
          fault,
          standing: orRefuse(() => inflictOnLines(cluster, body.fault as LineFaultKind, body)),
        })
      if (!faultKinds.includes(fault))
        throw new HttpError(
          400,
          `Unknown fault ${String(body.fault)}: one of ${[...faultKinds, ...lineFaultKinds].join(', ')}`,
        )
      const broker = cluster.brokers.find(({ id }) => id === body.broker)
      if (broker === undefined) {
        const ids = cluster.brokers.map(({ id }) => id).join(', ')
        throw new HttpError(404, `No broker ${String(body.broker)}: the brokers are ${ids}`)
      }
      return answer(response, 200, {
        broker: broker.id,
        fault,
        state: await inflict(broker, fault),
      })
    }
    default:
      throw new HttpError(
        paths.includes(path) ? 405 : 404,
        `No ${method} ${path}: there are GET ${paths.join(', GET ')}, POST /api/faults, GET and POST /api/topics/TOPIC/records`,
      )
  }
}

/**
 * The cluster over HTTP: the page (`GET /`); `GET /api/story` (what the page is made from, see `StoryStream`); `GET /metrics` (Prometheus's
 * text format); `GET /api/topics/orders/records` (what is written from now on, as server-sent events; `?offset=earliest`), `POST` there
 * (`{"key":"a","value":"1"}` writes a record); `GET /api/state`, `GET /api/events` (the trace as server-sent events; `?since=SEQ` begins with
 * what is kept after that line), `GET /api/faults`, `POST /api/faults` (`{"fault":"kill","broker":2}`,
 * `{"fault":"partition","groups":[[1],[2,3]]}`, `{"fault":"latency","ms":100,"of":2}`, `{"fault":"heal"}`), `GET /api/actors` (every running chart),
 * `GET /api/actors/broker-2/partition/orders-0` (one, now, or with `Accept: text/event-stream` its snapshots one after the other).
 *
 * @param options.port 0 asks for any free one.
 * @throws the listener's error (`code` EADDRINUSE where the port is taken).
 */
export function startControl(
  cluster: Cluster,
  options: { host: string; port: number },
): Promise<ControlServer> {
  let port = options.port
  const metrics = new Metrics(cluster)
  for (const entry of cluster.trace.kept) metrics.take(entry)
  const counting = cluster.trace.entries.subscribe(entry => metrics.take(entry))
  let served: Served
  const server: Server = createServer((request, response) => {
    void (async () => {
      try {
        checkSender(request, port)
        await route(served, request, response)
      } catch (error) {
        const status = error instanceof HttpError ? error.status : 409
        if (response.headersSent) response.destroy()
        else answer(response, status, { error: (error as Error).message })
      }
    })()
  })
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      counting.unsubscribe()
      reject(error)
    })
    server.listen(options.port, options.host, () => {
      port = (server.address() as AddressInfo).port
      const url = `http://${options.host}:${port}`
      const story = new StoryStream({
        kind: 'cluster',
        name: cluster.bootstrapServers,
        control: url,
      })
      const stopFollowing = story.follow(cluster.trace)
      const stopSampling = sampleWhile(() => story.isRead, cluster, metrics)
      served = { cluster, story, metrics, records: new Records(cluster) }
      resolve({
        url,
        close: async () => {
          counting.unsubscribe()
          stopFollowing()
          stopSampling()
          await served.records.close()
          await new Promise<void>(done => {
            server.close(() => done())
            // Readers of `/api/events` never end by themselves.
            server.closeAllConnections()
          })
        },
      })
    })
  })
}
