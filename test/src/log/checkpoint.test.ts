import { expect, test } from 'vitest'
import {
  CorruptCheckpoint,
  highWatermarkCheckpoint,
  readOffsetCheckpoint,
  writeOffsetCheckpoint,
} from '../../../src/log/checkpoint.ts'
import {
  readPartitionMetadata,
  writePartitionMetadata,
} from '../../../src/log/partition-metadata.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'

const text = (value: string) => new TextEncoder().encode(value)

test('offsets of partitions are read as they were written, the latest writing counts', () => {
  const disk = memoryDisk()
  const offsets = [
    { topic: 'orders', partition: 0, offset: 12 },
    { topic: 'with.dots_and-dashes', partition: 11, offset: 2 ** 45 },
  ]
  writeOffsetCheckpoint(disk, highWatermarkCheckpoint, offsets.slice(0, 1))
  writeOffsetCheckpoint(disk, highWatermarkCheckpoint, offsets)
  expect(readOffsetCheckpoint(disk, highWatermarkCheckpoint)).toEqual(offsets)
  const file = disk.open(highWatermarkCheckpoint)
  expect(new TextDecoder().decode(file.read(0, 99))).toBe(
    `0\n2\norders 0 12\nwith.dots_and-dashes 11 ${2 ** 45}\n`,
  )
  expect(disk.list('')).toEqual([highWatermarkCheckpoint])
})

test('a checkpoint that is not there has no offsets', () => {
  expect(readOffsetCheckpoint(memoryDisk(), 'nothing')).toEqual([])
})

test.each(['0\n1\na 0\n', '0\n1\na 0 -1\n', '0\n1\na 0 1 2\n', '0\n5\na 0 1\n', '9\n0\n'])(
  'a damaged checkpoint is not guessed on: %j',
  damaged => {
    const disk = memoryDisk()
    disk.open('c').append([text(damaged)])
    expect(() => readOffsetCheckpoint(disk, 'c')).toThrow(CorruptCheckpoint)
  },
)

test('a log knows its topic id', () => {
  const disk = memoryDisk()
  expect(readPartitionMetadata(disk, 't-0')).toBeNull()
  writePartitionMetadata(disk, 't-0', 'b8tRS7h4TJ2Vt43Dp85v2A')
  expect(readPartitionMetadata(disk, 't-0')).toBe('b8tRS7h4TJ2Vt43Dp85v2A')
  const file = disk.open('t-0/partition.metadata')
  expect(new TextDecoder().decode(file.read(0, 99))).toBe(
    'version: 0\ntopic_id: b8tRS7h4TJ2Vt43Dp85v2A',
  )
  file.truncate(30)
  expect(() => readPartitionMetadata(disk, 't-0')).toThrow(CorruptCheckpoint)
})
