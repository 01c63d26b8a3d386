import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addBrokerCommand } from './broker.ts'
import { addFaultCommands } from './fault.ts'
import { addInspectCommand } from './inspect.ts'
import { addMachinesCommands } from './machines.ts'
import { addScenarioCommands } from './scenario.ts'
import { addShowTraceCommand } from './show-trace.ts'
import { addStateCommand } from './state.ts'
import { addUpCommand } from './up.ts'
import { addZooKeeperCommand } from './zookeeper.ts'

const { version } = JSON.parse(
  readFileSync(
    new URL(
      import.meta.url.includes('/dist/') ? '../../package.json' : '../package.json',
      import.meta.url,
    ),
    'utf8',
  ),
) as { version: string }

const program = new Command('samsa')
  .description('A Kafka cluster with its ZooKeeper, made of XState statecharts.')
  .version(version)
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()

addUpCommand(program)
addBrokerCommand(program)
addZooKeeperCommand(program)
addFaultCommands(program)
addScenarioCommands(program)
addStateCommand(program)
addMachinesCommands(program)
addInspectCommand(program)
addShowTraceCommand(program)

try {
  await program.parseAsync()
} catch (error) {
  // Commander has printed its own; what is ours gets one line that says what, why and what to do.
  if (error instanceof CommanderError) process.exitCode = error.exitCode
  else {
    console.error(`samsa: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
