import { expect, test } from 'vitest'
import {
  deletableSegments,
  type LogBounds,
  type RetentionRules,
} from '../../../src/log/retention.ts'

/** Three segments of 100 bytes and an active one of 50, a second apart. */
const segments = [
  { baseOffset: 0, sizeBytes: 100, latestMs: 1000 },
  { baseOffset: 10, sizeBytes: 100, latestMs: 2000 },
  { baseOffset: 20, sizeBytes: 100, latestMs: 3000 },
  { baseOffset: 30, sizeBytes: 50, latestMs: 4000 },
]

const rules: RetentionRules = { deletes: true, retentionMs: -1, retentionBytes: -1 }
const bounds: LogBounds = { logStartOffset: 0, highWatermark: 35, logEndOffset: 35, nowMs: 5000 }

test.each<{
  what: string
  rules?: Partial<RetentionRules>
  bounds?: Partial<LogBounds>
  count: number
}>([
  { what: 'without bounds nothing goes', count: 0 },
  { what: 'what lies before the log start goes', bounds: { logStartOffset: 20 }, count: 2 },
  { what: 'a segment the log start is in stays', bounds: { logStartOffset: 19 }, count: 1 },
  {
    what: 'what lies before the log start goes from a compacted log too',
    bounds: { logStartOffset: 20 },
    rules: { deletes: false },
    count: 2,
  },
  {
    what: 'a compacted log keeps what is old',
    rules: { deletes: false, retentionMs: 1 },
    count: 0,
  },
  { what: 'by size the rest stays above the bound', rules: { retentionBytes: 200 }, count: 1 },
  { what: 'by size exactly as much may stay', rules: { retentionBytes: 150 }, count: 2 },
  { what: 'by size all may go where nothing is to stay', rules: { retentionBytes: 0 }, count: 4 },
  { what: 'a log below its size keeps all', rules: { retentionBytes: 400 }, count: 0 },
  {
    what: 'by time a segment goes when its youngest record is too old',
    rules: { retentionMs: 2500 },
    count: 2,
  },
  { what: 'by time the age itself is not too old', rules: { retentionMs: 4000 }, count: 0 },
  { what: 'by time the active segment goes too', rules: { retentionMs: 10 }, count: 4 },
  {
    what: 'nothing beyond the high watermark goes (KAFKA-5634)',
    rules: { retentionMs: 10 },
    bounds: { highWatermark: 25 },
    count: 2,
  },
  {
    what: 'size and time work together',
    rules: { retentionBytes: 250, retentionMs: 2500 },
    count: 2,
  },
])('$what', ({ rules: more, bounds: moved, count }) => {
  expect(deletableSegments(segments, { ...rules, ...more }, { ...bounds, ...moved })).toBe(count)
})

test('an empty active segment stays', () => {
  const empty = [...segments.slice(0, 3), { baseOffset: 30, sizeBytes: 0, latestMs: 0 }]
  const at = { ...bounds, logEndOffset: 30, highWatermark: 30 }
  expect(deletableSegments(empty, { ...rules, retentionMs: 0 }, at)).toBe(3)
})
