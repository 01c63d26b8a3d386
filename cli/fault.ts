import { type Command, InvalidArgumentError } from 'commander'
import type { BrokerState } from '../actors/cluster-state.ts'
import { faultDescriptions, faultKinds } from '../control/faults.ts'
import { askControl, withControl } from './control-client.ts'

const parseBroker = (text: string): number => {
  const id = Number(text)
  if (!Number.isInteger(id) || id < 0)
    throw new InvalidArgumentError('a broker is a number, e.g. 2')
  return id
}

/** `samsa fault kill|stop|restart|pause|resume|expire-session BROKER`, `samsa fault list`. */
export function addFaultCommands(program: Command): void {
  const fault = program.command('fault').description('do something to a broker on purpose')
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
  withControl(
    fault
      .command('list')
      .description('what can be done, and how each broker is')
      .option('--json', 'as JSON'),
  ).action(async ({ control, json }: { control: string; json?: true }) => {
    const answer = (await askControl(control, '/api/faults')) as { brokers: BrokerState[] }
    if (json) return console.log(JSON.stringify(answer))
    for (const kind of faultKinds) console.log(`${kind.padEnd(16)}${faultDescriptions[kind]}`)
    console.log()
    for (const { id, state, error } of answer.brokers)
      console.log(`broker ${id}: ${state}${error === null ? '' : ` (${error})`}`)
  })
}
