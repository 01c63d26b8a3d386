import { startAdmin } from '../../actors/client/admin.ts'
import { startConsumer } from '../../actors/client/consumer.ts'
import type { ConsumerConfig } from '../../actors/client/consumer-config.ts'
import { startProducer } from '../../actors/client/producer.ts'
import type { ProducerConfig } from '../../actors/client/producer-config.ts'
import {
  type AdminHandle,
  adminHandle,
  type ConsumerHandle,
  consumerHandle,
  type ProducerHandle,
  producerHandle,
} from '../../actors/client-handles.ts'
import { Process } from '../../actors/process.ts'
import { Registry } from '../../actors/registry.ts'
import { Trace } from '../../actors/trace.ts'
import { createWorld, type World } from '../../actors/world.ts'
import { nodePlatform } from '../../src/platform/node.ts'

/** The library's own clients, of a cluster that is elsewhere. */
export class Clients {
  readonly platform = nodePlatform()
  readonly #registry = new Registry(new Trace(this.platform.clock))
  readonly #processes = new Set<Process>()
  readonly #bootstrapServers: string
  /** What went wrong in them: nothing may. */
  readonly failures: string[] = []

  constructor(bootstrapServers: string) {
    this.#bootstrapServers = bootstrapServers
  }

  producer(name: string, config: Partial<ProducerConfig>): ProducerHandle {
    const { world, end } = this.#client(name)
    const producer = startProducer(world, { bootstrapServers: this.#bootstrapServers, ...config })
    producer.events.subscribe(event => {
      if (event.type === 'failed') this.failures.push(`producer ${name}: ${event.error.message}`)
    })
    return producerHandle(this.platform, producer, end)
  }

  consumer(
    name: string,
    config: Partial<ConsumerConfig> & Pick<ConsumerConfig, 'topics'>,
  ): ConsumerHandle {
    const { world, end } = this.#client(name)
    const consumer = startConsumer(world, { bootstrapServers: this.#bootstrapServers, ...config })
    consumer.events.subscribe(event => {
      if (event.type === 'error' && event.fatal)
        this.failures.push(`consumer ${name}: ${event.error.message}`)
    })
    return consumerHandle(this.platform, consumer, end)
  }

  admin(name: string): AdminHandle {
    const { world, end } = this.#client(name)
    const bootstrapServers = this.#bootstrapServers
    return adminHandle(this.platform, startAdmin(world, { bootstrapServers }), end)
  }

  kill(): void {
    for (const process of this.#processes) process.kill()
  }

  #client(name: string): { world: World; end(): void } {
    const path = `client/${name}`
    const failed = (at: string, error: unknown): void => {
      this.failures.push(`${at}: ${error}`)
      process.kill()
    }
    const process = new Process(this.platform, error => failed(path, error))
    this.#processes.add(process)
    const world = createWorld({
      name: path,
      platform: process.platform,
      registry: this.#registry,
      failed,
    })
    const end = (): void => {
      process.kill()
      this.#registry.stopNode(path)
    }
    return { world, end }
  }
}
