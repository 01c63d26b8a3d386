import { expect, test } from 'vitest'
import { readMetaProperties, writeMetaProperties } from '../../../src/broker/meta-properties.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'

test('a new disk belongs to nobody', () => {
  expect(readMetaProperties(memoryDisk())).toEqual({ brokerId: null, clusterId: null })
})

test('what is written is read, also over an earlier one', () => {
  const disk = memoryDisk()
  writeMetaProperties(disk, { brokerId: 1, clusterId: 'a-long-cluster-id=' })
  writeMetaProperties(disk, { brokerId: 2, clusterId: 'b' })
  expect(readMetaProperties(disk)).toEqual({ brokerId: 2, clusterId: 'b' })
  expect(disk.list('')).toEqual(['meta.properties'])
})

test("Kafka's own file is read, comments and all", () => {
  const disk = memoryDisk()
  const text = '#\n#Sun Nov 22 23:00:00 UTC 2026\ncluster.id=x\nversion=0\nbroker.id=7\n'
  disk.open('meta.properties').append([new TextEncoder().encode(text)])
  expect(readMetaProperties(disk)).toEqual({ brokerId: 7, clusterId: 'x' })
})

test('a file of nonsense says nothing', () => {
  const disk = memoryDisk()
  disk.open('meta.properties').append([new TextEncoder().encode('broker.id=seven\n\u0000=')])
  expect(readMetaProperties(disk)).toEqual({ brokerId: null, clusterId: null })
})
