/**
 * One running actor in Stately's inspector, by the messages of its own protocol (@statelyai/inspect 0.7). That library's server listens on
 * every interface and trusts every origin; this one listens on loopback, answers its own page alone, and that page asks stately.ai
 * for nothing before its button is pressed.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ActorView } from './actors.ts'
import { checkSender, HttpError } from './server.ts'

/** Messages kept for a page that is opened later, besides the actor itself. */
const keptMax = 200

/** Bytes that may wait for a slow page; past it the page is dropped. */
const waitingBytesMax = 16 * 1024 * 1024

const inspectorOrigin = 'https://stately.ai'

/** What the inspector takes, as far as one actor needs it. */
export type StatelyMessage = {
  readonly sessionId: string
  readonly rootId: string
  readonly createdAt: string
  readonly id: string
  readonly _version: string
} & (
  | {
      readonly type: '@xstate.actor'
      readonly name: string
      /** JSON that `createMachine` takes. */
      readonly definition: string
      readonly snapshot: StatelySnapshot
    }
  | { readonly type: '@xstate.event'; readonly event: { readonly type: string } }
  | {
      readonly type: '@xstate.snapshot'
      readonly event: { readonly type: string }
      readonly snapshot: StatelySnapshot
    }
)

type StatelySnapshot = Pick<ActorView, 'status' | 'value' | 'context'>

export interface StatelyBridge {
  /** The page to open. */
  readonly url: string
  show(view: ActorView): void
  close(): void
}

const page = (path: string, nonce: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${path} in Stately's inspector</title>
<style nonce="${nonce}">
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  html, body { height: 100%; margin: 0 }
  main { padding: 2rem; max-width: 40rem }
  code { overflow-wrap: anywhere }
  button { font: inherit; padding: .5rem 1rem }
  iframe { display: block; width: 100%; height: 100%; border: 0 }
</style>
<main>
  <h1><code>${path}</code></h1>
  <p>Its chart, its states and its context are shown by the page <code>${inspectorOrigin}/inspect</code>, loaded into this one.
  They are handed to that page, in this browser, when you press the button; before that nothing leaves this machine.</p>
  <button type="button" id="show">Show it in stately.ai/inspect</button>
  <p id="told" role="status"></p>
</main>
<script nonce="${nonce}">
  const waiting = []
  let inspector = null
  const source = new EventSource('/messages')
  source.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    if (inspector) inspector.postMessage(message, '${inspectorOrigin}')
    else if (waiting.push(message) > ${keptMax}) waiting.splice(1, 1)
  }
  source.addEventListener('stopped', () => {
    source.close()
    document.title = 'Ended: ' + document.title
  })
  addEventListener('message', ({ origin, source: sender, data }) => {
    const frame = document.querySelector('iframe')
    if (origin !== '${inspectorOrigin}' || sender !== frame?.contentWindow) return
    if (data?.type !== '@statelyai.connected') return
    inspector = sender
    for (const message of waiting.splice(0)) inspector.postMessage(message, '${inspectorOrigin}')
  })
  document.getElementById('show').onclick = () => {
    const frame = document.createElement('iframe')
    frame.title = "Stately's inspector"
    frame.src = '${inspectorOrigin}/inspect'
    document.querySelector('main').replaceWith(frame)
  }
</script>
</html>
`

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)

/**
 * @param options.port 0 asks for any free one
 * @param options.definition the actor's chart as JSON that `createMachine` takes
 * @param options.first where the actor is now
 * @throws the listener's error (`code` EADDRINUSE where the port is taken)
 */
export function startStatelyBridge(options: {
  readonly port: number
  readonly definition: string
  readonly first: ActorView
}): Promise<StatelyBridge> {
  const { first, definition } = options
  const pages = new Set<ServerResponse>()
  const kept: StatelyMessage[] = []
  let port = options.port
  let count = 0

  const head = () => ({
    sessionId: first.path,
    rootId: first.path,
    createdAt: String(Date.now()),
    id: String(++count),
    _version: '0.7.2',
  })
  const snapshotOf = ({ status, value, context }: ActorView): StatelySnapshot => ({
    status,
    value,
    context,
  })
  const actor: StatelyMessage = {
    ...head(),
    type: '@xstate.actor',
    name: first.path,
    definition,
    snapshot: snapshotOf(first),
  }
  const tell = (response: ServerResponse, message: StatelyMessage): void => {
    if (response.writableLength > waitingBytesMax) response.destroy()
    else response.write(`data: ${JSON.stringify(message)}\n\n`)
  }
  const send = (message: StatelyMessage): void => {
    if (kept.push(message) > keptMax) kept.shift()
    for (const response of pages) tell(response, message)
  }
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    checkSender(request, port)
    const route = `${request.method} ${request.url}`
    if (route === 'GET /') {
      const nonce = randomBytes(16).toString('base64')
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; frame-src ${inspectorOrigin}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
      })
      response.end(page(escaped(first.path), nonce))
    } else if (route === 'GET /messages') {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      for (const message of [actor, ...kept]) tell(response, message)
      pages.add(response)
      response.on('close', () => pages.delete(response))
    } else throw new HttpError(404, `No ${route}: there are GET / and GET /messages`)
  }
  const server = createServer((request, response) => {
    try {
      answer(request, response)
    } catch (error) {
      response.writeHead(error instanceof HttpError ? error.status : 500)
      response.end(`${(error as Error).message}\n`)
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', () => {
      port = (server.address() as AddressInfo).port
      resolve({
        url: `http://127.0.0.1:${port}/`,
        show: view => {
          // Timers have no fact of their own.
          const event = view.fact ?? { type: 'xstate.after' }
          send({ ...head(), type: '@xstate.event', event })
          send({ ...head(), type: '@xstate.snapshot', event, snapshot: snapshotOf(view) })
        },
        close: () => {
          for (const response of pages) response.end('event: stopped\ndata: {}\n\n')
          server.close()
          server.closeIdleConnections()
        },
      })
    })
  })
}
