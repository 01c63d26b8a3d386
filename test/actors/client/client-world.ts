import { firstValueFrom, type Observable } from 'rxjs'
import { Process } from '../../../actors/process.ts'
import { Registry } from '../../../actors/registry.ts'
import { Trace } from '../../../actors/trace.ts'
import { createWorld, type World } from '../../../actors/world.ts'
import type { MemoryPlatform } from '../../../src/platform/memory.ts'

/** A world for one client, as the cluster makes them; a chart that fails fails the test by `failures`. */
export function clientWorld(
  platform: MemoryPlatform,
  name = 'test',
): { world: World; failures: unknown[]; kill(): void; trace: Trace } {
  const process = new Process(platform)
  const trace = new Trace(platform.clock)
  const registry = new Registry(trace)
  const failures: unknown[] = []
  const world = createWorld({
    name: `client/${name}`,
    platform: process.platform,
    registry,
    failed: (path, error) => failures.push(`${path}: ${error}`),
  })
  const kill = (): void => {
    process.kill()
    registry.stopNode(`client/${name}`)
  }
  return { world, failures, kill, trace }
}

/** Lets time pass until the Observable has answered. */
export const answerOf = <T>(platform: MemoryPlatform, answer: Observable<T>): Promise<T> =>
  platform.waiting(firstValueFrom(answer, { defaultValue: undefined as T }))
