/**
 * How fast simulated time passes: `npm run bench -- simulation`. Three brokers and ZooKeeper with nobody asking anything, stretch after stretch in
 * one process, since the engine compiles what runs often; then seeds as `npm run sim` runs them. CPU time of the process.
 */
import { startCluster } from '../actors/cluster.ts'
import { simulate } from '../actors/harness/run.ts'
import { simulatedPlatform } from '../src/platform/simulated.ts'
import { table } from './report.ts'

const stretchMs = 1_200_000
const stretches = 5
const seeds = 8

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}
const perSecond = (simulatedMs: number, seconds: number): string =>
  (simulatedMs / 1000 / seconds).toFixed(0)

const rows: string[][] = []
const platform = simulatedPlatform({ seed: 1 })
const cluster = await startCluster({
  platform,
  topics: [{ name: 'orders', partitions: 3, replicationFactor: 3 }],
})
for (let at = 1; at <= stretches; at++) {
  const before = process.cpuUsage()
  platform.pass(stretchMs)
  rows.push([`idle, stretch ${at} of 20 minutes`, perSecond(stretchMs, cpuSeconds(before)), ''])
}
await cluster.stop()

for (const [what, first] of [
  ['seeds of a minute, cold', 1],
  ['seeds of a minute, warm', 1 + seeds],
] as const) {
  const before = process.cpuUsage()
  let simulatedMs = 0
  for (let seed = first; seed < first + seeds; seed++)
    simulatedMs += (await simulate({ seed })).simulatedMs
  const seconds = cpuSeconds(before)
  rows.push([what, perSecond(simulatedMs, seconds), ((seeds / seconds) * 3600).toFixed(0)])
}
console.log(table(['What runs', 'simulated s per CPU s', 'seeds per core-hour'], rows))
