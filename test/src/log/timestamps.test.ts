/** ListOffsets by time: exact to the record, by way of the time index, also within compressed batches. */
import { expect, test } from 'vitest'
import { Log } from '../../../src/log/log.ts'
import { defaultLogOptions } from '../../../src/log/log-options.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodeCompression } from '../../../src/platform/node-compression.ts'
import { pureCompression } from '../../../src/platform/pure-compression.ts'
import type { CompressionName, DiskFile } from '../../../src/ports.ts'
import { encodeBatch } from '../../../src/records/record.ts'

const compression = nodeCompression()
const codecs: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** Batches of three records whose times lie 7 ms apart within a batch and 30 ms between two, in several segments. */
function filled(codec: CompressionName, timestampType: 'CreateTime' | 'LogAppendTime') {
  let bytesRead = 0
  const memory = memoryDisk()
  const counted = (file: DiskFile): DiskFile => {
    const { read } = file
    file.read = (position, length) => {
      const bytes = read.call(file, position, length)
      bytesRead += bytes.length
      return bytes
    }
    return file
  }
  const disk = { ...bound(memory), open: (path: string) => counted(memory.open(path)) }
  const options = {
    ...defaultLogOptions,
    segmentBytes: 20_000,
    indexIntervalBytes: 500,
    timestampType,
  }
  const log = Log.open(disk, 'orders-0', options, 0, { compression })
  for (let i = 0; i < 300; i++) {
    const records = [0, 7, 14].map(after => ({
      value: new Uint8Array(50).fill(i),
      timestamp: 1000 + 30 * i + after,
    }))
    const answer = log.appendAsLeader(
      encodeBatch({ records, compression: { codec, by: compression } }),
      {
        leaderEpoch: 4,
        nowMs: 50_000 + 100 * i,
        origin: 'client',
      },
    )
    if (!answer.ok) throw new Error(answer.message)
  }
  return { log, disk, options, read: () => bytesRead }
}

const bound = <T extends object>(it: T): T =>
  new Proxy({} as T, {
    get: (_, name) => {
      const value = Reflect.get(it, name)
      return typeof value === 'function' ? value.bind(it) : value
    },
    ownKeys: () => [
      'exists',
      'list',
      'rename',
      'remove',
      'flushDirectory',
      'flushLater',
      'lock',
      'open',
    ],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  })

test.each(codecs)('CreateTime, %s: the first record at or after the instant', codec => {
  const { log, read } = filled(codec, 'CreateTime')
  expect(log.segmentCount).toBeGreaterThan(1)
  const before = read()
  let asked = 0
  for (let at = 995; at < 1000 + 30 * 300; at += 11) {
    const into = Math.max(0, at - 1000)
    const within = [0, 7, 14].findIndex(after => into % 30 <= after)
    const offset = 3 * Math.floor(into / 30) + (within < 0 ? 3 : within)
    const expected = offset < 900 ? expect.objectContaining({ offset, leaderEpoch: 4 }) : null
    expect(log.offsetForTimestamp(at)).toEqual(expected)
    asked++
  }
  // Not the whole of any segment.
  expect((read() - before) / asked).toBeLessThan(10_000)
  expect(log.offsetOfMaxTimestamp()).toMatchObject({ offset: 899, timestamp: 1000 + 30 * 299 + 14 })
})

test.each(codecs)('LogAppendTime, %s: all of a batch bear the time of its append', codec => {
  const { log } = filled(codec, 'LogAppendTime')
  for (const i of [0, 1, 150, 299])
    for (const early of [0, 99])
      expect(log.offsetForTimestamp(50_000 + 100 * i - early)).toMatchObject({
        offset: 3 * i,
        timestamp: 50_000 + 100 * i,
      })
  expect(log.offsetForTimestamp(50_000 + 100 * 299 + 1)).toBeNull()
})

test('where a platform lacks the codec it is the first of the batch', () => {
  const { log, disk, options } = filled('zstd', 'CreateTime')
  log.abandon()
  const without = Log.open(disk, 'orders-0', options, 0, { compression: pureCompression() })
  expect(without.offsetForTimestamp(1000 + 30 * 10 + 14)).toMatchObject({ offset: 30 })
})
