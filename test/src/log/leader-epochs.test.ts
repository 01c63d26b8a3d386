import { expect, test } from 'vitest'
import { CorruptCheckpoint, writeCheckpoint } from '../../../src/log/checkpoint.ts'
import { LeaderEpochs } from '../../../src/log/leader-epochs.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'

type Entry = [leaderEpoch: number, startOffset: number]

function epochsOf(...entries: Entry[]) {
  const disk = memoryDisk()
  const epochs = new LeaderEpochs(disk, 't-0')
  for (const [leaderEpoch, startOffset] of entries) epochs.assign(leaderEpoch, startOffset)
  const read = (): Entry[] =>
    epochs.entries.map(({ leaderEpoch, startOffset }) => [leaderEpoch, startOffset])
  const reopened = (): Entry[] =>
    new LeaderEpochs(disk, 't-0').entries.map(e => [e.leaderEpoch, e.startOffset])
  return { disk, epochs, read, reopened }
}

test('epochs are remembered in order and survive in the file', () => {
  const { read, reopened } = epochsOf([0, 0], [2, 10], [5, 10 ** 12])
  expect(read()).toEqual([
    [0, 0],
    [2, 10],
    [5, 10 ** 12],
  ])
  expect(reopened()).toEqual(read())
})

test('the file is Kafka’s text', () => {
  const { disk } = epochsOf([0, 0], [2, 10])
  const file = disk.open('t-0/leader-epoch-checkpoint')
  expect(new TextDecoder().decode(file.read(0, file.length))).toBe('0\n2\n0 0\n2 10\n')
  expect(disk.list('t-0')).toEqual(['leader-epoch-checkpoint'])
})

test.each<{ what: string; before: Entry[]; assigned: Entry; after: Entry[] }>([
  {
    what: 'the latest epoch again is no news',
    before: [[1, 5]],
    assigned: [1, 9],
    after: [[1, 5]],
  },
  {
    what: 'the latest epoch may begin earlier',
    before: [[1, 5]],
    assigned: [1, 3],
    after: [[1, 3]],
  },
  {
    what: 'an epoch without records gives way to the next at the same offset',
    before: [
      [1, 5],
      [2, 9],
    ],
    assigned: [3, 9],
    after: [
      [1, 5],
      [3, 9],
    ],
  },
  {
    what: 'an older epoch at the end removes the newer ones',
    before: [
      [1, 5],
      [4, 9],
    ],
    assigned: [3, 12],
    after: [
      [1, 5],
      [3, 12],
    ],
  },
  {
    what: 'a start before known ones removes those',
    before: [
      [1, 5],
      [2, 9],
      [3, 12],
    ],
    assigned: [4, 7],
    after: [
      [1, 5],
      [4, 7],
    ],
  },
  { what: 'epoch 0 counts (KAFKA-10432)', before: [], assigned: [0, 0], after: [[0, 0]] },
])('$what', ({ before, assigned, after }) => {
  const { epochs, read, reopened } = epochsOf(...before)
  epochs.assign(...assigned)
  expect(read()).toEqual(after)
  expect(reopened()).toEqual(after)
})

test.each<{ what: string; offset: number; after: Entry[] }>([
  {
    what: 'beyond the last start keeps all',
    offset: 13,
    after: [
      [2, 4],
      [3, 8],
      [7, 12],
    ],
  },
  {
    what: 'at a start removes that epoch',
    offset: 12,
    after: [
      [2, 4],
      [3, 8],
    ],
  },
  {
    what: 'inside an epoch keeps it',
    offset: 9,
    after: [
      [2, 4],
      [3, 8],
    ],
  },
  { what: 'before all removes all', offset: 4, after: [] },
])('truncating the end $what', ({ offset, after }) => {
  const { epochs, read, reopened } = epochsOf([2, 4], [3, 8], [7, 12])
  epochs.truncateFromEnd(offset)
  expect(read()).toEqual(after)
  expect(reopened()).toEqual(after)
})

test.each<{ what: string; offset: number; after: Entry[] }>([
  {
    what: 'before all keeps all',
    offset: 3,
    after: [
      [2, 4],
      [3, 8],
      [7, 12],
    ],
  },
  {
    what: 'at the first start keeps all',
    offset: 4,
    after: [
      [2, 4],
      [3, 8],
      [7, 12],
    ],
  },
  {
    what: 'inside an epoch moves its start',
    offset: 6,
    after: [
      [2, 6],
      [3, 8],
      [7, 12],
    ],
  },
  {
    what: 'at a later start removes what is before',
    offset: 8,
    after: [
      [3, 8],
      [7, 12],
    ],
  },
  {
    what: 'inside a later epoch removes and moves',
    offset: 11,
    after: [
      [3, 11],
      [7, 12],
    ],
  },
  { what: 'beyond all keeps the last, moved', offset: 99, after: [[7, 99]] },
])('truncating the start $what', ({ offset, after }) => {
  const { epochs, read, reopened } = epochsOf([2, 4], [3, 8], [7, 12])
  epochs.truncateFromStart(offset)
  expect(read()).toEqual(after)
  expect(reopened()).toEqual(after)
})

test.each<{ what: string; requested: number; answer: Entry }>([
  { what: 'no epoch is undefined', requested: -1, answer: [-1, -1] },
  { what: 'the latest epoch ends at the log’s end', requested: 7, answer: [7, 20] },
  { what: 'an epoch above the latest is undefined', requested: 8, answer: [-1, -1] },
  { what: 'a known epoch ends where the next begins', requested: 3, answer: [3, 12] },
  {
    what: 'an unknown epoch between two is answered with the one below',
    requested: 5,
    answer: [3, 12],
  },
  { what: 'an epoch below the first ends where the first begins', requested: 1, answer: [1, 4] },
])('asked for its end offset, $what', ({ requested, answer }) => {
  const { epochs } = epochsOf([2, 4], [3, 8], [7, 12])
  const { leaderEpoch, endOffset } = epochs.endOffsetFor(requested, 20)
  expect([leaderEpoch, endOffset]).toEqual(answer)
})

test('an epoch that goes on after one without records began where it began', () => {
  const epochs = new LeaderEpochs(memoryDisk(), 'orders-0')
  epochs.assign(4, 5)
  epochs.assign(5, 7)
  epochs.assign(4, 7)
  expect(epochs.entries).toEqual([{ leaderEpoch: 4, startOffset: 5 }])
  epochs.assign(4, 3)
  expect(epochs.entries).toEqual([{ leaderEpoch: 4, startOffset: 3 }])
})

test('without any epoch every answer is undefined', () => {
  const { epochs } = epochsOf()
  expect(epochs.endOffsetFor(0, 20)).toEqual({ leaderEpoch: -1, endOffset: -1 })
  expect(epochs.latestEpoch).toBe(-1)
})

test('the epoch of an offset is the last that began at or before it', () => {
  const { epochs } = epochsOf([2, 4], [3, 8])
  expect([3, 4, 7, 8, 100].map(offset => epochs.epochAt(offset))).toEqual([-1, 2, 2, 3, 3])
})

test.each(['1\n0\n', '0\n2\n1 1\n', '0\n1\nx 1\n', '0\n1\n1 1 1\n', '0\n1\n-1 5\n'])(
  'a damaged file is not guessed on: %j',
  text => {
    const disk = memoryDisk()
    disk.open('t-0/leader-epoch-checkpoint').append([new TextEncoder().encode(text)])
    expect(() => new LeaderEpochs(disk, 't-0')).toThrow(CorruptCheckpoint)
  },
)

test('an empty list of entries is a sound file', () => {
  const disk = memoryDisk()
  writeCheckpoint(disk, 't-0/leader-epoch-checkpoint', [])
  expect(new LeaderEpochs(disk, 't-0').entries).toEqual([])
})
