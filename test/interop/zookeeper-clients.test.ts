import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import type { Address } from '../../src/ports.ts'
import { printAddress } from '../../src/zookeeper/connect-string.ts'
import { startCable, zookeeperServers } from './zookeeper-servers.ts'

/**
 * Goal: ZooKeeper's own clients and a Python one, unmodified, are told the same by the embedded server as by Apache ZooKeeper.
 * What they are told, but for times and session ids, stands in `clients/*.told.txt`.
 */

const folder = join(import.meta.dirname, 'clients')
const commands = (name: string): string => readFileSync(join(folder, name), 'utf8')

/** @param lastLine after which its commands may end: it would not wait for answers to those before `quit` */
function run(
  command: string,
  args: readonly string[],
  input: string,
  lastLine: RegExp | null = null,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args)
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    // Each for itself: how they mix, pipes decide.
    let out = ''
    let errors = ''
    child.stdout.on('data', chunk => {
      out += chunk
    })
    child.stderr.on('data', chunk => {
      errors += chunk
      if (lastLine?.test(errors)) child.stdin.end('quit\n')
    })
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(timer)
      resolve(`${out}\n${errors}`)
    })
    if (lastLine === null) child.stdin.end(input)
    else child.stdin.write(input)
  })
}

/** Java's client prints events on a thread of its own: they are told apart, each in its order. */
async function zkCli(server: Address): Promise<string> {
  const classPath = '/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-nop.jar'
  const main = ['-cp', classPath, 'org.apache.zookeeper.ZooKeeperMain', '-server']
  const said = await run('/usr/bin/java', [...main, printAddress(server)], commands('zkCli.txt'))
  const events: string[] = []
  const answers: string[] = []
  for (const line of said.split('\n')) {
    // Whether the end is still told, threads decide.
    if (line.startsWith('WatchedEvent state:Closed')) continue
    if (line.startsWith('WatchedEvent')) events.push(line)
    // Children and ephemerals come in the order of Java's hashes.
    else if (line.startsWith('['))
      answers.push(`[${line.slice(1, -1).split(', ').sort().join(', ')}]`)
    else if (!/^$|^WATCHER|^Connecting to|^[cm]time = /.test(line)) answers.push(line)
  }
  return [...answers, '', ...events, ''].join('\n')
}

async function cliMt(server: Address): Promise<string> {
  const said = await run(
    '/usr/lib/zookeeper/bin/cli_mt',
    ['-h', printAddress(server)],
    commands('cli_mt.txt'),
    /^\/end: rc = -101$/m,
  )
  const told: string[] = []
  // What is asked without waiting is answered by a thread of its own, errors of other calls are not.
  const errors: string[] = []
  let names: string[] = []
  for (const line of said.split('\n')) {
    if (/ZOO_|session id|^time = |time ?=|^Quitting|^Creating/.test(line)) continue
    if (line.startsWith('Error')) errors.push(line)
    else if (/^\t[a-z]+-?\d*$/.test(line)) names.push(line)
    else {
      told.push(...names.sort(), line)
      names = []
    }
  }
  return [...told, ...errors, ''].join('\n')
}

async function kazoo(server: Address): Promise<string> {
  const cable = await startCable(server)
  const script = join(folder, 'kazoo-steps.py')
  const steps = spawn('/usr/bin/python3', [script, ...[server, cable.address].map(printAddress)])
  const timer = setTimeout(() => steps.kill('SIGKILL'), 60_000)
  let errors = ''
  steps.stderr.on('data', chunk => {
    errors += chunk
  })
  const told: string[] = []
  for await (const line of createInterface({ input: steps.stdout })) {
    if (line === '!cut') cable.cut()
    else if (line === '!mend') cable.mend()
    else told.push(line)
    if (line.startsWith('!')) steps.stdin.write('\n')
  }
  clearTimeout(timer)
  cable.close()
  if (told.at(-1) !== 'end') throw new Error(`it ended early: ${errors}`)
  return `${told.join('\n')}\n`
}

const clients = [
  {
    name: 'zkCli',
    run: zkCli,
    installed: existsSync('/usr/share/java/zookeeper.jar') && existsSync('/usr/bin/java'),
    from: 'zookeeper',
  },
  {
    name: 'cli_mt',
    run: cliMt,
    installed: existsSync('/usr/lib/zookeeper/bin/cli_mt'),
    from: 'zookeeper-bin',
  },
  {
    name: 'kazoo',
    run: kazoo,
    installed: spawnSync('/usr/bin/python3', ['-c', 'import kazoo']).status === 0,
    from: 'python3-kazoo',
  },
]

for (const { name, installed, from } of clients)
  if (!installed) console.warn(`${name} is not installed (apt-get install ${from}): not tried.`)

for (const server of zookeeperServers)
  describe.skipIf(!server.installed)(`at ${server.name}`, () => {
    for (const client of clients)
      test.skipIf(!client.installed)(
        `${client.name} is told what it was ever told`,
        async () => {
          const started = await server.start()
          try {
            const told = await client.run(started.address)
            await expect(told).toMatchFileSnapshot(join(folder, `${client.name}.told.txt`))
          } finally {
            await started.stop()
          }
        },
        120_000,
      )
  })
