/**
 * The load of `zookeeper.bench.ts`, in a process of its own. It knows just enough of the protocol to cost little: the requests of one round
 * are all of one length, copied from a template and numbered; of an answer it reads length and error.
 */
import { connect, type Socket } from 'node:net'

export const kinds = ['create', 'set', 'get', 'multi'] as const
export type Kind = (typeof kinds)[number]

export interface Round {
  readonly port: number
  readonly kind: Kind
  readonly clients: number
  /** Of each client. */
  readonly inFlight: number
  /** Of all clients together. */
  readonly requests: number
  /** Unlike any other's: names what it creates. */
  readonly name: string
}

export interface Taken {
  readonly perSecond: number
  /** Of one core, taken by this process. Near 1 the load, not the server, was measured. */
  readonly cpuShare: number
}

const data = Buffer.alloc(100, 'x')
/** Nodes that are read and written. */
const nodes = 1000
const digits = 6

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const string = (value: string): Buffer => Buffer.concat([int(value.length), Buffer.from(value)])
const bytes = (value: Buffer): Buffer => Buffer.concat([int(value.length), value])
const openAcl = Buffer.concat([int(1), int(31), string('world'), string('anyone')])
const framed = (...parts: Buffer[]): Buffer => bytes(Buffer.concat(parts))
/** The number is filled in, for each request its own. */
const numbered = (path: string): string => `${path}${'#'.repeat(digits)}`

const creation = (path: string): Buffer =>
  Buffer.concat([string(path), bytes(data), openAcl, int(0)])
const setting = (path: string): Buffer => Buffer.concat([string(path), bytes(data), int(-1)])
const part = (opcode: number, body: Buffer): Buffer =>
  Buffer.concat([int(opcode), Buffer.of(0), int(-1), body])
const endOfParts = Buffer.concat([int(-1), Buffer.of(1), int(-1)])

/** What stands behind a request's number. */
function body(kind: Kind, name: string): Buffer {
  switch (kind) {
    case 'create':
      return Buffer.concat([int(1), creation(numbered(`/bench/${name}/n`))])
    case 'set':
      return Buffer.concat([int(5), setting(numbered('/bench/n'))])
    case 'get':
      return Buffer.concat([int(4), string(numbered('/bench/n')), Buffer.of(0)])
    // As Kafka's controller writes: a check on the controller epoch's node with each write.
    case 'multi':
      return Buffer.concat([
        int(14),
        part(13, Buffer.concat([string('/bench'), int(0)])),
        part(5, setting(numbered('/bench/n'))),
        endOfParts,
      ])
  }
}

/** One client: a session, and requests of which so many are under way at a time. */
class Client {
  readonly #socket: Socket
  /** Of an answer that has not come whole. */
  #rest: Buffer | null = null
  #serving = false
  #sent = 0
  #answered = 0
  #heard: (answers: number) => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', chunk => this.#read(chunk))
    socket.on('close', () => {
      if (this.#answered < this.#sent) throw new Error('the server closed the connection')
    })
  }

  static open(port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', reject)
      const client = new Client(socket)
      client.#heard = () => {
        client.#serving = true
        resolve(client)
      }
      // No session yet, 30 s, an empty password, not read-only.
      const asked = Buffer.concat([int(0), int(0), int(0), int(30_000), int(0), int(0)])
      socket.write(framed(asked, bytes(Buffer.alloc(16)), Buffer.of(0)))
    })
  }

  /** Asks for one thing. */
  ask(request: Buffer): Promise<void> {
    return new Promise(resolve => {
      this.#heard = () => resolve()
      this.#sent++
      this.#socket.write(framed(int(1), request))
    })
  }

  /** @param next the number of the next request; none when all have been sent */
  run(template: Buffer, places: readonly number[], inFlight: number, next: () => number | null) {
    return new Promise<void>(resolve => {
      let underWay = 0
      const fill = (count: number): void => {
        let out = Buffer.allocUnsafe(template.length * count)
        let length = 0
        for (let i = 0; i < count; i++) {
          const number = next()
          if (number === null) break
          template.copy(out, length)
          out.writeInt32BE(++this.#sent & 0x3fffffff, length + 4)
          for (const place of places) {
            let rest = number
            for (let digit = digits - 1; digit >= 0; digit--) {
              out[length + place + digit] = 48 + (rest % 10)
              rest = Math.floor(rest / 10)
            }
          }
          length += template.length
          underWay++
        }
        out = out.subarray(0, length)
        if (length > 0) this.#socket.write(out)
      }
      this.#heard = answers => {
        underWay -= answers
        fill(answers)
        if (underWay === 0) resolve()
      }
      fill(inFlight)
      if (underWay === 0) resolve()
    })
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#answered = this.#sent
      this.#heard = () => {}
      this.#socket.on('close', () => resolve())
      this.#socket.write(framed(int(0), int(-11)))
      this.#socket.on('end', () => this.#socket.destroy())
    })
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    let answers = 0
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readInt32BE(at)
      if (end > bytes.length) break
      if (this.#serving) {
        const error = bytes.readInt32BE(at + 16)
        // A multi that failed says so in its parts.
        if (error !== 0 || bytes.subarray(at + 20, at + 24).equals(failedPart))
          throw new Error(`refused: ${error}`)
      }
      at = end
      answers++
    }
    this.#rest = at === bytes.length ? null : bytes.subarray(at)
    this.#answered += answers
    if (answers > 0) this.#heard(answers)
  }
}

const failedPart = int(-1)

/** Makes what rounds read and write. */
export async function prepare(port: number): Promise<void> {
  const client = await Client.open(port)
  await client.ask(Buffer.concat([int(1), creation('/bench')]))
  for (let node = 0; node < nodes; node++)
    await client.ask(
      Buffer.concat([int(1), creation(`/bench/n${String(node).padStart(digits, '0')}`)]),
    )
  await client.close()
}

export async function take(round: Round): Promise<Taken> {
  const { port, kind, name } = round
  const clients = await Promise.all(Array.from({ length: round.clients }, () => Client.open(port)))
  if (kind === 'create') await clients[0]?.ask(Buffer.concat([int(1), creation(`/bench/${name}`)]))
  const template = framed(int(0), body(kind, name))
  const place = template.indexOf('#'.repeat(digits))
  let number = 0
  const next = (): number | null => {
    if (number === round.requests) return null
    return kind === 'create' ? number++ : number++ % nodes
  }
  const before = process.cpuUsage()
  const startMs = performance.now()
  await Promise.all(clients.map(client => client.run(template, [place], round.inFlight, next)))
  const durationMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(before)
  await Promise.all(clients.map(client => client.close()))
  return {
    perSecond: (round.requests / durationMs) * 1000,
    cpuShare: (user + system) / 1000 / durationMs,
  }
}

/** Settles once a session has been granted. */
export async function untilSession(port: number): Promise<void> {
  const client = await Client.open(port)
  await client.close()
}

type Order = { prepare: number } | { take: Round }

if (process.argv[1] === import.meta.filename)
  process.on('message', async (order: Order) => {
    if ('take' in order) process.send?.(await take(order.take))
    else {
      await prepare(order.prepare)
      process.send?.({})
    }
  })
