import { type Command, InvalidArgumentError } from 'commander'
import type { BrokerState } from '../actors/cluster-state.ts'
import { faultDescriptions, faultKinds } from '../control/faults.ts'
import {
  lineFaultDescriptions,
  lineFaultKinds,
  type StandingFault,
} from '../control/line-faults.ts'
import { askControl, withControl } from './control-client.ts'

const parseBroker = (text: string): number => {
  const id = Number(text)
  if (!Number.isInteger(id) || id < 0)
    throw new InvalidArgumentError('a broker is a number, e.g. 2')
  return id
}

const parseMs = (text: string): number => {
  const ms = Number(text)
  if (!(ms >= 0)) throw new InvalidArgumentError('a time is a number of milliseconds, e.g. 100')
  return ms
}

const parseNodes = (text: string): string[] => text.split(',')

const parsePair = (text: string): string[] => {
  const pair = parseNodes(text)
  if (pair.length !== 2) throw new InvalidArgumentError('two nodes, e.g. 2,zookeeper')
  return pair
}

const printStanding = (standing: readonly StandingFault[]): void => {
  for (const { what, fired } of standing) console.log(`stands: ${what} (fired ${fired})`)
  if (standing.length === 0) console.log('no fault stands')
}

/** `samsa fault isolate BROKER`, `partition GROUP GROUP…`, `latency MS`, `heal`. */
function addLineFaultCommands(fault: Command): void {
  const order = async (control: string, body: object): Promise<void> => {
    const answer = await askControl(control, '/api/faults', body)
    printStanding((answer as { standing: StandingFault[] }).standing)
  }
  const command = (name: keyof typeof lineFaultDescriptions): Command =>
    withControl(fault.command(name).description(lineFaultDescriptions[name]))
  command('isolate')
    .argument('<broker>', "the broker's id", parseBroker)
    .action((broker: number, { control }: { control: string }) =>
      order(control, { fault: 'isolate', broker }),
    )
  command('partition')
    .argument('<groups...>', 'nodes that still reach each other, with commas: 1 2,3,zookeeper')
    .action((groups: string[], { control }: { control: string }) =>
      order(control, { fault: 'partition', groups: groups.map(parseNodes) }),
    )
  command('latency')
    .argument('<ms>', 'how much later', parseMs)
    .option('--jitter <ms>', 'up to so much more', parseMs)
    .option('--of <node>', 'on the lines of this node alone: 2, zookeeper, client/<client.id>')
    .option('--between <nodes>', 'on the line between these two alone: 2,zookeeper', parsePair)
    .action(
      (
        ms: number,
        { control, jitter, of, between }: { control: string } & Record<string, unknown>,
      ) => order(control, { fault: 'latency', ms, jitterMs: jitter, of, between }),
    )
  command('heal').action(({ control }: { control: string }) => order(control, { fault: 'heal' }))
}

/** `samsa fault kill|stop|restart|pause|resume|expire-session BROKER`, `samsa fault list`, and those of lines. */
export function addFaultCommands(program: Command): void {
  const fault = program
    .command('fault')
    .description('do something to a broker, or to lines, on purpose')
  for (const kind of faultKinds)
    withControl(
      fault
        .command(kind)
        .description(faultDescriptions[kind])
        .argument('<broker>', "the broker's id", parseBroker),
    ).action(async (broker: number, { control }: { control: string }) => {
      const answer = (await askControl(control, '/api/faults', { fault: kind, broker })) as {
        state: string
      }
      console.log(`broker ${broker}: ${answer.state}`)
    })
  addLineFaultCommands(fault)
  withControl(
    fault
      .command('list')
      .description('what can be done, and how each broker is')
      .option('--json', 'as JSON'),
  ).action(async ({ control, json }: { control: string; json?: true }) => {
    const answer = (await askControl(control, '/api/faults')) as {
      brokers: BrokerState[]
      standing: StandingFault[]
    }
    if (json) return console.log(JSON.stringify(answer))
    for (const kind of faultKinds) console.log(`${kind.padEnd(16)}${faultDescriptions[kind]}`)
    for (const kind of lineFaultKinds)
      console.log(`${kind.padEnd(16)}${lineFaultDescriptions[kind]}`)
    console.log()
    for (const { id, state, error } of answer.brokers)
      console.log(`broker ${id}: ${state}${error === null ? '' : ` (${error})`}`)
    printStanding(answer.standing)
  })
}
