import type { Command } from 'commander'
import { interrupted, port, whole } from './server-command.ts'

async function showTrace(file: string, options: { port: number; at?: number }): Promise<void> {
  const { readTraceFile, startTraceServer } = await import('../control/trace-server.ts')
  const recording = await readTraceFile(file)
  const server = await startTraceServer(recording, { name: file, port: options.port })
  const where = options.at === undefined ? '' : `#/map?at=${options.at}`
  console.error(
    `${file}: ${recording.end.seq} lines. Open ${server.url}/${where}\nCtrl-C stops it.`,
  )
  await interrupted()
  await server.close()
}

/** `samsa show-trace FILE [--at LINE]`. */
export function addShowTraceCommand(program: Command): void {
  program
    .command('show-trace')
    .description('open the page on a trace that `samsa up --trace` has written')
    .argument('<file>', 'one line of JSON each; also packed, as story.ndjson.gz')
    .option('--port <port>', "the page's port, on loopback only; 0: any free one", port, 0)
    .option('--at <line>', 'the line to begin at', whole(1, Number.MAX_SAFE_INTEGER))
    .action(showTrace)
}
