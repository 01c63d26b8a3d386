import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { SeedAnswer, SeedTask } from './seeds-worker.ts'

/** How long a seed may take, wall ms: a few hundred times what it does. */
const seedMsMax = 180_000

/** One process for seeds; started again where one does not end. */
export class SeedsProcess {
  #child: ChildProcess | undefined

  run(task: SeedTask): Promise<SeedAnswer> {
    this.#child ??= fork(join(import.meta.dirname, 'seeds-worker.ts'), { stdio: 'ignore' })
    const child = this.#child
    return new Promise(resolve => {
      const done = (answer: SeedAnswer): void => {
        clearTimeout(timer)
        child.off('message', done)
        child.off('exit', died)
        resolve(answer)
      }
      const failed = (noticed: string): void => {
        this.end()
        done({ noticed, cpuMs: 0, counts: [] })
      }
      const died = (code: number | null): void => failed(`thrown: the process ended with ${code}`)
      const timer = setTimeout(() => failed('does not end'), seedMsMax)
      child.on('message', done)
      child.on('exit', died)
      child.send(task)
    })
  }

  end(): void {
    this.#child?.removeAllListeners()
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }
}
