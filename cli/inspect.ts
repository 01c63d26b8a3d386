import { type Command, InvalidArgumentError } from 'commander'
import type { ActorView } from '../control/actors.ts'
import { askControl, withControl } from './control-client.ts'
import { jsonText } from './machine-text.ts'
import { loadCharts } from './machines.ts'

interface InspectOptions {
  actor: string
  control: string
  stately?: true
  port: number
  json?: true
}

const port = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('a port from 0 to 65535 is expected.')
  return value
}

/** Each snapshot of an actor, until it has stopped. @throws Error that says what, why and what to do. */
async function* snapshotsOf(control: string, actor: string): AsyncGenerator<ActorView> {
  const path = `/api/actors/${actor.split('/').map(encodeURIComponent).join('/')}`
  // Asked once in words: a stream that fails has none.
  await askControl(control, path)
  const { body } = await fetch(new URL(path, control), { headers: { accept: 'text/event-stream' } })
  let text = ''
  for await (const chunk of whole(body, control)) {
    const messages = (text + chunk).split('\n\n')
    text = messages.pop() ?? ''
    for (const message of messages) {
      const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(message) ?? []
      if (name === 'snapshot') yield JSON.parse(data) as ActorView
    }
  }
}

/** What a stream still brings; its end before its time in words. */
async function* whole(
  body: Awaited<ReturnType<typeof fetch>>['body'],
  control: string,
): AsyncGenerator<string> {
  try {
    yield* body?.pipeThrough(new TextDecoderStream()) ?? []
  } catch {
    throw new Error(`the cluster at ${control} is gone`)
  }
}

async function inspect(options: InspectOptions): Promise<void> {
  const { startStatelyBridge } = await import('../control/stately-bridge.ts')
  let bridge: Awaited<ReturnType<typeof startStatelyBridge>> | undefined
  let isFirst = true
  for await (const view of snapshotsOf(options.control, options.actor)) {
    if (options.json) console.log(JSON.stringify(view))
    else console.log(isFirst ? view.state : `${view.fact?.type ?? '(timer)'} → ${view.state}`)
    isFirst = false
    if (bridge !== undefined) bridge.show(view)
    else if (options.stately) {
      const charts = [...(await loadCharts()).values()]
      const chart = charts.find(({ id }) => id === view.chart)
      const definition = chart === undefined ? JSON.stringify({ id: view.chart }) : jsonText(chart)
      bridge = await startStatelyBridge({ port: options.port, definition, first: view })
      console.error(`Open ${bridge.url} to see it in Stately's inspector. Ctrl-C ends it.`)
    }
  }
  bridge?.close()
  console.error(`${options.actor} has stopped.`)
}

/** `samsa inspect --actor PATH [--stately]`. */
export function addInspectCommand(program: Command): void {
  withControl(
    program
      .command('inspect')
      .description('follow one running chart, fact by fact')
      .requiredOption('--actor <path>', "its path, e.g. 'broker-2/partition/orders-0'")
      .option('--stately', "serve a page on loopback that shows it in Stately's inspector")
      .option('--port <port>', "that page's port; 0: any free one", port, 0)
      .option('--json', 'one line of JSON for each snapshot, with its context'),
  ).action(inspect)
}
