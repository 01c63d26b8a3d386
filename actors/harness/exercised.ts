import type { FaultName } from './nemesis.ts'
import { specs } from './specs/all.ts'

/**
 * What a batch of runs never put to the test, of all that it should have: each property of each specification, each fault.
 *
 * @param counts sums of the runs' `sometimes`
 * @param faults sums of the runs' faults
 * @param names the faults that might happen
 */
export function unexercised(
  counts: ReadonlyMap<string, number>,
  faults: ReadonlyMap<string, number>,
  names: readonly FaultName[],
): readonly string[] {
  const wanted = specs.flatMap(({ name, exercises }) => exercises.map(what => `${name}: ${what}`))
  return [
    ...[...wanted, 'liveness: all well again'].filter(what => !counts.get(what)),
    ...names.filter(name => !faults.get(name)).map(name => `fault: ${name}`),
  ]
}
