import { afterEach, expect, test } from 'vitest'
import { allArrows, chartsById, telling, without } from './arrow.ts'
import { useCharts, useChartsWithout, useCountingCharts } from './changed-charts.ts'
import { runSeed } from './witness.ts'

afterEach(useCharts)

test('every arrow of every chart has a name of its own', () => {
  const ids = allArrows().map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(chartsById.size).toBe(new Set(ids.map(id => id.split(':')[0])).size)
})

test('a chart without an arrow has one arrow less, and the others as they were', () => {
  const arrow = allArrows().find(({ id }) => id === 'session:open.attached:reconnect.requested:0')
  const session = chartsById.get('session')
  if (arrow === undefined || session === undefined) throw new Error('there is no such arrow')
  const { states } = without(session, arrow.id).config
  const left = states?.open?.states?.attached?.on
  expect(left?.['reconnect.requested']).toHaveLength(1)
  expect(left?.['connection.lost']).toHaveLength(2)
  const none = without(session, 'session:closing:timeout.reached:0').config.states?.closing?.on
  expect(Object.keys(none ?? {})).not.toContain('timeout.reached')
  expect(Object.keys(telling(session, () => {}).config.states ?? {})).toEqual(
    Object.keys(session.config.states ?? {}),
  )
})

test('a seed runs the same on charts that count their arrows', async () => {
  const counts = useCountingCharts()
  expect(await runSeed(3, 3000)).toBeNull()
  expect(counts.get('partitionReplica::log.appended:0') ?? 0).toBeGreaterThan(100)
})

test.each([
  ['broker:registering.checkingEndpoints:brokers.listed:1', 'no broker registers'],
  ['consumerGroup:empty:join.received:2', 'nobody joins a group'],
])('without %s a seed fails: %s', async arrow => {
  expect(allArrows().map(({ id }) => id)).toContain(arrow)
  useChartsWithout(arrow)
  expect(await runSeed(1, 3000)).not.toBeNull()
})
