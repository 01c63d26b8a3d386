import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startZooKeeperServer } from '../../actors/node.ts'
import type { Address } from '../../src/ports.ts'
import { apacheZooKeeperInstalled, startApacheZooKeeper } from './apache-zookeeper.ts'

/** A durable ZooKeeper on a port of its own, whoever made it. */
export interface StartedServer {
  readonly address: Address
  /** As `kill -9`, and again on the same port and data. */
  restart(downMs?: number): Promise<void>
  stop(): Promise<void>
}

export interface ServerKind {
  readonly name: string
  readonly installed: boolean
  /** Clients may come back to it at any moment of a restart. */
  readonly answersWhileItStarts: boolean
  start(): Promise<StartedServer>
}

const sleep = (durationMs: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, durationMs))

const embedded: ServerKind = {
  name: 'the embedded server',
  installed: true,
  answersWhileItStarts: true,
  async start() {
    const dataDir = mkdtempSync(join(tmpdir(), 'samsa-zookeeper-'))
    const server = await startZooKeeperServer({
      dataDir,
      tickTime: 100,
      maxSessionTimeout: 40_000,
    })
    return {
      get address() {
        return server.address
      },
      async restart(downMs = 0) {
        server.kill()
        await sleep(downMs)
        await server.restart()
      },
      async stop() {
        await server.stop()
        rmSync(dataDir, { recursive: true, force: true })
      },
    }
  },
}

const apache: ServerKind = {
  name: 'Apache ZooKeeper',
  installed: apacheZooKeeperInstalled,
  answersWhileItStarts: false,
  async start() {
    const dataDir = mkdtempSync(join(tmpdir(), 'samsa-apache-data-'))
    let server = await startApacheZooKeeper({ dataDir })
    const { address } = server
    return {
      address,
      async restart(downMs = 0) {
        await server.stop()
        await sleep(downMs)
        server = await startApacheZooKeeper({ dataDir, port: address.port })
      },
      async stop() {
        await server.stop()
        rmSync(dataDir, { recursive: true, force: true })
      },
    }
  },
}

/** The embedded server, and beside it Apache's own where it is installed: what is true of one is true of the other. */
export const zookeeperServers: readonly ServerKind[] = [embedded, apache]

/** A cable that can be pulled: what connects to it reaches the server, unless it is cut. */
export interface Cable {
  readonly address: Address
  /** Drops every connection, and takes no others until it is mended. */
  cut(): void
  mend(): void
  close(): void
}

export function startCable(to: Address): Promise<Cable> {
  const sockets = new Set<Socket>()
  let isCut = false
  const relay = createServer(near => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(to.port, to.host)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  const cut = (): void => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return new Promise(resolve =>
    relay.listen(0, '127.0.0.1', () =>
      resolve({
        address: { host: '127.0.0.1', port: (relay.address() as AddressInfo).port },
        cut,
        mend() {
          isCut = false
        },
        close() {
          cut()
          relay.close()
        },
      }),
    ),
  )
}
