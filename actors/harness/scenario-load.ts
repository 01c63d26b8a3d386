import type { TopicPartition } from '../../src/ids.ts'
import type { ProducerHandle } from '../client-handles.ts'
import type { Cluster } from '../cluster.ts'
import { readAll } from './scenario-stage.ts'

/** A pause between two records, ms. */
const paceMs = 10

/** Somebody who writes one record after the other, whatever happens meanwhile. */
export class BackgroundWriter {
  readonly #cluster: Cluster
  readonly #to: TopicPartition
  readonly #producer: ProducerHandle
  readonly #written: string[] = []
  readonly #failed: string[] = []
  #stopped = false
  #ended: (() => void) | undefined

  constructor(cluster: Cluster, to: TopicPartition) {
    this.#cluster = cluster
    this.#to = to
    this.#producer = cluster.producer('writer')
    this.#write(0)
  }

  /** Resolves when so many are. */
  async acknowledged(count: number): Promise<void> {
    const { platform } = this.#cluster
    while (this.#written.length < count)
      await platform.waiting(
        new Promise<void>(resolve => void platform.clock.setTimeout(resolve, paceMs)),
      )
  }

  /** What became of it, in words. */
  async stopAndCompare(): Promise<readonly string[]> {
    this.#stopped = true
    await this.#cluster.platform.waiting(
      new Promise<void>(resolve => {
        this.#ended = resolve
      }),
    )
    await this.#producer.close()
    const read = await readAll(this.#cluster, this.#to, 'check')
    const isSame =
      read.length === this.#written.length && read.every((value, at) => value === this.#written[at])
    const failed = this.#failed.length === 0 ? 'none failed' : `failed: ${this.#failed.join(', ')}`
    return [
      `more than ${roundedDown(this.#written.length - 1)} records acknowledged, ${failed}`,
      isSame
        ? 'read back: each once, in order'
        : `READ BACK: NOT THE SAME (${read.length} of ${this.#written.length})`,
    ]
  }

  #write(number: number): void {
    const value = `r${number}`
    const next = (): void => {
      if (this.#stopped) this.#ended?.()
      else this.#cluster.platform.clock.setTimeout(() => this.#write(number + 1), paceMs)
    }
    this.#producer.send({ ...this.#to, value }).then(
      () => {
        this.#written.push(value)
        next()
      },
      (error: Error) => {
        this.#failed.push(error.message)
        next()
      },
    )
  }
}

/** To one digit that counts: how many it is to the record is nobody's business. */
const roundedDown = (count: number): number => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))))
  return Math.floor(count / unit) * unit
}
