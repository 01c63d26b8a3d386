/** A client in a process of its own, as a test holds it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Driver, DriverEvent, JoinOptions } from './driver-loop.ts'

type ReadRecord = Extract<DriverEvent, { event: 'record' }>
type Answer<C extends keyof Driver> = Awaited<ReturnType<Driver[C]>>
type Options<C extends keyof Driver> = Parameters<Driver[C]>[0]

/** A client that does what it is told, whatever it is. */
export interface ClientProcess {
  /** What it has read, in the order in which it did. */
  readonly records: readonly ReadRecord[]
  /** The partitions that it has; undefined before it was told. */
  readonly assignment: readonly number[] | undefined
  /** Each assignment it was told of. */
  readonly assignments: readonly (readonly number[])[]
  ask<C extends keyof Driver>(command: C, options?: Options<C>): Promise<Answer<C>>
  /** Ends it as `kill -9`. */
  kill(): Promise<void>
}

/** @param command the driver's program, to be given the bootstrap servers */
export class DriverProcess implements ClientProcess {
  readonly records: ReadRecord[] = []
  readonly assignments: (readonly number[])[] = []
  readonly #child: ChildProcess
  readonly #asked = new Map<number, (line: { answer?: unknown; error?: string }) => void>()
  readonly #ended: Promise<void>
  #errors = ''
  #lastId = 0

  constructor(command: readonly string[], bootstrapServers: string) {
    const [program = '', ...args] = command
    this.#child = spawn(program, [...args, bootstrapServers], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' },
    })
    this.#child.stderr?.on('data', chunk => {
      this.#errors += chunk
    })
    this.#ended = new Promise(resolve => {
      this.#child.on('close', () => {
        for (const answered of this.#asked.values())
          answered({ error: `the client has ended\n${this.#errors}` })
        resolve()
      })
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', text => {
      const line = JSON.parse(text)
      if (line.event === 'record') this.records.push(line)
      else if (line.event === 'assigned') this.assignments.push(line.partitions)
      else this.#asked.get(line.id)?.(line)
    })
  }

  get assignment(): readonly number[] | undefined {
    return this.assignments.at(-1)
  }

  ask<C extends keyof Driver>(command: C, options?: Options<C>): Promise<Answer<C>> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#asked.set(id, ({ answer, error }) => {
        this.#asked.delete(id)
        if (error !== undefined) reject(new Error(`${command}: ${error}`))
        else resolve(answer as Answer<C>)
      })
      this.#child.stdin?.write(`${JSON.stringify({ id, command, ...options })}\n`, error => {
        if (error) this.#asked.get(id)?.({ error: String(error) })
      })
    })
  }

  kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    return this.#ended
  }
}

/** kcat, one run of it per command: it is told by its arguments what to do. */
export class KcatProcess implements ClientProcess {
  readonly records: ReadRecord[] = []
  readonly assignments: (readonly number[])[] = []
  readonly #bootstrapServers: string
  #running: ChildProcess | undefined
  #writer: ChildProcess | undefined

  constructor(bootstrapServers: string) {
    this.#bootstrapServers = bootstrapServers
  }

  get assignment(): readonly number[] | undefined {
    return this.assignments.at(-1)
  }

  async ask<C extends keyof Driver>(command: C, options?: Options<C>): Promise<Answer<C>> {
    // The commands of one driver differ by name alone.
    const does = this.#commands as unknown as Record<C, (of?: Options<C>) => Promise<Answer<C>>>
    return does[command](options)
  }

  async kill(): Promise<void> {
    for (const child of [this.#running, this.#writer]) await ended(child, 'SIGKILL')
  }

  readonly #commands: Driver = {
    version: async () => {
      const said = await this.#run(['-V'])
      const [, kcat, librdkafka] = /Version (\S+) .*librdkafka (\S+)/.exec(said) ?? []
      return `${kcat}, librdkafka ${librdkafka}`
    },
    // It has no call for that: a topic is made by being asked for.
    createTopic: async ({ topic }) => void (await this.#run(['-L', '-t', topic])),
    produce: async ({ topic, partition, codec, values }) => {
      const to = ['-P', '-t', topic, '-p', String(partition), '-z', codec, '-X', 'acks=all']
      await this.#run(to, `${values.join('\n')}\n`)
    },
    write: async ({ topic, from, to, isLast }) => {
      this.#writer ??= spawn('kcat', [
        ...['-b', this.#bootstrapServers, '-P', '-t', topic, '-p', '0'],
        ...['-X', 'enable.idempotence=true', '-X', 'queue.buffering.max.ms=5'],
      ])
      // It reads its input by the block: short lines would stay with it.
      for (let i = from; i < to; i++) this.#writer.stdin?.write(`${String(i).padEnd(400)}\n`)
      if (isLast !== true) return
      const { stdin } = this.#writer
      const code = new Promise(resolve => this.#writer?.on('close', resolve))
      stdin?.end()
      if ((await code) !== 0) throw new Error(`kcat -P ended with ${await code}`)
    },
    join: async options => this.#join(options),
    // By itself, as often as it was told to.
    commit: async () => {},
    leave: async () => ended(this.#running, 'SIGTERM'),
    admin: async ({ topic }) => {
      const { brokers, controllerid } = JSON.parse(await this.#run(['-L', '-J', '-t', topic]))
      const end = await this.#run(['-Q', '-t', `${topic}:0:-1`])
      return {
        brokers: brokers.map(({ id }: { id: number }) => id).sort(),
        controller: controllerid,
        end: Number(/offset (\d+)/.exec(end)?.[1]),
      }
    },
  }

  async #join(options: JoinOptions): Promise<void> {
    const { groupId, topic, instanceId, cooperative, sessionTimeoutMs = 3000 } = options
    const config = {
      'auto.offset.reset': 'earliest',
      'session.timeout.ms': sessionTimeoutMs,
      'heartbeat.interval.ms': 200,
      'auto.commit.interval.ms': 100,
      'fetch.wait.max.ms': 100,
      'check.crcs': true,
      ...(instanceId === undefined ? {} : { 'group.instance.id': instanceId }),
      ...(cooperative ? { 'partition.assignment.strategy': 'cooperative-sticky' } : {}),
    }
    const child = spawn('kcat', [
      ...['-b', this.#bootstrapServers, '-u', '-f', '%p %o %s\\n'],
      ...Object.entries(config).flatMap(([name, value]) => ['-X', `${name}=${value}`]),
      ...['-G', groupId, topic],
    ])
    this.#running = child
    createInterface({ input: child.stdout }).on('line', line => {
      const [, partition, offset, value] = /^(\d+) (\d+) (.*)$/.exec(line) ?? []
      if (value !== undefined)
        this.records.push({
          event: 'record',
          partition: Number(partition),
          offset: Number(offset),
          value: value.trimEnd(),
        })
    })
    createInterface({ input: child.stderr }).on('line', line => {
      // "…: incremental assignment of 1 partition(s) (memberid …): orders [0]", "… (memberid …): assigned: orders [0]"
      const rebalanced = /rebalanced.*(incremental|:) ?(assign|revoke).*?: (.*)$/.exec(line)
      if (rebalanced === null) return
      const [, how, what, list = ''] = rebalanced
      const partitions = [...list.matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number))
      const has = how === 'incremental' ? (this.assignment ?? []) : []
      const rest = has.filter(partition => !partitions.includes(partition))
      this.assignments.push(what === 'assign' ? [...rest, ...partitions].sort() : rest)
    })
  }

  /** Runs it to its end; answers what it printed. */
  #run(args: readonly string[], input = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn('kcat', ['-b', this.#bootstrapServers, ...args])
      let out = ''
      let err = ''
      child.stdout.on('data', chunk => {
        out += chunk
      })
      child.stderr.on('data', chunk => {
        err += chunk
      })
      child.on('close', code =>
        code === 0
          ? resolve(out + err)
          : reject(new Error(`kcat ${args.join(' ')}: ${code}\n${err}`)),
      )
      child.stdin.end(input)
    })
  }
}

function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve()
  return new Promise(resolve => {
    child.on('close', () => resolve())
    child.kill(signal)
  })
}
