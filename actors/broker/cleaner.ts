import type { TopicPartition } from '../../src/ids.ts'
import { type Cleanable, dirtyRatio } from '../../src/log/compaction.ts'
import type { CompactionRun } from '../../src/log/compaction-run.ts'
import type { Log } from '../../src/log/log.ts'
import type { Timer } from '../../src/ports.ts'
import type { BrokerWorld } from './broker-world.ts'
import type { LogDirectory } from './log-directory.ts'
import { onDisk } from './partition.ts'

/** A replica whose log may be compacted. */
interface Compacted extends TopicPartition {
  readonly log: Log
  readonly highWatermark: number
}

/** Between two steps of about a mebibyte, ms: what a broker is there for goes first. */
const stepPauseMs = 5

/**
 * Compaction of one broker's logs, one at a time, the dirtiest first, in steps between which everything else goes on.
 * After LogCleaner and LogCleanerManager.grabFilthiestCompactedLog.
 */
export class Cleaner {
  readonly #broker: BrokerWorld
  readonly #directory: LogDirectory
  readonly #replicas: () => Iterable<Compacted>
  #timer: Timer | undefined

  constructor(broker: BrokerWorld, directory: LogDirectory, replicas: () => Iterable<Compacted>) {
    this.#broker = broker
    this.#directory = directory
    this.#replicas = replicas
    this.#rest()
  }

  stop(): void {
    this.#broker.platform.clock.clearTimeout(this.#timer)
  }

  #after(delayMs: number, run: () => void): void {
    this.#timer = this.#broker.platform.clock.setTimeout(run, delayMs)
  }

  #rest(): void {
    this.#after(this.#broker.config['log.cleaner.backoff.ms'], () => this.#look())
  }

  #look(): void {
    const found = this.#broker.config['log.cleaner.enable'] ? this.#filthiest() : undefined
    if (found === undefined) {
      this.#rest()
      return
    }
    const { replica, range } = found
    const { clock, trace } = { clock: this.#broker.platform.clock, trace: this.#broker.trace }
    const { topic, partition, log } = replica
    const bytesBefore = log.sizeBytes
    this.#step(replica, log.compact(range, clock.now()), firstDirtyOffset => {
      if (firstDirtyOffset !== null) this.#directory.noteCleaned(replica, firstDirtyOffset)
      trace.record('note', `${this.#broker.name}/cleaner`, 'log compacted', {
        topic,
        partition,
        firstDirtyOffset,
        bytesBefore,
        bytesAfter: log.sizeBytes,
      })
      // Of what is left there may be more.
      this.#after(stepPauseMs, () => this.#look())
    })
  }

  #step(
    replica: Compacted,
    run: CompactionRun,
    done: (firstDirtyOffset: number | null) => void,
  ): void {
    this.#after(stepPauseMs, () => {
      onDisk(() => {
        const step = run.next()
        if (step.done === true) done(step.value)
        else this.#step(replica, run, done)
      })
    })
  }

  /** The log with the greatest share of dirty bytes, of those where it is enough or that have been dirty for too long. */
  #filthiest(): { replica: Compacted; range: Cleanable } | undefined {
    const nowMs = this.#broker.platform.clock.now()
    let filthiest: { replica: Compacted; range: Cleanable } | undefined
    for (const replica of this.#replicas()) {
      const { log, highWatermark } = replica
      const { compacts, minCleanableDirtyRatio, maxCompactionLagMs } = log.options
      if (!compacts) continue
      const range = log.cleanable(this.#directory.firstDirtyOffset(replica), highWatermark, nowMs)
      const { dirtyBytes, earliestDirtyMs } = range
      const isOverdue =
        earliestDirtyMs !== undefined && nowMs - earliestDirtyMs > maxCompactionLagMs
      const isDue = dirtyBytes > 0 && (isOverdue || dirtyRatio(range) > minCleanableDirtyRatio)
      if (isDue && (!filthiest || dirtyRatio(range) > dirtyRatio(filthiest.range)))
        filthiest = { replica, range }
    }
    return filthiest
  }
}
